"""What must be true after a storm, from the tables, the hub and the disk alone."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from backend import db
from backend.services import credits
from backend.settings import get_settings
from backend.workspace.checkout import workspaces_root
from tests.chaos.house import House
from tests.chaos.storm import Struck
from tests.chaos.work import BEGINNING, WHERE
from tests.processes import commands_with

NOTICED_SECONDS = 30.0
Tell = Callable[[str], None]


@dataclass
class Verdict:
    """What was wrong, and the figures beside it."""

    wrong: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    slowest_notice: float = 0.0
    takeovers: int = 0
    faults: dict[str, int] = field(default_factory=dict)  # how often each kind of the hub's struck


def give(house: House, accepted: Iterable[UUID], struck: Iterable[Struck], ordered: Iterable[str] = ()) -> Verdict:
    """Looks at everything; a fault that was ordered and never struck proves nothing, and is wrong too."""
    found = Verdict()
    ids = [str(one) for one in accepted]
    _tasks(found, ids)
    _money(found, ids)
    _pulls(found, house, ids)
    _logs(found, ids)
    _noticed(found, list(struck))
    _mirrors(found)
    found.faults = house.faults_struck()
    if never := sorted(set(ordered) - set(found.faults)):
        found.wrong.append(f"never struck: {never}")
    if left := left_over():
        found.wrong.append(f"left over: {left}")
    return found


def over(accepted: Iterable[UUID]) -> int:
    """How many of them have ended."""
    ids = [str(one) for one in accepted]
    query = "SELECT count(*) FROM tasks WHERE id::text = ANY(:ids) AND status IN ('completed', 'failed', 'cancelled')"
    return int(_rows(query, ids=ids)[0][0])


def _rows(query: str, **values: object) -> list[tuple[Any, ...]]:
    with db.transaction() as session:
        return [tuple(row) for row in session.execute(text(query), values)]


def _tasks(found: Verdict, ids: list[str]) -> None:
    unnamed = (
        "SELECT r.id::text FROM task_runs r WHERE r.task_id::text = ANY(:ids) AND (r.status = 'failed' AND"
        " r.failure IS NULL OR r.status = 'completed' AND r.outcome IS NULL OR r.status = 'running')"
    )
    if rows := _rows(unnamed, ids=ids):
        found.wrong.append(f"without a named end: {rows}")
    query = "SELECT id::text, status, coalesce(outcome, failure, phase) FROM tasks WHERE starts_with(prompt, :words)"
    known = {row[0]: (row[1], row[2]) for row in _rows(query, words=BEGINNING)}
    if lost := [one for one in ids if one not in known]:
        found.wrong.append(f"lost: {lost}")
    if extra := sorted(set(known) - set(ids)):
        found.wrong.append(f"nobody was told of: {extra}")
    found.ends = Counter(f"{status} {what}" for status, what in known.values())
    open_ones = [one for one, (status, _) in known.items() if status not in ("completed", "failed", "cancelled")]
    if open_ones:
        found.wrong.append(f"not ended: {open_ones}")


def _money(found: Verdict, ids: list[str]) -> None:
    with db.transaction() as session:
        if wrong := credits.unbalanced(session):
            found.wrong.append(f"balance and ledger disagree: {wrong}")
    ours = "FROM credit_transactions WHERE task_id::text = ANY(:ids)"
    if rows := _rows(f"SELECT run_id::text {ours} GROUP BY run_id HAVING sum(held_delta) <> 0", ids=ids):
        found.wrong.append(f"still held: {rows}")
    twice = f"{ours} AND type IN ('hold', 'debit', 'release') GROUP BY run_id, type HAVING count(*) > 1"
    if rows := _rows(f"SELECT run_id::text, type, count(*) {twice}", ids=ids):
        found.wrong.append(f"moved twice: {rows}")
    charged = (
        "SELECT r.id::text, r.charged, -coalesce(sum(c.amount), 0) FROM task_runs r LEFT JOIN credit_transactions c"
        " ON c.run_id = r.id AND c.type = 'debit' WHERE r.task_id::text = ANY(:ids) GROUP BY r.id"
        " HAVING coalesce(r.charged, 0) <> -coalesce(sum(c.amount), 0)"
    )
    if rows := _rows(charged, ids=ids):
        found.wrong.append(f"charged otherwise than the run says: {rows}")


def _pulls(found: Verdict, house: House, ids: list[str]) -> None:
    token = house.up.control("token", {"login": "alice"})["token"]
    listed: list[str] = []
    for page in range(1, 100):
        address = f"{house.up.hub}/api/v3/repos/{WHERE}/pulls?state=all&per_page=100&page={page}"
        answer = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
        listed += [one["head"]["ref"] for one in answer.json()]
        if len(answer.json()) < 100:
            break
    opened = Counter(ref.removeprefix("asynccoder/")[:8] for ref in listed if ref.startswith("asynccoder/"))
    ours = {one[:8] for one in ids}
    if twice := [short for short in ours if opened[short] > 1]:
        found.wrong.append(f"two pull requests: {twice}")
    known = {row[0][:8] for row in _rows("SELECT task_id::text FROM pull_requests WHERE task_id IS NOT NULL")}
    if unknown := sorted(short for short in ours if opened[short] and short not in known):
        found.wrong.append(f"pull requests that no task knows: {unknown}")
    said = _rows("SELECT id::text FROM tasks WHERE outcome = 'pr_opened' AND id::text = ANY(:ids)", ids=ids)
    if missing := [row[0] for row in said if not opened[row[0][:8]]]:
        found.wrong.append(f"said to have a pull request: {missing}")


def _logs(found: Verdict, ids: list[str]) -> None:
    ours = "FROM task_events WHERE task_id::text = ANY(:ids)"
    if rows := _rows(
        f"SELECT task_id::text, count(*), max(seq) {ours} GROUP BY task_id HAVING count(*) <> max(seq)", ids=ids
    ):
        found.wrong.append(f"gaps in the log: {rows}")
    if rows := _rows(f"SELECT run_id::text {ours} AND kind = 'ended' GROUP BY run_id HAVING count(*) > 1", ids=ids):
        found.wrong.append(f"ended twice: {rows}")


def _noticed(found: Verdict, struck: list[Struck]) -> None:
    """From the death of whoever worked on a run until its log says so, or goes on to its end.

    While whoever would notice was hit as well, time does not count.
    """
    gone = "SELECT count(*) FROM task_events WHERE kind = 'note' AND payload->>'code' = 'worker_gone'"
    found.takeovers = int(_rows(gone)[0][0])
    later = (
        "SELECT min(created_at) FROM task_events WHERE run_id = :run AND created_at > :at"
        " AND (kind = 'ended' OR kind = 'note' AND payload->>'code' = 'worker_gone')"
    )
    blind = [one.moment for one in struck if one.what in ("scheduler", "postgres", "supervisor")]
    for blow in struck:
        for run in blow.runs:
            [(noticed,)] = _rows(later, run=run, at=blow.moment)
            if isinstance(noticed, datetime):
                since = max([blow.moment, *(one for one in blind if one <= noticed)])
                found.slowest_notice = max(found.slowest_notice, (noticed - since).total_seconds())
    if found.slowest_notice > NOTICED_SECONDS:
        found.wrong.append(f"a dead worker was noticed after {found.slowest_notice:.0f} s")


def _mirrors(found: Verdict) -> None:
    for mirror in sorted((get_settings().data_dir / "mirrors").glob("*.git")):
        looked = subprocess.run(["git", "fsck", "--connectivity-only"], cwd=mirror, capture_output=True, text=True)
        if looked.returncode:
            found.wrong.append(f"the mirror {mirror.name} is broken: {looked.stderr[-300:]}")


def left_over() -> list[str]:
    """Workspaces and processes in them that are still there."""
    root = workspaces_root(get_settings().data_dir, (0, 0) if os.geteuid() == 0 else None)
    folders = sorted(path.name for path in root.iterdir() if path.is_dir())
    return [*(f"the workspace {name}" for name in folders), *commands_with(str(root))]
