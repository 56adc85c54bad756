"""The single processes, for an operator whose own supervisor runs them."""

from typing import Annotated

import typer

from backend.settings import Settings, get_settings


def web() -> None:
    """Serves pages and API; builds the pages first where they are not of this version."""
    from backend import ui_build
    from backend.cli import stack

    settings = _ensure_servers()
    if not ui_build.is_current(settings):
        ui_build.build(settings, typer.echo)
    stack.become(stack.WEB, ui_build.serving_environment(settings))


def worker(
    queue: Annotated[str, typer.Argument(help="runs or chores")] = "runs",
    count: Annotated[int, typer.Option(min=1, help="So many at once, which share what they import.")] = 1,
) -> None:
    """Works off one queue."""
    from backend.cli import stack

    _ensure_servers()
    stack.become((*stack.PYTHON, "jobs.worker", queue, *([str(count)] if count > 1 else [])))


def scheduler() -> None:
    """Sweeps and polls; of several, one works at a time."""
    from backend.cli import stack

    _ensure_servers()
    stack.become((*stack.PYTHON, "jobs.schedule"))


def _ensure_servers() -> Settings:
    from backend.requirements import ensure_database, ensure_redis

    settings = get_settings()
    settings.check()
    ensure_database(settings.resolved_database_url)
    ensure_redis(settings.resolved_redis_url)
    return settings
