"""What must be true before anything is built or started: each failure is one sentence with its fix."""

from backend.ports import ensure_free
from backend.requirements import ensure_database, ensure_git, ensure_redis
from backend.settings import Settings


def before_start(settings: Settings) -> None:
    """Raises Misconfigured for what would fail later and less clearly."""
    settings.check()
    ensure_git()
    ensure_free(settings.host, settings.port, what="web server")
    if settings.is_demo:
        ensure_free("127.0.0.1", settings.hub_port, what="demo's local GitHub")
    if settings.database_url:
        ensure_database(settings.resolved_database_url)
    if settings.redis_url:
        ensure_redis(settings.redis_url)
