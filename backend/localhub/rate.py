"""GitHub's hourly limit: 5,000 requests per person, 60 without a token.

docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import math
import threading
import time
from dataclasses import dataclass

HOUR = 3600
PERSON, NOBODY = 5000, 60


@dataclass(frozen=True)
class Rate:
    """How much of an hour's requests is used; `reset` in seconds since the epoch."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """What is left."""
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> dict[str, str]:
        """As every answer carries it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(min(self.used, self.limit)),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": "core",
        }


class RateLimits:
    """Counts in memory: a restart gives everybody a fresh hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[int, Rate] = {}

    def look(self, account_id: int | None) -> Rate:
        """How a person (or nobody) stands."""
        return self._change(account_id, 0)

    def take(self, account_id: int | None) -> Rate:
        """Counts one request; it is over the limit when `used` is larger than `limit`."""
        return self._change(account_id, 1)

    def give_back(self, account_id: int | None) -> Rate:
        """An answer of 304 to a person costs nothing."""
        return self._change(account_id, -1)

    def set_remaining(self, account_id: int, remaining: int, seconds: int) -> None:
        """Leaves only so many requests for at least so many seconds, to a whole one: what a test of patience needs."""
        with self._lock:
            self._windows[account_id] = Rate(PERSON, PERSON - remaining, math.ceil(time.time()) + seconds)

    def clear(self) -> None:
        """A fresh hour for everybody."""
        with self._lock:
            self._windows.clear()

    def _change(self, account_id: int | None, count: int) -> Rate:
        now, key = time.time(), account_id or 0
        with self._lock:
            rate = self._windows.get(key)
            if rate is None or rate.reset <= now:
                rate = Rate(PERSON if account_id else NOBODY, 0, int(now) + HOUR)
            self._windows[key] = Rate(rate.limit, max(0, rate.used + count), rate.reset)
            return self._windows[key]
