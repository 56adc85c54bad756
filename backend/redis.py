"""The doorbell's line: one Redis client per process and server."""

from functools import lru_cache

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0


@lru_cache(maxsize=4)
def client(url: str) -> Redis:
    """The client for a server; it connects at the first command, and its pool starts afresh after a fork.

    Two quick retries bridge a dropped connection, so a command may run twice. Answers are bytes, as RQ needs them.
    Raises redis.exceptions.RedisError from its commands, within about fifteen seconds at worst.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        health_check_interval=30,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 2),
    )
