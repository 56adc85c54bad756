"""Repeated timing, and one way to print it."""

import statistics
import time
from collections.abc import Callable


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
