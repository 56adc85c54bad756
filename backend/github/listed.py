"""What PyGithub lists, as values of ours."""

from itertools import islice
from typing import Any

from github.PullRequest import PullRequest
from github.Repository import Repository

from backend.github.documents import PullDocument, parse_document
from backend.github.types import AccessLevel, RemotePull, RemoteRepository


def remote_repository(repository: Repository) -> RemoteRepository:
    """With this person's access; an empty one may cost a request more."""
    access = _access_level(repository)
    default_branch = repository.default_branch or ""
    return RemoteRepository(
        github_id=repository.id,
        owner_login=repository.owner.login,
        name=repository.name,
        full_name=repository.full_name,
        description=repository.description,
        is_private=repository.private,
        default_branch=default_branch,
        language=repository.language,
        url=repository.html_url,
        clone_url=repository.clone_url,
        access_level=access,
        is_archived=repository.archived,
        is_empty=not default_branch or _is_empty(repository),
        # A personal repository has an owner (admin) and collaborators, who may write.
        # docs.github.com: "Permission levels for a personal account repository"
        is_collaborator=repository.owner.type == "User" and access == "write",
    )


def _is_empty(repository: Repository) -> bool:
    """GitHub's size is in kilobytes and late, so a size of 0 alone says nothing: then its branches are asked for."""
    return repository.size == 0 and not any(True for _ in islice(repository.get_branches(), 1))


def _access_level(repository: Repository) -> AccessLevel:
    rights = repository.permissions
    if rights.admin or rights.maintain:
        return "admin"
    return "write" if rights.push else "read"


def remote_pull(pull: PullRequest) -> RemotePull:
    """A listed pull request, looked at once more by itself: that answer's ETag is the one `pull` needs."""
    data = pull.raw_data
    etag = pull.raw_headers.get("etag")
    return parse_pull(data, str(etag) if etag else None)


def parse_pull(data: Any, etag: str | None = None) -> RemotePull:
    """A pull request's JSON, with the ETag that it came with. Raises InvalidInput."""
    return parse_document(PullDocument, data).as_pull(etag)
