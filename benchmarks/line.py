"""The line of runs over a long day: 200 people, 10,000 runs, and what each of them waited.

Time is simulated, one worker's run a tick; joining and claiming are the product's own, on PostgreSQL. Beside it stands
the same day taken first come, first served.
"""

import random
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.models import AiModel, Repository
from backend.services import catalog, claims, line, repositories
from backend.words import Priority
from benchmarks.alice import REPOSITORY, sign_in
from benchmarks.measure import empty_database

PEOPLE, RUNS, WORKERS, HUNDRED = 200, 10_000, 8, 100
TICKS = 4  # that a run takes
SEED = 5
Waits = defaultdict[tuple[Priority, bool], list[int]]


class Day:
    """Who joins when: all day somebody does, and again and again somebody sends a hundred at once."""

    def __init__(self) -> None:
        chance = random.Random(SEED)
        self.joins: dict[int, list[tuple[int, Priority, bool]]] = defaultdict(list)
        count, tick = 0, 0
        while count < RUNS:
            if tick % 250 == 0:
                hog = chance.randrange(PEOPLE)
                self.joins[tick] += [(hog, Priority.MEDIUM, True)] * HUNDRED
                count += HUNDRED
            for _ in range(chance.choice((1, 1, 2))):
                kind = chance.choices(list(Priority), (2, 6, 2))[0]
                self.joins[tick].append((chance.randrange(PEOPLE), kind, False))
                count += 1
            tick += 1


def main() -> None:
    """Lives the day twice."""
    print(f"  {PEOPLE} people, {RUNS:,} runs, {WORKERS} workers; waits in runs that were begun meanwhile")
    _show("first come, first served", _in_order())
    with empty_database():
        waits, each = _by_turns(*_people())
    _show(f"by turns, of which one is taken in {each * 1e3:.1f} ms", waits)


def _in_order() -> Waits:
    """As one line of all, without a database."""
    waiting: deque[tuple[int, Priority, bool]] = deque()
    return _lived(
        lambda _, priority, is_hog, begun: waiting.append((begun, priority, is_hog)),
        lambda: waiting.popleft() if waiting else None,
        lambda: None,
    )


def _by_turns(people: list[UUID], where: UUID, model: UUID) -> tuple[Waits, float]:
    """As the product does it; and the seconds that a claim takes."""
    joined: dict[UUID, tuple[int, Priority, bool]] = {}
    took: list[float] = []

    def join(person: int, priority: Priority, is_hog: bool, begun: int) -> None:
        with db.transaction() as session:
            joined[_join(session, people[person], where, model, priority)] = (begun, priority, is_hog)
            if len(joined) % 500 == 0:
                session.execute(text("ANALYZE tasks, task_runs"))  # as autovacuum does

    def take() -> tuple[int, Priority, bool] | None:
        since = time.perf_counter()
        with db.transaction() as session:
            claim = claims.claim(session, "benchmark")
        took.append(time.perf_counter() - since)
        return joined[claim.run_id] if claim else None

    def end() -> None:
        with db.transaction() as session:
            oldest = "SELECT id FROM task_runs WHERE status = 'running' ORDER BY started_at LIMIT 1"
            session.execute(text(f"UPDATE task_runs SET status = 'completed' WHERE id = ({oldest})"))

    return _lived(join, take, end), statistics.median(took)


def _lived(
    join: Callable[[int, Priority, bool, int], None],
    take: Callable[[], tuple[int, Priority, bool] | None],
    end: Callable[[], None],
) -> Waits:
    joins, waits = Day().joins, Waits(list)
    busy: deque[int] = deque()
    begun = tick = 0
    while tick <= max(joins) or busy:
        for person, priority, is_hog in joins.get(tick, ()):
            join(person, priority, is_hog, begun)
        while busy and busy[0] <= tick:
            busy.popleft()
            end()
        while len(busy) < WORKERS and (taken := take()) is not None:
            waits[taken[1], taken[2]].append(begun - taken[0])
            busy.append(tick + TICKS)
            begun += 1
        tick += 1
    return waits


def _join(session: Session, user: UUID, where: UUID, model: UUID, priority: Priority) -> UUID:
    task, run = uuid4(), uuid4()
    session.execute(
        text(
            "INSERT INTO tasks (id, user_id, repository_id, ai_model_id, type, title, prompt, branch, target_branch,"
            " priority) VALUES (:id, :user, :where, :model, 'ask', 'Why?', 'Why?', 'main', 'main', :priority)"
        ),
        {"id": task, "user": user, "where": where, "model": model, "priority": priority.value},
    )
    session.execute(
        text(
            "INSERT INTO task_runs (id, task_id, number, prompt, turn, created_at)"
            " VALUES (:id, :task, 1, 'Why?', :turn, clock_timestamp())"
        ),
        {"id": run, "task": task, "turn": line.turn(session, user, priority)},
    )
    return run


def _people() -> tuple[list[UUID], UUID, UUID]:
    with db.transaction() as session:
        catalog.fill(session)
        alice = sign_in(session)
        repositories.store(session, alice.id, [REPOSITORY])
        where = session.execute(text(f"SELECT id FROM {Repository.__tablename__}")).scalar_one()
        model = session.execute(text(f"SELECT id FROM {AiModel.__tablename__} WHERE provider = 'demo'")).scalar_one()
        ids = [uuid4() for _ in range(PEOPLE)]
        session.execute(
            text(
                "INSERT INTO users (id, github_id, username, subscription_tier)"
                " VALUES (:id, :number, :name, 'enterprise')"
            ),
            [{"id": one, "number": 10_000 + at, "name": f"person-{at}"} for at, one in enumerate(ids)],
        )
    return ids, where, model


def _show(name: str, waits: Waits) -> None:
    print(f"  {name}")
    for (priority, is_hog), found in sorted(waits.items(), key=lambda one: (one[0][1], one[0][0].weight)):
        who = "of somebody's hundred" if is_hog else "of the others"
        middle, most = statistics.median(found), statistics.quantiles(found, n=20)[-1]
        print(f"    {priority.value:>6} {who:<22} p50 {middle:6.0f}   p95 {most:6.0f}   most {max(found):6}")


if __name__ == "__main__":
    main()
