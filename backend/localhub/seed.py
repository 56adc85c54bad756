"""What a new hub holds: three people, an organisation, a few repositories, and the operator's own with --demo-repo.

Everything here may run at each start: what is there stays as people left it.
"""

import re
import sqlite3
from pathlib import Path

from backend.errors import GitError, Misconfigured
from backend.localhub import access, git, labels, pulls
from backend.localhub.git import Bare
from backend.localhub.hub import Hub
from backend.localhub.repositories import Unborn, head_branch
from backend.localhub.sample_issues import ISSUES, SampleIssue
from backend.localhub.sample_pulls import PULLS, SamplePull
from backend.localhub.samples import SAMPLES, Sample
from backend.localhub.store import Account, Pull, Repository, every, one, stamp

APP_HOOK = 1
FIRST_DEMO_ID = 2101
FIRST_ISSUE_ID = 4_000_000_000
FIRST_PULL_ID = 4_500_000_000
_EVENTS = (
    "check_run,issue_comment,issues,member,pull_request,pull_request_review,pull_request_review_comment,push,repository"
)
_PEOPLE = (
    Account(1001, "alice", "User", "Alice Weber", "alice@example.org", "2024-03-01T09:00:00Z"),
    Account(1002, "bob", "User", "Bob Okafor", "bob@example.org", "2024-03-02T09:00:00Z"),
    Account(1003, "carol", "User", "Carol Novak", None, "2024-03-03T09:00:00Z"),
    Account(1100, "acme", "Organization", "Acme", None, "2024-03-04T09:00:00Z"),
)
_MEMBERS = ((1100, 1001), (1100, 1002))
_DATE = "1736154000 +0000"  # of the samples' commits: the same everywhere, and so are their shas


def seed(hub: Hub) -> None:
    """People, sample repositories and the app's webhook; and what a crash left half done is finished."""
    with hub.store.write() as db:
        for account in _PEOPLE:
            values = (account.id, account.login, account.type, account.name, account.email, account.created_at)
            db.execute("INSERT OR IGNORE INTO account VALUES (?, ?, ?, ?, ?, ?)", values)
        db.executemany("INSERT OR IGNORE INTO membership VALUES (?, ?)", _MEMBERS)
        _set_app_hook(hub, db)
    for sample in SAMPLES:
        _add_sample(hub, sample)
    with hub.store.write() as db:
        for issue in ISSUES:
            _add_issue(db, issue)
    for pull in PULLS:
        _add_pull(hub, pull)
    with hub.store.write() as db:
        for repository in every(db, Repository, "SELECT * FROM repository"):
            pulls.observe(hub, db, repository.id)


def add_demo_repository(hub: Hub, source: Path) -> str:
    """Copies a repository of this machine to alice; brings its new commits when it is there already. Its full name.

    Raises Misconfigured for a folder that is no git repository with a commit on a branch.
    """
    source = source.expanduser().resolve()
    try:
        branch = head_branch(source)
    except Unborn as error:
        raise Misconfigured(str(error), fix="Make its first commit, then start again.") from error
    except (GitError, OSError) as error:
        raise Misconfigured(
            f"{source} cannot be used as a demo repository: {error}", fix="Name a folder with a git repository."
        ) from error
    with hub.store.write() as db:
        owner = _account(db, "alice")
        repository = one(db, Repository, "SELECT * FROM repository WHERE source = ?", str(source))
        if repository is None:
            query = "SELECT coalesce(max(id) + 1, ?) FROM repository WHERE id >= ?"
            repository_id = db.execute(query, (FIRST_DEMO_ID, FIRST_DEMO_ID)).fetchone()[0]
            name = _free_name(db, owner, source)
            hub.repositories.create(repository_id, branch)
            row = Sample(repository_id, "alice", name, f"A copy of {source.name}", True, {}, branch=branch)
            repository = _insert(db, owner, row, str(source))
    with hub.repositories.held(repository.id) as bare:
        try:
            hub.repositories.copy_from(bare, source)
        except GitError as error:
            raise Misconfigured(
                f"{source} could not be copied: {error}", fix="Look whether `git fsck` finds it whole."
            ) from error
        with hub.store.write() as db:
            pulls.note_push(hub, db, repository.id)
            pulls.observe(hub, db, repository.id)
    return f"{owner.login}/{repository.name}"


def _add_sample(hub: Hub, sample: Sample) -> None:
    with hub.store.read() as db:
        owner = _account(db, sample.owner)
        if one(db, Repository, "SELECT * FROM repository WHERE id = ?", sample.id):
            return
    bare = hub.repositories.create(sample.id, sample.branch)
    _commit(bare, sample.branch, sample.files)
    with hub.store.write() as db:
        _insert(db, owner, sample, None)
        for login, level in sample.access.items():
            db.execute("INSERT INTO access VALUES (?, ?, ?)", (sample.id, _account(db, login).id, level))
        pulls.note_push(hub, db, sample.id)


def _add_issue(db: sqlite3.Connection, issue: SampleIssue) -> None:
    issue_id = FIRST_ISSUE_ID + issue.repository_id * 100 + issue.number
    author = _account(db, issue.author).id
    added = db.execute(
        "INSERT OR IGNORE INTO issue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(issue_id, issue.repository_id, issue.number, issue.title, issue.body, issue.state, author),
            *(issue.created_at, issue.changed_at, issue.changed_at if issue.state == "closed" else None),
        ),
    )
    for at, (login, text) in enumerate(issue.comments if added.rowcount else ()):
        where = (issue.repository_id, issue.number, _account(db, login).id)
        values = (issue_id * 10 + at, *where, text, issue.changed_at, issue.changed_at)
        db.execute("INSERT INTO comment VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    for name in issue.labels if added.rowcount else ():
        label = labels.made(db, issue.repository_id, name)
        db.execute("INSERT INTO labelled VALUES (?, ?, ?)", (issue.repository_id, issue.number, label.id))


def _add_pull(hub: Hub, sample: SamplePull) -> None:
    """Nobody is told of it: it is of before the hub."""
    bare = hub.repositories.of(sample.repository_id)
    with hub.store.read() as db:
        base = access.place_of(db, sample.repository_id).repository.default_branch
        known = "SELECT * FROM pull WHERE repository_id = ? AND (number = ? OR state = 'open' AND head_ref = ?)"
        if one(db, Pull, known, sample.repository_id, sample.number, sample.branch):
            return  # it, or in a hub of before somebody else's
    base_sha = bare.branches()[base]
    if bare.branch(sample.branch) is None:
        _commit(bare, sample.branch, sample.files, sample.title, base_sha)
    head = bare.branches()[sample.branch]
    bare.pin(sample.number, head)
    with hub.store.write() as db:
        at, author = sample.created_at, _account(db, sample.author).id
        db.execute(
            "INSERT INTO pull (id, repository_id, number, title, body, state, draft, account_id, head_ref, head_sha,"
            " base_ref, base_sha, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'open', 0, ?, ?, ?, ?, ?, ?, ?)",
            (
                FIRST_PULL_ID + sample.repository_id * 100 + sample.number,
                *(sample.repository_id, sample.number, sample.title, sample.body, author),
                *(sample.branch, head, base, base_sha, at, at),
            ),
        )


def _insert(db: sqlite3.Connection, owner: Account, sample: Sample, source: str | None) -> Repository:
    now = stamp()
    db.execute(
        "INSERT INTO repository VALUES (?, ?, ?, ?, ?, ?, NULL, 0, ?, ?, ?, ?, 0, 0)",
        (sample.id, owner.id, sample.name, sample.description, sample.is_private, sample.branch, source, now, now, now),
    )
    return access.place_of(db, sample.id).repository


def _commit(bare: Bare, branch: str, files: dict[str, str], words: str = "First version", parent: str = "") -> None:
    """The files as the branch's first commit, by git's fast import: no work tree, the same sha every time."""
    who = "Alice Weber <alice@example.org>"
    lines = [f"commit refs/heads/{branch}\nauthor {who} {_DATE}\ncommitter {who} {_DATE}\n", _data(f"{words}\n")]
    lines += [f"from {parent}\n"] if parent else []
    for path, text in files.items():
        lines.append(f"M 100644 inline {path}\n{_data(text)}")
    git.run(["fast-import", "--quiet", "--date-format=raw"], cwd=bare.path, data="".join(lines).encode())


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _set_app_hook(hub: Hub, db: sqlite3.Connection) -> None:
    """The app's own webhook, as a GitHub App has one: it hears of every repository."""
    config, now = hub.config, stamp()
    db.execute(
        "INSERT INTO hook VALUES (?, NULL, ?, ?, 'json', '0', ?, 1, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " url = excluded.url, secret = excluded.secret, events = excluded.events, updated_at = excluded.updated_at",
        (APP_HOOK, config.webhook_url, config.webhook_secret, _EVENTS, now, now),
    )


def _account(db: sqlite3.Connection, login: str) -> Account:
    found = access.account_of_login(db, login)
    if found is None:
        raise LookupError(f"no account {login}")
    return found


def _free_name(db: sqlite3.Connection, owner: Account, source: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", source.name).strip("-.")[:90].removesuffix(".git") or "repository"
    query = "SELECT name FROM repository WHERE owner_id = ?"
    taken = {row[0].lower() for row in db.execute(query, (owner.id,))}
    names = (plain if number == 1 else f"{plain}-{number}" for number in range(1, len(taken) + 3))
    return next(name for name in names if name.lower() not in taken)
