"""What a look at a part finds, and how it is looked at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from backend.models import PartState
from backend.settings import Settings

DATABASE, REDIS = "database", "redis"
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Finding:
    """A part, how it stands, and what to do where it is not well: a sentence, and a command or a page where one helps.

    `place` is a machine, `<host>:<data dir>`, for what each machine has its own of; `at` the last time of what the part
    is about.
    """

    name: str
    state: PartState
    words: str
    fix: str = ""
    command: str = ""
    link: str = ""
    place: str = ""
    at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What stands for the part."""
        return self.name, self.place


@dataclass(frozen=True)
class Look:
    """A look at the parts `names`, or a few of them.

    It is asked only where the server that it `needs` answers; it may take `patience` seconds, and its answer is good
    for `lasting` seconds. `is_live`: it is about processes, and so says nothing before they were started.
    """

    names: tuple[str, ...]
    ask: Callable[[Settings], Iterable[Finding]]
    needs: str = ""
    lasting: float = 0.0
    patience: float = PATIENCE_SECONDS
    is_live: bool = False


def ok(name: str, words: str, *, at: datetime | None = None, place: str = "") -> Finding:
    """A part that is well."""
    return Finding(name, PartState.OK, words, at=at, place=place)
