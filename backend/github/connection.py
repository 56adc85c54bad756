"""The line to GitHub that one person's token opens: the sessions of both libraries, and what they have in common."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import github as pygithub
import httpx
from github.Repository import Repository

from backend.certificates import certificates
from backend.errors import GitHubNotFound, InvalidInput
from backend.github.failures import as_our_errors, refusal
from backend.github.types import NotModified

TIMEOUT = 10  # seconds, to connect and for each read
API_VERSION = "2022-11-28"
USER_AGENT = "asynccoder"
PAGE = 100
_LONGEST_LOG = 512 * 1024  # bytes of a check's log, from its end
_FULL_NAME = re.compile(r"[A-Za-z0-9_-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+")


class Connection:
    """One person's sessions. Nothing is retried, nothing waits, and the token is never shown."""

    def __init__(self, api_url: str, token: str, http: httpx.Client | None = None) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._http = http
        self._own_http: httpx.Client | None = None  # made at the first wish
        self.pygithub = session(self._api_url, pygithub.Auth.Token(token))

    def __repr__(self) -> str:
        return f"GitHub({self._api_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections that this object opened."""
        self.pygithub.close()
        if self._own_http:
            self._own_http.close()

    def repository_of(self, full_name: str) -> Repository:
        """PyGithub's, which has asked nothing yet."""
        return self.pygithub.get_repo(checked(full_name))

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """An answer, read whole. Raises GitHubError for a refusal."""
        with self._asked(path, headers) as answer:
            answer.read()
            return answer

    def get_if_changed(self, path: str, etag: str | None) -> httpx.Response | NotModified:
        """As `get`; with an earlier answer's `etag` NotModified where it is as it was, which costs no rate limit."""
        answer = self.get(path, {"If-None-Match": etag} if etag else {})
        return NotModified(etag) if answer.status_code == 304 and etag else answer

    def pages(self, path: str, most: int) -> Iterator[Any]:
        """The items of a list, at most so many hundreds of them, page by page; `path` has a query with `per_page`."""
        for page in range(1, most // PAGE + 1):
            listed = items_of(self.get(f"{path}&page={page}").json())
            yield from listed
            if len(listed) < PAGE:
                return

    def send(self, verb: str, full_name: str, path: str, wish: dict[str, Any]) -> Any:
        """What is answered to a change of something of a repository, which is looked for first: it may have moved."""
        url = f"{self.repository_of(full_name).complete().url}/{path}"
        _, data = self.pygithub.requester.requestJsonAndCheck(verb, url, input=wish)
        return data

    def end_of(self, path: str) -> str:
        """The last 512 KB of a text."""
        kept = b""
        with as_our_errors(), self._asked(path) as answer:
            for piece in answer.iter_bytes():
                kept = (kept + piece)[-_LONGEST_LOG:]
        return kept.decode("utf-8", errors="replace")

    @contextmanager
    def _asked(self, path: str, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        own = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "User-Agent": USER_AGENT,
        }
        if not self._http:
            self._http = self._own_http = httpx.Client(verify=certificates(httpx))
        # A rename answers with a redirect; httpx drops the token where one leads to another host.
        with self._http.stream(
            "GET", self._api_url + path, headers=own | (headers or {}), follow_redirects=True, timeout=TIMEOUT
        ) as answer:
            if answer.status_code >= 400:
                answer.read()
                raise refusal(answer.status_code, _json_or_none(answer), answer.headers)
            yield answer


def session(api_url: str, auth: pygithub.Auth.Auth) -> pygithub.Github:
    """A session of PyGithub's that asks nothing by itself, retries nothing and waits between nothing."""
    return pygithub.Github(
        base_url=api_url,
        auth=auth,
        timeout=TIMEOUT,
        user_agent=USER_AGENT,
        per_page=PAGE,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
        api_version=API_VERSION,
    )


def checked(full_name: str) -> str:
    """The name as part of a path. Anything else than owner/name is told as GitHub would: it is not there."""
    if not _FULL_NAME.fullmatch(full_name):
        raise GitHubNotFound("GitHub does not know it, or does not show it to you.")
    return full_name


def items_of(data: Any) -> list[Any]:
    """A list, as GitHub says it is. Raises InvalidInput."""
    if not isinstance(data, list):
        raise InvalidInput("GitHub's message does not have the expected shape (the whole).")
    return data


def _json_or_none(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
