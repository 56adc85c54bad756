"""From a work tree to a branch on the server: commit, push, and a rebase where somebody else was there first."""

import re
from collections.abc import Sequence
from datetime import datetime

from backend import clock
from backend.errors import GitError, GitHubError, RunFailed
from backend.jsonb import without_direction
from backend.words import Failure
from backend.workspace import checkpoint
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_branch, check_clone_url, check_sha, run_git, text
from backend.workspace.mirror import remote_failure

PLATFORM = ("Async Coder", "async-coder@noreply.invalid")
_TRIES = 3  # how often a branch may move under our hands
_TIMEOUT = 600.0  # seconds for one push or fetch
_SLUG_LENGTH = 48
_THEIRS = "refs/asynccoder/theirs"


def work_branch(task_short_id: str, title: str) -> str:
    """`asynccoder/<short id>-<slug of the title>`."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower().encode("ascii", "ignore").decode()).strip("-")
    slug = slug[:_SLUG_LENGTH].rstrip("-")
    return check_branch(f"asynccoder/{task_short_id}-{slug}" if slug else f"asynccoder/{task_short_id}")


def commit(
    checkout: Checkout,
    *,
    title: str,
    body: str,
    author: tuple[str, str],
    trailers: Sequence[str] = (),
    when: datetime | None = None,
    tree: str | None = None,
    merged: str | None = None,
) -> str | None:
    """Commits the work tree, or the `tree` that is given instead; None where nothing differs from the base.

    With a `merged` commit it is a merge of that one, and there is always something to say.

    Twice is once: where HEAD has this tree already, HEAD is the answer. `author` is (name, email), the committer is the
    platform, trailers are lines such as `Task: <link>`; `when` makes the commit's name the same on every attempt.
    """
    tree = tree or checkpoint.write(checkout)
    head = checkout.head
    if merged in _parents(checkout, head)[1:]:
        return head
    if merged is None and tree == tree_of(checkout, head):
        return None if head == checkout.base_sha else head
    date = f"@{int((when or clock.now()).timestamp())} +0000"
    parents = [head, *([merged] if merged else [])]
    sha = _write_commit(checkout, tree, parents, _message(title, body, trailers), author, date)
    checkout.git(["update-ref", "--no-deref", "HEAD", sha])
    return sha


def push(checkout: Checkout, branch: str, sha: str, token: str | None, clone_url: str, protocols: str) -> str:
    """Pushes commit `sha` to a branch, never by force; returns the commit that is there now.

    A branch that has it already is fine. One that somebody else moved gets our commits on top of theirs, without a work
    tree, hooks or filters. Raises RunFailed(push_rejected, conflict, access_lost, repository_gone), GitHubError with
    `retry_after` where it limits the rate, and GitError where the server could not be reached and another attempt may
    help.
    """
    check_branch(branch), check_sha(sha), check_clone_url(clone_url, protocols)
    for _ in range(_TRIES):
        try:
            refspec = f"{sha}:refs/heads/{branch}"
            _remote(checkout, ["push", "--quiet", "--", clone_url, refspec], token, protocols)
            return sha
        except GitError as error:
            if not _is_behind(error):
                raise _refusal(error) from error
        theirs = _fetch(checkout, branch, token, clone_url, protocols)
        if theirs is None:
            continue  # it was there and is gone again
        if _contains(checkout, theirs, sha) or _is_same_work(checkout, theirs, sha):
            return theirs
        sha = _onto(checkout, theirs, sha)
    raise RunFailed(Failure.PUSH_REJECTED, f"The branch {branch} kept moving. The changes are kept as a patch.")


def _remote(checkout: Checkout, args: list[str], token: str | None, protocols: str) -> bytes:
    return run_git(args, git_dir=checkout.git_dir, token=token, protocols=protocols, timeout=_TIMEOUT)


def _is_behind(error: GitError) -> bool:
    words = str(error).lower()
    # The last is a lost race between two pushes of the same new branch.
    return any(sign in words for sign in ("non-fast-forward", "fetch first", "failed to update ref", "cannot lock ref"))


def _refusal(error: GitError) -> Exception:
    words = str(error)
    if "[remote rejected]" in words or "protected branch" in words.lower() or "GH0" in words:
        reason = re.findall(r"\[remote rejected\][^(\n]*\(([^)\n]*)\)", words)
        said = f" It says: {reason[0]}." if reason else ""
        return RunFailed(Failure.PUSH_REJECTED, f"{Failure.PUSH_REJECTED.sentence}{said}")
    failure = remote_failure(error)
    if isinstance(failure, GitHubError):
        return failure
    if failure and failure.failure in (Failure.ACCESS_LOST, Failure.REPOSITORY_GONE):
        return failure
    return error if failure else RunFailed(Failure.PUSH_REJECTED, f"{Failure.PUSH_REJECTED.sentence} {words}")


def _fetch(checkout: Checkout, branch: str, token: str | None, clone_url: str, protocols: str) -> str | None:
    options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
    try:
        refspec = f"+refs/heads/{branch}:{_THEIRS}"
        _remote(checkout, ["fetch", *options, "--", clone_url, refspec], token, protocols)
    except GitError as error:
        if "couldn't find remote ref" in str(error):
            return None
        raise _refusal(error) from error
    return text(checkout.git(["rev-parse", "--verify", f"{_THEIRS}^{{commit}}"]))


def _contains(checkout: Checkout, tip: str, sha: str) -> bool:
    return text(checkout.git(["rev-list", "--count", sha, f"^{tip}"])) == "0"


def _is_same_work(checkout: Checkout, theirs: str, ours: str) -> bool:
    """Whether an earlier attempt, whose commit was lost with its machine, has pushed this very work."""
    one, other = (tree_of(checkout, sha) + str(_parents(checkout, sha)) for sha in (theirs, ours))
    return one == other


def _onto(checkout: Checkout, theirs: str, ours: str) -> str:
    """Our commits since the base, on top of theirs. Raises RunFailed(conflict)."""
    tip = theirs
    not_there = ["rev-list", "--reverse", f"^{checkout.base_sha}", f"^{theirs}", ours]
    for commit_sha in text(checkout.git(not_there)).split():
        parents = _parents(checkout, commit_sha)
        if len(parents) != 1:
            words = "Somebody else pushed to the branch while the merge was made. The changes are kept as a patch."
            raise RunFailed(Failure.CONFLICT, words)
        tip = _pick(checkout, commit_sha, parents[0], tip)
    return tip


def _pick(checkout: Checkout, commit_sha: str, parent: str, onto: str) -> str:
    # merge-tree finds its own merge base; a stand-in commit with their tree on our parent makes that base our parent.
    stand_in = _write_commit(checkout, f"{onto}^{{tree}}", [parent], b"stand-in", PLATFORM, "@0 +0000")
    try:
        output = checkout.git(["merge-tree", "--write-tree", stand_in, commit_sha])
    except GitError as error:
        raise RunFailed(Failure.CONFLICT) from error
    tree = text(output).split("\n")[0]
    if tree == tree_of(checkout, onto):
        return onto  # theirs holds this change already
    shown = checkout.git(["log", "-1", "--no-show-signature", "--format=%an%n%ae%n%at%n%B", commit_sha])
    name, email, seconds, message = shown.decode("utf-8", "surrogateescape").split("\n", 3)
    body = message.strip().encode("utf-8", "surrogateescape") + b"\n"
    return _write_commit(checkout, tree, [onto], body, (name, email), f"@{seconds} +0000")


def _write_commit(
    checkout: Checkout, tree: str, parents: Sequence[str], message: bytes, author: tuple[str, str], date: str
) -> str:
    who = {
        "GIT_AUTHOR_NAME": _clean(author[0]) or "unknown",
        "GIT_AUTHOR_EMAIL": _clean(author[1]),
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": PLATFORM[0],
        "GIT_COMMITTER_EMAIL": PLATFORM[1],
        "GIT_COMMITTER_DATE": date,
    }
    options = [word for parent in parents for word in ("-p", parent)]
    return text(checkout.git(["commit-tree", tree, *options], stdin=message, env=who))


def _clean(name: str) -> str:
    # What would end the name in a commit's header.
    return " ".join(re.sub(r"[\x00-\x1f<>]", " ", name).split())


def _message(title: str, body: str, trailers: Sequence[str]) -> bytes:
    parts = [
        _one_line(title) or "Changes",
        body.replace("\0", "").strip(),
        "\n".join(_one_line(line) for line in trailers),
    ]
    return "\n\n".join(part for part in parts if part).encode("utf-8", "replace") + b"\n"


def _one_line(words: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", without_direction(words)).split())


def tree_of(checkout: Checkout, commit_sha: str) -> str:
    """The tree of a commit."""
    return text(checkout.git(["rev-parse", "--verify", f"{commit_sha}^{{tree}}"]))


def _parents(checkout: Checkout, commit_sha: str) -> list[str]:
    return text(checkout.git(["rev-list", "-1", "--parents", commit_sha])).split()[1:]
