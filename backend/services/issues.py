"""GitHub's issues as the beginning of a task: looked up by what a person wrote, and put into the prompt.

What a task is for stands in its prompt and nowhere else: there its person sees it, and can delete it with its line.
Everything below that line is what others wrote, quoted line by line, so that none of it can pass for another reference.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import Session, col, func, select

from backend import jsonb
from backend.db import transaction
from backend.errors import GitHubNotFound, InvalidInput, NotFound, TooLarge
from backend.github.types import RemoteComment
from backend.hidden_text import plain, visible
from backend.models import Repository, User, UserRepositoryAccess
from backend.services import access, mentions, repositories
from backend.services.tasks.write import MAX_PROMPT, MAX_PROMPT_BYTES
from backend.settings import get_settings

MOST_COMMENTS = 5
MOST_REFERENCES = 5
_MOST_BODY, _MOST_COMMENT, _MOST_TITLE = 16_000, 2_000, 300  # characters
_LEAST_ROOM = 500  # characters, below which an issue would be no more than its title
_CUT = "(cut here: the rest is on GitHub)"
_FULL_NAME = r"[A-Za-z0-9][\w-]*/[\w.-]+"
_WRITTEN = re.compile(rf"({_FULL_NAME})?#(\d{{1,9}})", re.ASCII)
_PATH = re.compile(rf"/({_FULL_NAME})/(issues|pull)/(\d{{1,9}})/?", re.ASCII)
_LINE = re.compile(rf"^Issue ({_FULL_NAME})#(\d{{1,9}}): ", re.ASCII | re.MULTILINE)


@dataclass(frozen=True)
class Issue:
    """An issue of a repository that its reader can reach; `comments` counts them. Its words are somebody else's."""

    repository_id: UUID
    full_name: str
    number: int
    title: str
    body: str
    author: str
    is_open: bool
    comments: int
    url: str


def look_up(user_id: UUID, reference: str, repository_id: UUID | None) -> Issue:
    """The issue that `#12`, `owner/name#12` or an address names; a bare number is one of the repository given.

    Asks GitHub once. Raises InvalidInput for what names no issue (a pull request, another host), NotFound for what is
    not there or not this person's to see, GitHubUnauthorized or GitHubError where GitHub does not answer.
    """
    full_name, number = _parse(reference)
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("The person no longer exists.")
        found = _repository(session, user, full_name, repository_id)
        repository_id, full_name = found.id, found.full_name
    try:
        issue = repositories.with_github(user_id, lambda github: github.issue(full_name, number))
    except GitHubNotFound as error:
        raise NotFound(f"There is no issue #{number} in {full_name}, or GitHub does not show it to you.") from error
    if issue.is_pull:
        raise InvalidInput(f"#{number} in {full_name} is a pull request, not an issue.")
    if not urlsplit(issue.url).path.lower().startswith(f"/{full_name.lower()}/"):
        raise NotFound(f"Issue #{number} is no longer in {full_name}: it was moved to another repository.")
    return Issue(
        repository_id=repository_id,
        full_name=full_name,
        number=issue.number,
        title=title_of(issue.title),
        body=issue.body,
        author=issue.author,
        is_open=issue.is_open,
        comments=issue.comments,
        url=issue.url,
    )


def as_prompt(user_id: UUID, issue: Issue, written: str = "") -> str:
    """The issue with its first comments as Markdown for a prompt that holds `written` already.

    Raises TooLarge where that leaves no room, GitHubUnauthorized or GitHubError.
    """
    said: list[RemoteComment] = []
    if issue.comments:
        said = repositories.with_github(
            user_id, lambda github: github.issue_comments(issue.full_name, issue.number, MOST_COMMENTS)
        )
    return told(issue, [one for one in said if mentions.MARK not in one.body], written)


def told(issue: Issue, said: Sequence[RemoteComment], written: str = "", *, kind: str = "Issue") -> str:
    """As `as_prompt`, with the comments at hand; `kind` is what it is called."""
    state = "" if issue.is_open else " It is closed."
    parts = [
        f"{kind} {issue.full_name}#{issue.number}: {issue.title}\n{issue.url}",
        f"{issue.author or 'Somebody'} wrote:{state}",
        quoted(issue.body, _MOST_BODY) or "(no description)",
    ]
    for one in said:
        parts += [f"Comment by {one.author or 'somebody'}:", quoted(one.body, _MOST_COMMENT) or "(empty)"]
    if issue.comments > len(said):
        parts.append(f"({issue.comments - len(said)} more comments are on GitHub)")
    return _fitting("\n\n".join(parts), written)


def references(prompt: str, full_name: str) -> tuple[str, ...]:
    """The issues that a prompt's own lines name, as a pull request of the repository `full_name` refers to them."""
    found = [
        f"#{number}" if name.lower() == full_name.lower() else f"{name}#{number}"
        for name, number in _LINE.findall(prompt)
    ]
    return tuple(dict.fromkeys(found))[:MOST_REFERENCES]


def title_of(words: str) -> str:
    """An issue's title as one line."""
    return " ".join(plain(words).split())[:_MOST_TITLE] or "(no title)"


def _parse(reference: str) -> tuple[str, int]:
    """The repository's full name, empty for a bare number, and the issue's number."""
    reference = jsonb.searched(reference)
    if "://" in reference:
        return _parse_address(reference)
    found = _WRITTEN.fullmatch(reference)
    if found is None:
        raise InvalidInput("Name an issue as #12, owner/repository#12 or by its address.")
    return found[1] or "", int(found[2])


def _parse_address(reference: str) -> tuple[str, int]:
    try:
        address = urlsplit(reference)
    except ValueError as error:
        raise InvalidInput("This is no address of an issue.") from error
    own = urlsplit(get_settings().github_url).netloc
    same = {own, own.replace("127.0.0.1", "localhost")}
    if address.scheme not in ("http", "https") or address.netloc.lower() not in same:
        raise InvalidInput(f"This address leads to another host: issues are read from {own}.")
    found = _PATH.fullmatch(address.path)
    if found is None:
        raise InvalidInput("This is no address of an issue.")
    if found[2] == "pull":
        raise InvalidInput(f"#{found[3]} in {found[1]} is a pull request, not an issue.")
    return found[1], int(found[3])


def _repository(session: Session, user: User, full_name: str, repository_id: UUID | None) -> Repository:
    if full_name:
        repository_id = session.exec(
            select(Repository.id)
            .join(UserRepositoryAccess, col(UserRepositoryAccess.repository_id) == Repository.id)
            .where(
                UserRepositoryAccess.user_id == user.id,
                func.lower(Repository.full_name) == full_name.lower(),
                col(Repository.is_active),
            )
        ).first()
        if repository_id is None:
            raise NotFound(f"You cannot reach {full_name} here. If it is new to you, sync your repositories.")
    if repository_id is None:
        raise InvalidInput("Pick a repository first, or write owner/repository#12.")
    return access.repository(session, user, repository_id)


def quoted(words: str, most: int) -> str:
    """What somebody wrote as a Markdown quotation, cut to `most` characters; empty for nothing."""
    words = visible(words).strip()
    if len(words) > most:
        words = f"{words[:most].rstrip()}\n\n{_CUT}"
    return "\n".join(f"> {line}".rstrip() for line in words.split("\n")) if words else ""


def _fitting(piece: str, written: str) -> str:
    """As much of it as the prompt has room for, with a note where it was cut. Raises TooLarge."""
    around = f"{jsonb.clean_text(written)}\n\n\n\n{_CUT}"
    room, space = MAX_PROMPT - len(around), MAX_PROMPT_BYTES - jsonb.size(around)
    if min(room, space) < _LEAST_ROOM:
        raise TooLarge("The prompt has no room left for the issue. Shorten it, then import the issue again.")
    if len(piece) <= room and jsonb.size(piece) <= space:
        return piece
    kept = bisect_right(range(min(len(piece), room)), space, key=lambda end: jsonb.size(piece[:end])) - 1
    return f"{piece[:kept].rstrip()}\n\n{_CUT}"
