"""Repeated timing, one way to print it, and a database to time on."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config

from backend import db, embedded
from backend.settings import PROJECT_DIR, Settings, get_settings


def seconds_each(work: Callable[[], object], times: int) -> list[float]:
    """The wall time of each of `times` calls, after one that is not counted."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def show(name: str, taken: list[float], bare: list[float] | None = None) -> None:
    """Prints median and 95th percentile in milliseconds, and the ratio to the bare counterpart."""
    median = statistics.median(taken)
    p95 = sorted(taken)[int(len(taken) * 0.95) - 1]
    ratio = f"   {median / statistics.median(bare):5.1f} × bare" if bare else ""
    print(f"  {name:<44} p50 {median * 1000:8.2f} ms   p95 {p95 * 1000:8.2f} ms{ratio}")


@contextmanager
def empty_database() -> Iterator[None]:
    """An empty database with the schema, and an empty Valkey, as this process's settings while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASYNCCODER_DATA_DIR"] = folder
        settings = Settings().model_copy(update={"data_dir": Path(folder), "database_url": None, "redis_url": None})
        with embedded.running(settings):
            os.environ["DATABASE_URL"] = embedded.database_url(settings)
            os.environ["REDIS_URL"] = embedded.redis_url(settings)
            get_settings.cache_clear()
            command.upgrade(Config(PROJECT_DIR / "alembic.ini"), "head")
            yield
            db.dispose()
    for name in ("ASYNCCODER_DATA_DIR", "DATABASE_URL", "REDIS_URL"):
        del os.environ[name]
    get_settings.cache_clear()
