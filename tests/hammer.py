"""The ledger under fire: many threads, random operations, crashes between their steps. Sums are exact at the end.

`python -m tests.hammer --operations 10000` is the long form; `make test` has a short one.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import Session, select

from backend import db
from backend.db import lock
from backend.errors import Conflict, NotEnoughCredits, Unavailable
from backend.github.types import Profile, Token
from backend.models import AiModel, CreditTransaction, Repository, Task, TaskRun, User
from backend.services import admin, audit, auth, catalog, credits

PEOPLE, KEYS = 4, 40
_CRASHES = 0.12  # of the transactions


class Crashed(Exception):
    """The process died here, as far as the transaction can tell."""


@dataclass
class Book:
    """What the threads were told, beside which the tables are held. `given` are whole credits by person and key."""

    done: Counter[str] = field(default_factory=Counter)
    given: dict[UUID, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    charged: dict[UUID, int] = field(default_factory=dict)  # by run
    errors: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Ground:
    """The people, and the runs of each."""

    runs: dict[UUID, list[UUID]]


def prepare(runs_each: int = 6) -> Ground:
    """A few people with a hundred credits each, and runs that hold none yet."""
    with db.transaction() as session:
        catalog.fill(session)
        model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
        name = f"fire/{uuid4().hex[:8]}"
        repository = Repository(github_id=uuid4().int >> 66, full_name=name, name="x", url=name, clone_url=name)
        session.add(repository)
        session.flush()
        runs: dict[UUID, list[UUID]] = {}
        for _ in range(PEOPLE):
            number = uuid4().int >> 66
            profile = Profile(number, f"p{number}", None, None, None)
            user, _ = auth.sign_in(session, profile, Token("t", None, None, ()), "")
            runs[user.id] = [begin(session, user.id, repository.id, model) for _ in range(runs_each)]
    return Ground(runs)


def begin(session: Session, user_id: UUID, repository_id: UUID, model_id: UUID) -> UUID:
    """A run at work that holds nothing yet."""
    task = Task(
        user_id=user_id,
        repository_id=repository_id,
        ai_model_id=model_id,
        title="x",
        prompt="x",
        branch="main",
        type="ask",
    )
    session.add(task)
    session.flush()
    run = TaskRun(task_id=task.id, number=1, prompt="x", status="running", phase="running")
    session.add(run)
    session.flush()
    return run.id


def hammer(ground: Ground, threads: int, operations: int, seed: int) -> Book:
    """Lets the threads do so many operations each, and waits for them."""
    book = Book()
    workers = [
        threading.Thread(target=_work, args=(ground, book, operations, random.Random(f"{seed}-{number}")))
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return book


def _work(ground: Ground, book: Book, operations: int, chance: random.Random) -> None:
    deeds = (_give, _hold, _more, _settle)
    for _ in range(operations):
        user_id = chance.choice(list(ground.runs))
        run_id = chance.choice(ground.runs[user_id])
        deed = chance.choice(deeds)
        crash = chance.choice((_raise, _lose_the_connection)) if chance.random() < _CRASHES else _nothing
        try:
            told = deed(book, user_id, run_id, chance, crash)
        except (Crashed, Unavailable, NotEnoughCredits, Conflict) as error:
            told = type(error).__name__
        except Exception as error:  # whatever else is a fault of the ledger's
            told = f"{deed.__name__}: {error!r}"
            with book.guard:
                book.errors.append(told)
        with book.guard:
            book.done[told] += 1


Crash = Callable[[Session], None]


def _nothing(session: Session) -> None:
    return


def _raise(session: Session) -> None:
    raise Crashed


def _lose_the_connection(session: Session) -> None:
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def _give(book: Book, user_id: UUID, run_id: UUID, chance: random.Random, crash: Crash) -> str:
    key, amount = f"fire:{user_id}:{chance.randrange(KEYS * 10)}", chance.choice((1, 5, 20))
    with db.transaction() as session:
        admin.give(session, lock(session, User, user_id), amount, "fire", audit.OPERATOR, key=key)
        crash(session)
    with book.guard:
        known = book.given[user_id].setdefault(key, amount)
        if known != amount:
            book.errors.append(f"{key} was given as {known} and as {amount}")
    return "given"


def _hold(book: Book, user_id: UUID, run_id: UUID, chance: random.Random, crash: Crash) -> str:
    with db.transaction() as session:
        run = lock(session, TaskRun, run_id)
        if run.charged is not None:
            return "over already"
        credits.hold(session, user_id, run, 8, key=f"fire:{run_id}:hold")
        crash(session)
    return "held"


def _more(book: Book, user_id: UUID, run_id: UUID, chance: random.Random, crash: Crash) -> str:
    with db.transaction() as session:
        run = lock(session, TaskRun, run_id)
        if run.charged is not None:
            return "over already"
        crash(session)
        credits.hold(session, user_id, run, chance.choice((3, 4)), key=f"fire:{run_id}:more:{chance.randrange(KEYS)}")
    return "held more"


def _settle(book: Book, user_id: UUID, run_id: UUID, chance: random.Random, crash: Crash) -> str:
    if chance.random() > 0.02:  # most of the time the runs go on
        return "not yet"
    with db.transaction() as session:
        run = lock(session, TaskRun, run_id)
        charged = credits.settle(session, user_id, run, chance.randrange(40), refund=chance.random() < 0.3)
        crash(session)
    with book.guard:
        if book.charged.setdefault(run_id, charged) != charged:
            book.errors.append(f"run {run_id} was charged {book.charged[run_id]} and {charged}")
    return "settled"


def faults(ground: Ground, book: Book) -> list[str]:
    """What the tables say against the ledger; empty is right."""
    found = list(book.errors)
    with db.transaction() as session:
        found += [f"the sums of {name} differ" for name in credits.unbalanced(session)]
        for user_id, run_ids in ground.runs.items():
            rows = session.exec(select(CreditTransaction).where(CreditTransaction.user_id == user_id)).all()
            user = session.get_one(User, user_id)
            if not 0 <= user.credits_held <= user.credits:
                found.append(f"{user.username} has {user.credits} and holds {user.credits_held}")
            given = {row.idempotency_key: row.amount for row in rows if row.type == "credit"}
            if given != book.given[user_id]:
                found.append(f"{user.username} was told of other gifts than there are")
            held = sum(row.held_delta for row in rows)
            open_runs = [session.get_one(TaskRun, run_id) for run_id in run_ids]
            if held != sum(run.held for run in open_runs if run.charged is None):
                found.append(f"{user.username} holds what no run does")
            for run in open_runs:
                debits = [-row.amount for row in rows if row.run_id == run.id and row.type == "debit"]
                if sum(debits) != (run.charged or 0) or len(debits) > 1 or sum(debits) > run.held:
                    found.append(f"run {run.id} was charged {debits} of {run.held}")
    return found


def main() -> int:
    """The long form, on a database of its own; 1 where anything was wrong."""
    from benchmarks.measure import empty_database

    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--threads", type=int, default=64)
    wanted.add_argument("--operations", type=int, default=10_000)
    wanted.add_argument("--seed", type=int, default=1)
    given = wanted.parse_args()
    with empty_database():
        # A run is over after some fifty operations: enough of them that there is always one to work on.
        ground, began = prepare(given.threads * given.operations // (PEOPLE * 50)), time.monotonic()
        book = hammer(ground, given.threads, given.operations, given.seed)
        wrong = faults(ground, book)
    seconds = time.monotonic() - began
    print(f"{given.threads} threads × {given.operations:,} operations in {seconds:,.0f} s: {dict(book.done)}")
    print("\n".join(wrong) or "The sums are exact, nothing is negative, each key was used once.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
