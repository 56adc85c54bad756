"""A cache that may vanish at any moment: a broken Redis is a miss and a line in the log, never an error."""

import json
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from backend import log

_PREFIX = "cache:"
_log = log.get(__name__)


class Cache:
    """JSON values by key, each with its own time to live."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def get_json(self, key: str) -> Any | None:
        """The value, or None where there is none, it has expired, or Redis is away."""
        try:
            text: Any = self._redis.get(_PREFIX + key)
        except RedisError as error:
            _missed("read", key, error)
            return None
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            _missed("read", key, error)
            return None

    def set_json(self, key: str, value: Any, seconds: int) -> None:
        """Keeps the value for that many seconds, if Redis is there."""
        text = json.dumps(value)
        try:
            self._redis.set(_PREFIX + key, text, ex=seconds)
        except RedisError as error:
            _missed("write", key, error)

    def delete(self, key: str) -> None:
        """Forgets the value. With Redis away it may still be served until it expires."""
        try:
            self._redis.delete(_PREFIX + key)
        except RedisError as error:
            _missed("delete", key, error)


def _missed(act: str, key: str, error: Exception) -> None:
    _log.warning("cache unavailable", act=act, key=key, error=type(error).__name__)
