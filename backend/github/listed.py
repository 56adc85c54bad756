"""What PyGithub lists, as values of ours."""

from typing import Any

from github.PullRequest import PullRequest

from backend.github.documents import PullDocument, parse_document
from backend.github.types import RemotePull


def remote_pull(pull: PullRequest) -> RemotePull:
    """A listed pull request, looked at once more by itself: that answer's ETag is the one `pull` needs."""
    data = pull.raw_data
    etag = pull.raw_headers.get("etag")
    return parse_pull(data, str(etag) if etag else None)


def parse_pull(data: Any, etag: str | None = None) -> RemotePull:
    """A pull request's JSON, with the ETag that it came with. Raises InvalidInput."""
    return parse_document(PullDocument, data).as_pull(etag)
