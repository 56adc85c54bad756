"""Looks at all parts at once: each in a thread of its own, each for so long, none in the way of another.

A look that hangs is told as such, and not begun a second time while it does. Answers are remembered for as long as
they last; what is remembered is this process's own.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass, replace
from time import monotonic
from urllib.parse import urlsplit

from pydantic import SecretStr
from redis.exceptions import RedisError

from backend import log
from backend.errors import AsyncCoderError, Misconfigured
from backend.models import PartState
from backend.services.setup import outside, processes, servers
from backend.services.setup.finding import DATABASE, REDIS, Finding, Look
from backend.settings import Settings, get_settings

_log = log.get(__name__)
_MINUTE = 60.0
_AWAY = {DATABASE: "the database cannot be asked", REDIS: "Redis cannot be asked"}
LOOKS = (
    Look(("settings",), servers.settings_),
    Look(("public URL",), servers.public_url),
    Look((DATABASE,), servers.database),
    Look(("connections",), servers.connections, needs=DATABASE, lasting=10 * _MINUTE),
    Look(("schema", "clock"), processes.schema_, needs=DATABASE),
    Look(("ledger",), servers.ledger, needs=DATABASE, lasting=10 * _MINUTE, patience=60),
    Look((REDIS,), servers.redis),
    Look(("run workers",), processes.run_workers, needs=REDIS, is_live=True),
    Look(("chore worker",), processes.chore_workers, needs=REDIS, is_live=True),
    Look(("scheduler",), processes.scheduler, needs=DATABASE, is_live=True),
    Look(("sandbox",), processes.machines, needs=DATABASE, is_live=True),
    Look((outside.HUB,), outside.hub, is_live=True),
    Look((outside.GITHUB,), outside.github, lasting=5 * _MINUTE, patience=20),
    Look(("sign-in",), processes.sign_in, needs=DATABASE),
    Look(("webhook",), processes.webhooks, needs=DATABASE),
    Look(("models", *outside.PROVIDER_NAMES.values()), outside.providers, lasting=10 * _MINUTE, patience=30),
    Look(("keys",), servers.keys),
    Look(("sealed secrets",), servers.older_keys, needs=DATABASE, lasting=10 * _MINUTE, patience=60),
    Look(("disk",), servers.disk),
    Look(("backup",), processes.backup, needs=DATABASE),
    Look(("pages",), servers.pages, lasting=10 * _MINUTE),
    Look(("package hosts",), servers.package_hosts),
)


@dataclass(frozen=True)
class _Going:
    """A look that has begun: when, on the monotonic clock, and what will come of it."""

    begun: float
    answer: "Future[list[Finding]]"


class Looker:
    """Looks, and remembers what was found."""

    def __init__(self, looks: Sequence[Look] = LOOKS) -> None:
        self._looks = looks
        self._lock = threading.Lock()
        self._kept: dict[Callable[..., object], tuple[float, list[Finding]]] = {}
        self._going: dict[Callable[..., object], _Going] = {}

    def look(self, settings: Settings | None = None, *, anew: bool = False, is_live: bool = True) -> list[Finding]:
        """Every part, in the order one would mend them; each stands once. `anew` remembers nothing.

        Without `is_live` what is only there once processes were started is left out. It takes as long as the slowest
        look may.
        """
        settings = settings or get_settings()
        wanted = [one for one in self._looks if is_live or not one.is_live]
        first = self._ask([one for one in wanted if not one.needs], settings, anew)
        there = {one.name for found in first.values() for one in found if one.state is PartState.OK}
        able = [one for one in wanted if one.needs in there]
        found = first | self._ask(able, settings, anew)
        parts = [part for one in wanted for part in found.get(one.ask) or _not_known(one)]
        hide = _secrets(settings)
        return list({part.key: _discreet(part, hide) for part in reversed(parts)}.values())[::-1]

    def forget(self) -> None:
        """Remembers nothing."""
        with self._lock:
            self._kept.clear()

    def _ask(self, looks: Sequence[Look], settings: Settings, anew: bool) -> dict[Callable[..., object], list[Finding]]:
        """All of them begin before the first is waited for."""
        begun = [(one, self._begin(one, settings, anew)) for one in looks]
        return {one.ask: self._wait(one, going) if isinstance(going, _Going) else going for one, going in begun}

    def _begin(self, look: Look, settings: Settings, anew: bool) -> _Going | list[Finding]:
        with self._lock:
            due, found = self._kept.get(look.ask, (0.0, []))
            if not anew and monotonic() < due:
                return found
            going = self._going.get(look.ask)
            if going is None or going.answer.done():
                going = self._going[look.ask] = _Going(monotonic(), Future())
                threading.Thread(
                    target=_work, args=(look, settings, going.answer), name=f"look {look.names[0]}", daemon=True
                ).start()
            return going

    def _wait(self, look: Look, going: _Going) -> list[Finding]:
        try:
            found = going.answer.result(timeout=max(0.0, going.begun + look.patience - monotonic()))
        except TooSlow:
            words = f"no answer within {look.patience:.0f} s"
            fix = "Whatever it waits for hangs: look at that machine, its network and its disks."
            return [Finding(look.names[0], PartState.BROKEN, words, fix)]
        with self._lock:
            self._kept[look.ask] = (monotonic() + look.lasting, found)
        return found


def _work(look: Look, settings: Settings, answer: "Future[list[Finding]]") -> None:
    try:
        found = list(look.ask(settings))
    except Misconfigured as error:
        found = [Finding(look.names[0], PartState.BROKEN, str(error), error.fix)]
    except AsyncCoderError as error:
        found = [Finding(look.names[0], PartState.BROKEN, str(error))]
    except RedisError as error:
        found = [Finding(look.names[0], PartState.ATTENTION, f"not known: Redis went away ({type(error).__name__})")]
    except Exception as error:  # one look that breaks must not hide the others
        _log.exception("a part could not be looked at", part=look.names[0])
        found = [Finding(look.names[0], PartState.BROKEN, f"could not be looked at ({type(error).__name__})")]
    answer.set_result(found)


def _not_known(look: Look) -> list[Finding]:
    """What stands for parts whose server is away; nothing for a look that was asked and found no part."""
    if not look.needs:
        return []
    return [Finding(look.names[0], PartState.ATTENTION, f"not known: {_AWAY[look.needs]}")]


def _secrets(settings: Settings) -> list[str]:
    """What must stand in no text, the longest first."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    found = [one.get_secret_value() for one in values if isinstance(one, SecretStr)]
    urls = [one for one in values if isinstance(one, str) and "@" in one and "://" in one]
    found += [word for url in urls for word in _passwords(url)]
    return sorted({one for one in found if len(one) > 3}, key=len, reverse=True)


def _passwords(url: str) -> Iterable[str]:
    try:
        password = urlsplit(url).password
    except ValueError:
        return [url]
    return [password] if password else []


def _discreet(part: Finding, hide: Sequence[str]) -> Finding:
    words, fix = part.words, part.fix
    for secret in hide:
        words, fix = words.replace(secret, "…"), fix.replace(secret, "…")
    return part if (words, fix) == (part.words, part.fix) else replace(part, words=words, fix=fix)


LOOKER = Looker()
