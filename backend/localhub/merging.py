"""Merging a pull request: a merge commit or a squash, made by git without a work tree."""

import sqlite3
from dataclasses import dataclass, replace

from backend.errors import GitError
from backend.localhub import pulls
from backend.localhub.access import Place
from backend.localhub.git import Bare, Conflict, Signature
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, invalid
from backend.localhub.store import Account, Pull, stamp

METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True)
class Wish:
    """How to merge; `sha` is the head it was decided on, None to take any."""

    method: str = "merge"
    title: str | None = None
    message: str | None = None
    sha: str | None = None


def merge(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull, wish: Wish) -> Pull:
    """Merges. The caller holds the repository's lock. Raises Refused: 405 where it cannot be, 409 for another head."""
    bare = hub.repositories.of(place.repository.id)
    branches = bare.branches()
    head, base = branches.get(pull.head_ref), branches.get(pull.base_ref)
    _check(pull, wish)
    if not head or not base:
        raise Refused(405, "Pull Request is not mergeable")
    if wish.sha is not None and wish.sha != head:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    try:
        tree = bare.merged_tree(base, head)
    except Conflict:
        raise Refused(405, "Pull Request is not mergeable") from None
    author = Signature(who.name or who.login, who.email or f"{who.login}@localhost", stamp())
    parents = (base, head) if wish.method == "merge" else (base,)
    merged = bare.write_commit(tree, parents, _message(bare, place, pull, wish, base, head), author)
    try:
        bare.move(pull.base_ref, merged, base)
    except GitError:
        raise Refused(409, "Base branch was modified. Review and try the merge again.") from None
    pulls.note_push(hub, db, place.repository.id)
    done = pulls.mark_merged(hub, db, who, replace(pull, head_sha=head, base_sha=base), merged)
    pulls.observe(hub, db, place.repository.id, who)  # the others' base has moved
    return done


def _check(pull: Pull, wish: Wish) -> None:
    if wish.method not in METHODS:
        raise invalid("PullRequest", field="merge_method")
    if wish.method == "rebase":
        raise Refused(405, "Rebase merges are not allowed on this repository.")
    if pull.draft and pull.state == "open":
        raise Refused(405, "Pull Request is still a draft")
    if pull.state == "closed":
        raise Refused(405, "Pull Request is not mergeable")


def _message(bare: Bare, place: Place, pull: Pull, wish: Wish, base: str, head: str) -> str:
    if wish.method == "merge":
        title = wish.title or f"Merge pull request #{pull.number} from {place.owner.login}/{pull.head_ref}"
        body = pull.title if wish.message is None else wish.message
        return f"{title}\n\n{body}".strip()
    made = bare.commits_between(base, head)
    only = made[0].message if len(made) == 1 else ""
    first, _, rest = only.partition("\n")
    listed = "\n\n".join(f"* {commit.message}" for commit in made)
    title = wish.title or f"{first or pull.title} (#{pull.number})"
    body = (rest.strip() if only else listed) if wish.message is None else wish.message
    return f"{title}\n\n{body}".strip()
