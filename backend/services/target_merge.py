"""The run that answers a conflict: it begins with the pull request's target merged into the task's branch."""

from dataclasses import replace

from backend import jsonb
from backend.engine.assignment import Ending
from backend.engine.transcript import MERGE, LogEntry
from backend.errors import RunFailed
from backend.services.brief import Brief
from backend.words import EventKind, Failure
from backend.workspace import merging
from backend.workspace.checkout import Checkout
from backend.workspace.merging import Merge
from backend.workspace.mirror import Mirror

_NAMED = 100  # files that are told by name
_LONGEST = 300  # characters of a path in the log


def asked(target: str) -> str:
    """What the person sends at the click of a button."""
    return f"Merge {merging.in_words(target)} into this pull request's branch and resolve the conflicts."


def begin(facts: Brief, mirror: Mirror, checkout: Checkout) -> tuple[Checkout, Merge | None]:
    """The checkout with the merge begun, where this run is to merge and its branch lacks something of the target.

    Raises RunFailed(repository_gone, conflict).
    """
    if facts.merges is None:
        return checkout, None
    theirs = facts.merged_sha or mirror.branch_sha(facts.merges)
    if theirs is None:
        raise RunFailed(Failure.REPOSITORY_GONE, f"The branch {facts.merges} no longer exists.")
    if not mirror.holds(theirs):
        words = f"The branch {facts.merges} was made anew while this ran. Resolve the conflict again."
        raise RunFailed(Failure.CONFLICT, words)
    return merging.begin(checkout, theirs)


def note(facts: Brief, merge: Merge) -> LogEntry | None:
    """What the model is told of the merge; None where the log has it already."""
    payload = {"code": MERGE, "ours": merge.ours, "theirs": merge.theirs}
    told = (entry.payload for entry in facts.log if entry.kind is EventKind.NOTE)
    if any(payload.items() <= one.items() for one in told):
        return None
    target, paths = facts.merges or "", [jsonb.clean_text(one.path)[:_LONGEST] for one in merge.conflicts[:_NAMED]]
    return LogEntry(EventKind.NOTE, payload | {"text": _words(target, merge), "target": target, "conflicts": paths})


def _words(target: str, merge: Merge) -> str:
    name = merging.in_words(target)
    merged = f"The worker merged {name} ({merge.theirs[:7]}) into this branch"
    if not merge.conflicts:
        return f"{merged}, without a conflict."
    listed = [f"- {merging.in_words(one.path)} ({one.kind})" for one in merge.conflicts[:_NAMED]]
    if len(merge.conflicts) > _NAMED:
        listed.append(f"- and {len(merge.conflicts) - _NAMED} more")
    files = "1 file" if len(merge.conflicts) == 1 else f"{len(merge.conflicts)} files"
    return "\n\n".join(
        (
            f"{merged}. In {files} git could not settle what both sides changed:",
            "\n".join(listed),
            f"Between `<<<<<<<` and `=======` stands this branch's side, up to `>>>>>>>` that of {name}. Where a file"
            " has no such lines (one side deleted it, or it is binary), decide which version stays. Keep what both"
            " sides wanted, remove the markers, and leave what else the merge brought as it is. Do not merge or commit"
            " by yourself: the worker makes the merge commit of the files as you leave them.",
        )
    )


def settled(facts: Brief, merge: Merge | None) -> Ending | None:
    """The run's ending where no model is needed: nobody asked for more than a merge, and git could do it alone."""
    if facts.merges is None or facts.prompt != asked(facts.merges) or (merge is not None and merge.conflicts):
        return None
    name = merging.in_words(facts.merges)
    words = f"The branch holds all of {name} already: there is nothing to merge."
    if merge is not None:
        words = f"{name} was merged without a conflict, so no model was asked."
    return Ending("finished", words, "", cost_micro=0, reason=None, until=None, steps=0)


def titled(facts: Brief, ending: Ending, merge: Merge | None) -> Ending:
    """The ending with a merge commit's title."""
    if merge is None:
        return ending
    return replace(ending, title=f"Merge {facts.merges} into {facts.work_branch}")
