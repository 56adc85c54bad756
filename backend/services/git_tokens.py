"""What git is handed for a run: for a clone that nothing is to be pushed from, a token that cannot push."""

from backend import log
from backend.errors import GitHubError, GitHubUnauthorized, Misconfigured, RunFailed
from backend.github import app
from backend.services import github_tokens
from backend.services.brief import Brief
from backend.settings import get_settings
from backend.words import Failure

_log = log.get(__name__)


def for_push(facts: Brief) -> str:
    """The owner's token as it is now: one that was good at the clone may be renewed by the push. Raises RunFailed."""
    try:
        return github_tokens.opened(facts.user_id)
    except GitHubUnauthorized as error:
        raise RunFailed(Failure.ACCESS_LOST, str(error)) from error
    except GitHubError as error:  # it cannot be renewed just now
        raise RunFailed(Failure.CLONE_FAILED, str(error)) from error


def for_clone(facts: Brief) -> str:
    """The owner's token, or of a run that may change nothing the GitHub App's, which reads this repository alone.

    The app reaches more than the person may: theirs has said before that they see it (whereabouts.followed).
    An OAuth app has none such. Raises RunFailed, GitHubError with `retry_after` where the rate is limited.
    """
    known = get_settings().github_app
    if facts.task_type.may_edit or known is None:
        return for_push(facts)
    try:
        api_url = get_settings().github_api_url
        token = app.reading_token(api_url, *known, full_name=facts.full_name, github_id=facts.repository_github_id)
    except GitHubError as error:
        if error.retry_after is not None:
            raise
        raise RunFailed(Failure.CLONE_FAILED, str(error)) from error
    except Misconfigured as error:
        _log.error("GitHub refuses the app", error=str(error), fix=error.fix)
        raise RunFailed(Failure.CLONE_FAILED, f"{error} Ask your admin.") from error
    # Not installed there: a GitHub App's user token reaches there what everybody does, and cannot push either.
    return token or for_push(facts)
