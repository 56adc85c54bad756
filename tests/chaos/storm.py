"""What is done to the house, and when: decided by the seed alone, so that a bad storm can be had again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from backend import db
from backend.errors import AsyncCoderError
from tests.chaos.house import House

_HANDFUL = 5
_PATIENCE = 20.0  # seconds without a blow
# Workers and their jobs die most often in true life: memory, deployments.
KILLED = ("worker", "job", "worker", "job", "web", "chores", "scheduler", "hub")


FAULT = "hub fault: "  # begins the words of a blow that orders one


@dataclass(frozen=True)
class Storm:
    """How much of it there is."""

    kills: int
    flushes: int
    valkey_kills: int
    database_kills: int
    supervisor_kills: int
    seed: int
    hub_faults: tuple[str, ...] = ()  # kinds of backend/localhub/faults.py, each as often as it stands here


@dataclass(frozen=True)
class Blow:
    """One of them: `at` is the share of the tasks that are over by then."""

    at: float
    what: str
    which: int


@dataclass(frozen=True)
class Struck:
    """A blow that was dealt; `hit` says which process, if there was one, `runs` whose work died with it.

    `moment` is when it was over: once all of it runs again, where all of it was killed.
    """

    moment: datetime
    what: str
    hit: str
    runs: tuple[UUID, ...]


def plan(storm: Storm) -> list[Blow]:
    """The blows in their order."""
    chance = random.Random(storm.seed)
    wanted = [chance.choice(KILLED) for _ in range(storm.kills)]
    wanted += ["flush"] * storm.flushes + ["valkey"] * storm.valkey_kills
    wanted += ["postgres"] * storm.database_kills + ["supervisor"] * storm.supervisor_kills
    chance.shuffle(wanted)
    # The last fifth is calm: what was broken has to be mended by itself.
    blows = [Blow(0.8 * number / len(wanted), what, chance.randrange(64)) for number, what in enumerate(wanted)]
    faults = [f"{FAULT}{kind}" for kind in storm.hub_faults]
    chance.shuffle(faults)
    # By handfuls and early, so that there is something left for each of them to strike.
    ordered = [Blow(0.4 * (number - number % _HANDFUL) / len(faults), what, 0) for number, what in enumerate(faults)]
    return sorted([*ordered, *blows], key=lambda blow: blow.at)


class Weather:
    """Deals the blows as the work gets on; where it does not, the next one comes by itself."""

    def __init__(self, house: House, blows: list[Blow], tell: Callable[[str], None]) -> None:
        self._house, self._blows, self._tell = house, blows, tell
        self._waited = 0.0
        self.struck: list[Struck] = []

    @property
    def is_over(self) -> bool:
        """Whether all of them were dealt."""
        return not self._blows

    def pass_by(self, share: float, seconds: float) -> None:
        """Deals what is due once this share of the tasks is over; `seconds` went by since the last look."""
        self._waited += seconds
        while self._blows and (self._blows[0].at <= share or self._waited > _PATIENCE):
            self._waited = 0.0
            self._deal(self._blows.pop(0))

    def _deal(self, blow: Blow) -> None:
        runs = _runs_of(self._house.dies_with(blow.what, blow.which))
        hit = self._strike(blow)
        self.struck.append(Struck(datetime.now(UTC), blow.what, hit, runs if hit else ()))
        self._tell(f"{blow.what}: {hit or 'there is none just now'}")

    def _strike(self, blow: Blow) -> str:
        if blow.what.startswith(FAULT):
            return self._house.order(blow.what.removeprefix(FAULT))
        return self._house.flush() if blow.what == "flush" else self._house.kill(blow.what, blow.which)


def _runs_of(jobs: list[int]) -> tuple[UUID, ...]:
    """The runs that these processes have the lease of."""
    try:
        with db.transaction() as session:
            rows = session.execute(text("SELECT id, lease_owner FROM task_runs WHERE status = 'running'"))
            return tuple(id for id, holder in rows if int(holder.rpartition(":")[2]) in jobs)
    except (SQLAlchemyError, AsyncCoderError):  # the database is away just now
        return ()
