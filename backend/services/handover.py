"""How a finished run ends: with an answer, without a change, or with commit, evidence, push and pull request.

Each step is written so that an attempt after a crash finds what was done: the commit is made again with the same bytes,
the push finds its own commit, the pull request is looked for before it is opened.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from typing import IO

from sqlmodel import Session

from backend import jsonb
from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import RunFailed
from backend.services import answers, runs, second_opinion, target_merge
from backend.services.evidence import Evidence, gather
from backend.services.publishing import Commit, Work, publish
from backend.services.recorder import keep_patch, pack_patch
from backend.services.report import quiet
from backend.services.runs import End
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, Status, TaskType, Verdict
from backend.workspace import checkpoint, diff, docs_only, layer, merging, push
from backend.workspace.checkout import clean_copy
from backend.workspace.packing import Packed

# GitHub's documentation: "About large files on GitHub".
MAX_FILE = 100 * 1024 * 1024
_OWN_FOUND = "The changes contain a secret of the repository's set-up, so they were neither pushed nor kept as a patch."
_NAMED = 10  # files that are told by name
MAX_TITLE = 120  # characters of a commit and a pull request; GitHub takes 256


def finish(place: Workplace, ending: Ending) -> None:
    """Ends a run whose model is done with all that is derived from its work.

    Raises StaleFence, RunFailed for what keeps the work from being handed over, GitHubError with `retry_after` where it
    has to wait.
    """
    # The model's words go into tables and to GitHub, which refuse NUL and long titles.
    title = " ".join(jsonb.clean_text(ending.title).split())[:MAX_TITLE]
    ending = replace(ending, text=jsonb.clean_text(ending.text), title=title)
    if not place.facts.task_type.may_edit:
        answers.finish(place, ending)
        return
    # Commit, title and body alike: GitHub looks for keywords and names in all of them.
    ending = target_merge.titled(place.facts, ending, place.merge)
    ending = replace(ending, text=quiet(ending.text), title=quiet(ending.title)[:MAX_TITLE])
    ending, tree = _held_to_words(place, ending)
    commit = _commit(place, ending, tree)
    if commit is None:
        place.end(End(Status.COMPLETED, ending.text, outcome=Outcome.NO_CHANGES))
        return
    place.enter(Phase.VERIFYING)
    opinion = second_opinion.ask(place, commit.sha, commit.files)
    evidence = _verify(place, commit)
    if evidence is not None:
        publish(place, Work(commit, evidence, ending, opinion))


def _held_to_words(place: Workplace, ending: Ending) -> tuple[Ending, str | None]:
    """What a documentation task may hand over: whatever else its commands changed is taken back, and said."""
    if place.facts.task_type is not TaskType.DOCUMENTATION:
        return ending, None
    tree, faults = docs_only.held_back(place.checkout, checkpoint.write(place.checkout), _words_since(place))
    if not faults:
        return ending, tree
    names = ", ".join(f"`{quiet(' '.join(path.split()))}`" for path in list(faults)[:_NAMED])
    more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
    said = f"A documentation task may not change code: the changes of {names}{more} were taken back."
    place.recorder.once(EventKind.NOTE, {"text": said, "code": "taken_back"}, f"taken-back:{tree}")
    return replace(ending, text=f"{ending.text}\n\n**{said}**"), tree


def _words_since(place: Workplace) -> str:
    """The commit since which a documentation task has changed words alone: with a merge, all of the target's."""
    return place.merge.theirs if place.merge else place.checkout.base_sha


def _commit(place: Workplace, ending: Ending, tree: str | None) -> Commit | None:
    """Commits the work tree and keeps its patch, whatever becomes of the push; None if nothing changed.

    Raises RunFailed(conflict, secret_found) before anything is pushed.
    """
    facts, checkout = place.facts, place.checkout
    is_words = tree is not None
    tree = tree or checkpoint.write(checkout)
    if place.merge is not None and (why := merging.unsettled(checkout, place.merge, tree)):
        raise RunFailed(Failure.CONFLICT, f"{why} Nothing was pushed.")
    title = ending.title or quiet(facts.title)  # which may be an issue's
    sha = push.commit(
        checkout,
        title=title,
        body=ending.text,
        author=facts.author,
        trailers=_trailers(place),
        when=facts.started_at,
        tree=tree,
        merged=place.merge.theirs if place.merge else None,
    )
    if sha is None:
        return None
    if is_words and docs_only.held_back(checkout, push.tree_of(checkout, sha), _words_since(place))[1]:
        raise RunFailed(Failure.NOT_ALLOWED)
    # As the pull request shows it: what the task changed, follow-ups included, without what others merged meanwhile.
    base = diff.merge_base(checkout, place.target_sha, sha)
    large = diff.larger_than(checkout, base, sha, MAX_FILE)
    own = list(place.setup.secrets.values())
    with diff.patch(checkout, base, sha, without=large) as file:
        if _holds(file, own):
            raise RunFailed(Failure.SECRET_FOUND, _OWN_FOUND)
        _keep_patch(place, pack_patch(file))
    if large:
        names = ", ".join(large[:5])
        raise RunFailed(Failure.PUSH_REJECTED, f"GitHub takes no file over 100 MB, so nothing was pushed: {names}.")
    files = diff.changed_files(checkout, base, sha)
    secrets = diff.scan_secrets(files, (place.token, *own))
    if secrets:
        where = ", ".join(f"{one.path}:{one.line} ({one.what})" for one in secrets[:5])
        raise RunFailed(Failure.SECRET_FOUND, f"{Failure.SECRET_FOUND.sentence} Found in {where}.")
    place.recorder.once(
        EventKind.COMMIT,
        {
            "sha": sha,
            "title": title,
            "files": len(files),
            "added": sum(one.added for one in files),
            "removed": sum(one.removed for one in files),
        },
        f"commit:{sha}",
    )
    return Commit(sha, title, files)


def _holds(file: IO[bytes], values: Sequence[str]) -> bool:
    """Whether one of the values is in the file, which is at its beginning again afterwards."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if not size or not values:
        return False
    with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return any(content.find(value.encode()) >= 0 for value in values)


def _trailers(place: Workplace) -> list[str]:
    name, email = push.PLATFORM
    link = f"{get_settings().origin}/tasks/{place.facts.task_id}"
    return [f"Co-authored-by: {name} <{email}>", f"Task: {link}"]


def _keep_patch(place: Workplace, patch: Packed) -> None:
    def store(session: Session) -> None:
        keep_patch(session, runs.require(session, place.claim.run_id, place.claim.fence), patch)

    patiently(store)


def _verify(place: Workplace, commit: Commit) -> Evidence | None:
    """Runs the tests on the commit in a clean checkout, in the jail; an earlier attempt's answer stands.

    None where the person said stop, and the run has ended: tests that were cut off say nothing of the commit.
    """
    name = f"evidence:{commit.sha}"
    known = place.recorder.found(name)
    evidence = Evidence(**{**known, "verdict": Verdict(known["verdict"])}) if known else _run_tests(place, commit)
    run_id, fence, told = place.claim.run_id, place.claim.fence, evidence.payload()
    return evidence if patiently(lambda session: runs.begin_hand_over(session, run_id, fence, told, name)) else None


def _run_tests(place: Workplace, commit: Commit) -> Evidence:
    clean = clean_copy(place.checkout, commit.sha, place.checkout.root / "evidence")  # goes with the workplace

    def furnish() -> None:
        if place.added is not None:
            layer.lay(place.added, place.sandbox, clean)

    return gather(
        place.sandbox,
        clean,
        sha=commit.sha,
        command=place.facts.test_command,
        weakened=diff.weakened_tests(commit.files),
        cancelled=place.lease.cancelled,
        environment=place.setup.environment,
        furnish=furnish,
    )
