"""`asynccoder replay`: the recorded turns of a task again, on a checkout, without a model, a network or a database."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from backend.errors import AsyncCoderError, GitError, InvalidInput
from backend.settings import get_settings
from backend.words import EventKind, TaskType

if TYPE_CHECKING:
    from backend.engine.recording import RecordedRun
    from backend.engine.replay import Replayed
    from backend.sandbox.base import Sandbox
    from backend.workspace.checkout import Checkout

DIFFERS, CANNOT = 1, 2
_SHOWN = 10  # differences that are told one by one


def replay(
    file: Annotated[Path, typer.Argument(help="A task as `asynccoder task export` wrote it.")],
    repo: Annotated[Path, typer.Option(help="A git repository that holds the commit the task began at.")] = Path("."),
    only: Annotated[int | None, typer.Option("--run", min=1, help="Of a task with follow-ups, this run alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Runs a task's recorded model turns again and says where the result differs: 0 equal, 1 differs, 2 cannot."""
    try:
        told = list(_replayed(file, repo, only))
    except (AsyncCoderError, OSError) as error:
        if as_json:
            print(json.dumps({"result": "cannot", "why": str(error)}))
        else:
            print(f"asynccoder: {error}", file=sys.stderr)
        raise typer.Exit(CANNOT) from error
    differs = any(outcome.differences for _, outcome in told)
    if as_json:
        runs = [{"run": number, **asdict(outcome)} for number, outcome in told]
        print(json.dumps({"result": "differs" if differs else "equal", "runs": runs}, ensure_ascii=False))
    else:
        for number, outcome in told:
            _show(number, outcome)
    if differs:
        raise typer.Exit(DIFFERS)


def _replayed(file: Path, repo: Path, only: int | None) -> "Iterator[tuple[int, Replayed]]":
    from backend.engine import recording
    from backend.sandbox.choose import choose

    with file.open("rb") as content:
        found = recording.read(content)
    runs = [run for run in found.runs if only in (None, run.number)]
    if not runs:
        raise InvalidInput(f"The task has no run {only}: it has {len(found.runs)}.")
    settings = get_settings()
    sandbox = choose(settings.sandbox, settings.extra_sandbox_paths)
    if sandbox.kind == "none":
        raise InvalidInput("The commands of a file are run in a jail alone, and ASYNCCODER_SANDBOX says none.")
    for run in runs:
        yield run.number, _one(run, TaskType(found.task["type"]), repo, sandbox)


def _one(run: "RecordedRun", task_type: TaskType, repo: Path, sandbox: "Sandbox") -> "Replayed":
    from backend.engine.replay import replay as play
    from backend.workspace.pull import PullChanges

    if run.facts.get("merged_sha"):
        raise InvalidInput(f"Run {run.number} began with a merge of its target branch, which is not replayed.")
    if any(one.kind is EventKind.PLAN for one in run.entries):
        raise InvalidInput(f"Run {run.number} waited for the approval of a plan, which is not replayed.")
    review = next((one.payload for one in run.entries if one.payload.get("code") == "review"), {})
    with _checked_out(run, repo, sandbox, review.get("base_sha") or "") as checkout:
        changes = None
        if review.get("base_sha"):
            changes = PullChanges(checkout, review["base_sha"], review["head_sha"])
        outcome = play(run, checkout.work_tree, sandbox, task_type, changes)
        if task_type.may_edit:
            _compare_files(run, checkout, outcome)
        return outcome


@contextmanager
def _checked_out(run: "RecordedRun", repo: Path, sandbox: "Sandbox", other: str) -> "Iterator[Checkout]":
    """The commit that the run began at, in a folder that goes with the block. Raises InvalidInput without it."""
    from backend.workspace.checkout import Checkout, remove, workspaces_root
    from backend.workspace.git import check_sha, run_git
    from backend.workspace.mirror import Mirror

    sha = check_sha(str(run.facts.get("base_sha") or _workspace(run)))
    source = repo.expanduser().resolve()
    for each in filter(None, (sha, other)):
        try:
            run_git(["-C", str(source), "cat-file", "-e", f"{check_sha(each)}^{{commit}}"])
        except GitError as error:
            why = f"Run {run.number} began at commit {each}, which {repo} does not hold."
            raise InvalidInput(f"{why} Fetch it, or name another --repo.") from error
    folder = workspaces_root(get_settings().data_dir, sandbox.owner) / f"replay-{uuid4().hex[:12]}"
    try:
        with tempfile.TemporaryDirectory(prefix="asynccoder-") as mirrors:
            mirror = Mirror(Path(mirrors), 0)
            for each in filter(None, (other, sha)):
                mirror.refresh(source.as_uri(), None, "file", commit=each)
            yield Checkout.create(folder, mirror, sha, sandbox.owner)
    finally:
        remove(folder)


def _workspace(run: "RecordedRun") -> str:
    """Where the log says that the run began. Raises InvalidInput for one that never did."""
    found = next((one.payload for one in run.entries if one.kind is EventKind.WORKSPACE), None)
    if found is None:
        raise InvalidInput(f"Run {run.number} never began, so there is nothing to replay.")
    return str(found["base_sha"])


def _compare_files(run: "RecordedRun", checkout: "Checkout", outcome: "Replayed") -> None:
    """The files as the run left them, by git's own name of the tree; where that differs, by their diffs."""
    from backend.engine.replay import REDACTED, Difference, first_difference
    from backend.workspace import checkpoint
    from backend.workspace.git import text
    from backend.workspace.packing import MOST_PATCH, readable, without_blobs

    tree = checkpoint.write(checkout)
    expected, known = run.changes.get("tree"), run.changes.get("patch")
    if run.changes.get("is_unknown"):
        return
    expected = expected or text(checkout.git(["rev-parse", f"{checkout.base_sha}^{{tree}}"]))
    if tree == expected:
        return
    now = readable(checkpoint.export(checkout, tree, MOST_PATCH) or b"", MOST_PATCH) or ""
    parted = first_difference(without_blobs(str(known or "")), without_blobs(now)) if known is not None else None
    if parted is None and REDACTED in str(known):
        return  # the secrets that the record is without are part of the tree's name
    outcome.differences.append(Difference(0, "the changes", *(parted or (f"tree {expected}", f"tree {tree}"))))


def _show(number: int, outcome: "Replayed") -> None:
    found = outcome.differences
    if not found:
        print(f"Run {number}: equal. {outcome.steps} results and the changes are those of the record.")
        return
    at = {difference.step for difference in found if difference.step}
    print(f"Run {number}: differs. {len(at)} of {outcome.steps} results; the first difference:")
    for difference in found[:_SHOWN]:
        where = f"step {difference.step}" if difference.step else "the end"
        print(f"  {where}, {difference.what}\n    recorded: {difference.expected}\n    now:      {difference.got}")
    if len(found) > _SHOWN:
        print(f"  and {len(found) - _SHOWN} more")
