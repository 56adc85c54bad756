"""What must be there before anything works: git, a PostgreSQL, a Redis. Each failure is one sentence with its fix."""

import shutil
import subprocess

from backend.errors import Misconfigured

OLDEST_POSTGRES = 140000  # PostgreSQL 14, as server_version counts
CONNECT_SECONDS = 5


def ensure_git() -> str:
    """Git's own version line. Raises Misconfigured where there is none that works."""
    git = shutil.which("git")
    if git is None:
        raise Misconfigured("git is not installed.", fix="Install it: apt install git (or your system's package).")
    done = subprocess.run([git, "--version"], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise Misconfigured(f"git does not run: {done.stderr.strip()}", fix=f"Repair {git}.")
    return done.stdout.strip()


def ensure_database(url: str) -> str:
    """The server's version. Raises Misconfigured when DATABASE_URL does not lead to a PostgreSQL we can use."""
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    if not plain.startswith("postgresql://"):
        raise Misconfigured(
            "DATABASE_URL is not a PostgreSQL address.", fix="Write it as postgresql://user:password@host:5432/database"
        )
    try:
        with psycopg.connect(plain, connect_timeout=CONNECT_SECONDS) as connection:
            number = connection.info.server_version
    except psycopg.Error as error:
        raise Misconfigured(
            f"DATABASE_URL does not work: {_first_line(error)}",
            fix="Correct it, start that server, or unset DATABASE_URL to use the embedded one.",
        ) from error
    if number < OLDEST_POSTGRES:
        raise Misconfigured(f"DATABASE_URL leads to PostgreSQL {number // 10000}.", fix="Use PostgreSQL 14 or newer.")
    return f"PostgreSQL {number // 10000}.{number % 10000}"


def ensure_redis(url: str) -> str:
    """The server's name and version. Raises Misconfigured when REDIS_URL does not lead to a Redis or Valkey."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    once = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS, retry=once
        ) as client:
            found = client.info("server")
    except ValueError as error:
        raise Misconfigured("REDIS_URL is not a Redis address.", fix="Write it as redis://host:6379/0") from error
    except redis.RedisError as error:
        raise Misconfigured(
            f"REDIS_URL does not work: {_first_line(error)}",
            fix="Correct it, start that server, or unset REDIS_URL to use the embedded one.",
        ) from error
    version = found.get("valkey_version")
    return f"Valkey {version}" if version else f"Redis {found.get('redis_version')}"


def _first_line(error: Exception) -> str:
    # libpq names host, port and user here, never the password.
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
