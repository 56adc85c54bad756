"""How often: moving windows in Redis, for a token, a person and an address.

With Redis away nobody counts. What costs money or opens a door then refuses (`is_closed`), all else passes.
"""

import ipaddress
import math
import time
from dataclasses import dataclass, replace
from functools import lru_cache

from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from backend import log, redis
from backend.errors import TooMany, Unavailable
from backend.settings import get_settings

_PREFIX = "limit"
_log = log.get(__name__)


@dataclass(frozen=True)
class Rule:
    """So many in so many seconds; `what` names them in a refusal. `is_closed`: refused where Redis cannot be asked."""

    name: str
    what: str
    limit: int
    seconds: int
    is_closed: bool = False


TOKEN = Rule("token", "requests with this token", 600, 60)  # the limit is the operator's
CHANGES = Rule("changes", "changes over the API", 240, 60)  # of a person, whichever token
CREATIONS = Rule("creations", "new tasks", 120, 3600, is_closed=True)  # of a person, by whichever door
STRANGERS = Rule("strangers", "requests without a good token", 120, 60)  # of an address
DEVICES = Rule("devices", "sign-ins of programs", 20, 300, is_closed=True)  # of an address
CODES = Rule("codes", "codes", 20, 300, is_closed=True)  # that a person types
SIGN_INS = Rule("sign-ins", "sign-ins", 60, 300, is_closed=True)  # of an address


@dataclass(frozen=True)
class Standing:
    """Where somebody stands after a request: `reset` is in how many seconds the next place is free."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-03 names them, in whole seconds."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


def take(rule: Rule, who: object) -> Standing | None:
    """Counts one; where they stand now, None with Redis away or without a limit.

    Raises TooMany, with the seconds until there is a place again, and Unavailable for what is closed without Redis.
    """
    item = RateLimitItemPerSecond(rule.limit, rule.seconds, namespace=_PREFIX)
    try:
        windows = _windows(get_settings().resolved_redis_url)
        is_allowed = windows.hit(item, rule.name, str(who))
        stats = windows.get_window_stats(item, rule.name, str(who))
    except RedisError as error:
        _log.warning("nobody counts requests: Redis is away", rule=rule.name, error=type(error).__name__)
        if rule.is_closed:
            raise Unavailable("Our counter of requests is away, so this waits. Try again in a moment.") from error
        return None
    # Rounded up, so that whoever comes back then finds a place; Redis keeps moments to a tenth of a millisecond.
    reset = max(1, math.ceil(stats.reset_time - time.time() - 0.001))
    standing = Standing(rule.limit, max(0, stats.remaining), reset)
    if not is_allowed:
        words = f"{rule.limit} {rule.what} in {_span(rule.seconds)} are the limit; there is a place again in {reset} s."
        raise TooMany(words, retry_after=reset, headers=standing.headers())
    return standing


def take_token(token_id: object) -> Standing | None:
    """Counts a request of a token, as far as the operator wants them counted."""
    limit = get_settings().api_requests
    return take(replace(TOKEN, limit=limit), token_id) if limit else None


def address(peer: str | None, forwarded: str | None) -> str:
    """Whose address counts: the peer's, or behind a proxy on this machine the one that the proxy saw, its last word.

    Of IPv6 the first 64 bits, which is what one customer gets (RFC 6177).
    """
    told = peer or ""
    if forwarded and is_loopback(told):
        told = forwarded.rsplit(",", 1)[-1].strip()
    try:
        found = ipaddress.ip_address(told.partition("%")[0])
    except ValueError:
        return "unknown"
    if found.version == 6:
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


@lru_cache(maxsize=4)
def _windows(url: str) -> MovingWindowRateLimiter:
    # Its own scheme says nothing here: the pool is ours, and is connected already.
    storage = RedisStorage("redis://", connection_pool=redis.client(url).connection_pool, key_prefix=_PREFIX)
    return MovingWindowRateLimiter(storage)


def is_loopback(peer: str) -> bool:
    """Whether a request's peer is this machine: a loopback address, or a unix socket's empty one."""
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return peer == ""  # a unix socket


def _span(seconds: int) -> str:
    names = {60: "a minute", 3600: "an hour"}
    return names.get(seconds) or (f"{seconds // 60} minutes" if seconds >= 60 else f"{seconds} s")
