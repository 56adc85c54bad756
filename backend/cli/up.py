"""`asynccoder up`: everything on this machine, in one process tree."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.terminal import Terminal
from backend.errors import Misconfigured
from backend.settings import PROJECT_DIR, Settings, get_settings

DemoRepo = Annotated[
    list[Path] | None, typer.Option("--demo-repo", metavar="PATH", help="A local git repository to offer in the demo.")
]


def up(
    demo_repo: DemoRepo = None,
    port: Annotated[int | None, typer.Option(help="The web port; the demo's GitHub takes the next one.")] = None,
) -> None:
    """Starts everything and keeps it running until Ctrl-C."""
    start(demo_repo or [], port, is_dev=False)


def dev(
    demo_repo: DemoRepo = None,
    port: Annotated[int | None, typer.Option(help="The port of the pages; the next two serve hub and backend.")] = None,
) -> None:
    """As `up`, with hot reload of pages and backend."""
    start(demo_repo or [], port, is_dev=True)


def start(demo_repos: list[Path], port: int | None, *, is_dev: bool) -> None:
    """Checks, then supervises until a signal comes. Raises Misconfigured or PartFailed."""
    repositories = [_repository(path) for path in demo_repos]
    if port is not None:
        os.environ["ASYNCCODER_PORT"] = str(port)  # for the children too
        get_settings.cache_clear()
    settings = get_settings()
    os.environ["ASYNCCODER_DATA_DIR"] = str(settings.data_dir.resolve())
    asyncio.run(_supervise(settings, repositories, is_dev=is_dev))


def _repository(path: Path) -> Path:
    found = path.expanduser().resolve()
    if not (found / ".git").exists() and not (found / "HEAD").exists():
        raise Misconfigured(f"--demo-repo: {path} is not a git repository.", fix="Name a folder that holds a .git")
    return found


async def _supervise(settings: Settings, repositories: list[Path], *, is_dev: bool) -> None:
    # Imported here: `asynccoder --help` needs no database driver.
    from backend import embedded
    from backend.cli import jail, preflight, stack
    from backend.data_dir import held
    from backend.supervisor import Supervisor

    terminal = Terminal()
    with held(settings.data_dir, url=settings.origin) as record:
        preflight.before_start(settings)
        _warn_of_jail(terminal, jail.problem(settings))
        parts = stack.everything(settings, repositories) if not is_dev else stack.development(settings, repositories)
        embedded.write_urls(settings)
        mode = " (demo: no GitHub app is configured)" if settings.is_demo else ""
        supervisor = Supervisor(
            parts,
            record=record,
            say=terminal.say,
            tell=terminal.tell,
            ready=f"\n  Async Coder runs at {settings.origin}{mode}\n  Ctrl-C ends it.\n",
            cwd=str(PROJECT_DIR),
        )
        try:
            await supervisor.run()
        finally:
            embedded.forget(settings)
    terminal.tell("stopped")


def _warn_of_jail(terminal: Terminal, problem: Misconfigured | None) -> None:
    if problem is not None:
        terminal.tell(f"warning    {problem} Tasks will fail until it is mended. {problem.fix}")
