"""`asynccoder up`: everything on this machine, in one process tree."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.terminal import Terminal
from backend.errors import Misconfigured
from backend.parts import Part
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
    from backend.cli import stack

    repositories = [_repository(path) for path in demo_repos]
    if port is not None:
        os.environ["ASYNCCODER_PORT"] = str(port)  # for the children too
        get_settings.cache_clear()
    settings = get_settings()
    compose = stack.development if is_dev else stack.everything
    asyncio.run(supervise(settings, lambda: compose(settings, repositories)))


def _repository(path: Path) -> Path:
    found = path.expanduser().resolve()
    if not (found / ".git").exists() and not (found / "HEAD").exists():
        raise Misconfigured(f"--demo-repo: {path} is not a git repository.", fix="Name a folder that holds a .git")
    if not _has_commit(found):
        raise Misconfigured(
            f"--demo-repo: {path} has no commit yet, so there is nothing to work on.",
            fix=f"Make its first commit: git -C {path} add -A && git -C {path} commit -m 'First version'",
        )
    return found


def _has_commit(path: Path) -> bool:
    from backend.requirements import ensure_git

    ensure_git()
    # The operator named this folder, so it may belong to someone else.
    command = ("git", "-c", f"safe.directory={path}", "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return subprocess.run(command, cwd=path, capture_output=True, timeout=20, check=False).returncode == 0


async def supervise(settings: Settings, compose: Callable[[], list[Part]]) -> None:
    """Holds the data dir, checks the machine, then keeps the composed parts running until a signal.

    Raises Held, Misconfigured or PartFailed; whatever happens, nothing of ours stays.
    """
    from backend import embedded
    from backend.cli import preflight
    from backend.data_dir import held
    from backend.supervisor import Supervisor

    terminal = Terminal()
    with held(settings.data_dir, url=settings.origin) as record:
        preflight.before_start(settings)
        os.environ["ASYNCCODER_DATA_DIR"] = str(settings.data_dir.resolve())  # the children have another folder
        if settings.is_demo:
            # All parts and their git talk with the hub on this machine: a configured proxy must not be asked.
            os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
        try:
            embedded.write_urls(settings)
            supervisor = Supervisor(
                compose(),
                record=record,
                say=terminal.say,
                tell=terminal.tell,
                ready=_ready(settings),
                cwd=str(PROJECT_DIR),
            )
            await supervisor.run(then=lambda: _look_at_jail(settings, terminal))
        finally:
            embedded.forget(settings)
    terminal.tell("stopped")


def _ready(settings: Settings) -> str:
    mode = " (demo: no GitHub app is configured)" if settings.is_demo else ""
    return f"\n  Async Coder runs at {settings.origin}{mode}\n  Ctrl-C ends it.\n"


async def _look_at_jail(settings: Settings, terminal: Terminal) -> None:
    from backend.cli.jail import problem

    found = await asyncio.to_thread(problem, settings)
    if found is not None:
        terminal.tell(f"{'warning':<10} {found} Tasks fail until that is mended. {found.fix}")
