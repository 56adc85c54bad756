"""The parts of `up`, in the order they start."""

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backend import embedded, ui_build
from backend.parts import Part
from backend.ports import answers
from backend.schema import is_at_head
from backend.settings import PROJECT_DIR, Settings

PYTHON = (sys.executable, "-m")
CLI = (*PYTHON, "backend.cli")
WEB = (*PYTHON, "backend.serve")


def servers(settings: Settings) -> list[Part]:
    """The embedded servers that the settings leave to us: both, one or none."""
    parts = []
    if not settings.database_url:
        parts.append(embedded.postgres(settings))
    if not settings.redis_url:
        parts.append(embedded.valkey(settings))
    return parts


def pages() -> Part:
    """Builds the pages."""
    argv = (*PYTHON, "backend.ui_build")
    return Part("ui", argv, is_once=True, start_seconds=900, summary="pages built")


def migrations(settings: Settings) -> Part:
    """Brings the database's schema to this version, where it is not there."""
    return Part(
        "migrate",
        (*CLI, "migrate"),
        is_once=True,
        is_needed=lambda: not is_at_head(settings.resolved_database_url),
        start_seconds=600,
        summary="schema is current",
    )


def local_hub(settings: Settings, demo_repos: Sequence[Path]) -> Part:
    """The GitHub of demo mode."""
    chosen = tuple(word for path in demo_repos for word in ("--demo-repo", str(path)))
    return Part(
        "hub",
        (*PYTHON, "backend.localhub", *chosen),
        health=lambda: answers("127.0.0.1", settings.hub_port, "/health"),
        summary=f"local GitHub for the demo at {settings.github_url}",
    )


def web(settings: Settings) -> Part:
    """Pages, websocket and API on one port. Its imports take longer than all else: they begin with the first part."""
    return Part(
        "web",
        (*WEB, "--when-told"),
        env=ui_build.serving_environment(settings),
        health=lambda: answers(settings.host, settings.port, "/health"),
        start_seconds=60,
        stop_seconds=12,  # it takes leave of who listens, and ends what it is at
        starts_early=True,
        summary=f"pages and API on {settings.host} port {settings.port}",
    )


def workers(settings: Settings) -> list[Part]:
    """The run workers and the chore worker. They are killed with us at once: a run goes on from its log elsewhere."""
    runs = (*PYTHON, "jobs.worker", "runs", str(settings.workers))
    chores = (*PYTHON, "jobs.worker", "chores")
    crew = Part("workers", runs, death_signal=signal.SIGKILL, summary=f"{settings.workers} take runs")
    return [
        *([crew] if settings.workers > 0 else []),
        Part("chores", chores, death_signal=signal.SIGKILL, summary="takes chores"),
    ]


def scheduler() -> Part:
    """Sweeps, pollers and everything that runs by the clock."""
    return Part("scheduler", (*PYTHON, "jobs.schedule"), summary="sweeps and polls")


def everything(settings: Settings, demo_repos: Sequence[Path] = ()) -> list[Part]:
    """All of `up`."""
    hub = [local_hub(settings, demo_repos)] if settings.is_demo else []
    building = [] if ui_build.is_current(settings) else [pages()]
    serving = [*servers(settings), migrations(settings), *hub, web(settings), *workers(settings), scheduler()]
    return building + serving


def development(settings: Settings, demo_repos: Sequence[Path] = ()) -> list[Part]:
    """All of `dev`: as `up`, but what a save changes is loaded again, pages included, on the same one port."""
    parts = [part for part in everything(settings, demo_repos) if part.name != "ui"]
    return [_reloading(part, settings) for part in parts]


def _reloading(part: Part, settings: Settings) -> Part:
    if part.name == "web":
        # "preview": backend and built pages on one port, so that cookies and OAuth's return address are the real ones.
        argv = (*PYTHON, "reflex", "run", "--env", "preview")
        env = ui_build.development_environment(settings)
        return replace(part, argv=argv, env=env, start_seconds=300, starts_early=False)
    if part.name == "migrate":
        return replace(part, is_needed=None)  # it also fills in the models, which the real web process does itself
    if any(word.startswith("jobs.") for word in part.argv):
        watched = (*PYTHON, "watchfiles", "--filter", "python", "--sigint-timeout", "2", shlex.join(part.argv))
        return replace(part, argv=(*watched, "backend", "jobs"))
    return part


def become(argv: Sequence[str], env: dict[str, str] | None = None) -> None:
    """This process becomes the program, in the project's folder."""
    os.chdir(PROJECT_DIR)
    sys.stdout.flush()
    os.execve(argv[0], list(argv), {**os.environ, **(env or {})})
