"""Where a run's repository is now: renamed and moved ones are followed, and a name that another has by now is not."""

from dataclasses import replace

from sqlmodel import Session

from backend.db import patiently
from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized, RunFailed
from backend.github.client import GitHub
from backend.github.types import RemoteRepository
from backend.models import Repository, User
from backend.services import brief, repositories, repository_syncs
from backend.services.brief import Brief
from backend.words import Failure


def followed(facts: Brief, fault: Failure = Failure.CLONE_FAILED) -> Brief:
    """The brief with the name and the address that its repository has on GitHub now, as its person sees it.

    Raises RunFailed(access_lost, repository_gone, or `fault` where GitHub is away), GitHubError with `retry_after`.
    """
    known = patiently(lambda session: session.get_one(Repository, facts.repository_id).full_name)
    facts = replace(facts, full_name=known)  # a webhook may have told since
    try:
        found = repositories.with_github(facts.user_id, lambda github: asked(github, facts))
    except GitHubNotFound as error:
        patiently(lambda session: repository_syncs.ask(session, facts.user_id))  # their lists are not right either
        raise RunFailed(Failure.ACCESS_LOST, _lost(facts, str(error))) from error
    except GitHubUnauthorized as error:
        raise RunFailed(Failure.ACCESS_LOST, str(error)) from error
    except GitHubError as error:
        if error.retry_after is not None:
            raise
        raise RunFailed(fault, f"GitHub could not be asked where the repository is. {error}") from error
    patiently(lambda session: repositories.refresh(session, facts.user_id, found))
    patiently(lambda session: _require(session, facts))  # of what GitHub has just said
    return replace(facts, full_name=found.full_name, clone_url=found.clone_url)


def asked(github: GitHub, facts: Brief) -> RemoteRepository:
    """The repository as GitHub shows it now. Raises GitHubNotFound where the name is another one's by now."""
    found = github.repository(facts.full_name)
    if found.github_id != facts.repository_github_id:
        raise GitHubNotFound(f"Another repository is called {facts.full_name} on GitHub now.")
    return found


def _require(session: Session, facts: Brief) -> None:
    brief.require(session, session.get_one(User, facts.user_id), facts.repository_id, facts.task_type)


def _lost(facts: Brief, words: str) -> str:
    return f"{words} This was {facts.full_name}; your repositories are synced now."
