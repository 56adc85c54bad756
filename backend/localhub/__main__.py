"""`python -m backend.localhub [--demo-repo PATH]…`: the hub, until SIGTERM."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from backend import log
from backend.errors import Misconfigured
from backend.localhub import app, seed
from backend.localhub.config import ADDRESS, Config
from backend.localhub.hub import Hub
from backend.ports import ensure_free
from backend.settings import get_settings


def main(arguments: list[str]) -> int:
    """Serves; 1 with one sentence and the fix when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m backend.localhub", description="The local GitHub of demo mode.")
    parser.add_argument("--demo-repo", action="append", default=[], type=Path, metavar="PATH")
    chosen = parser.parse_args(arguments)
    log.configure()
    try:
        hub = open_hub(chosen.demo_repo)
    except Misconfigured as error:
        print(f"{error}\n{error.fix}", file=sys.stderr)
        return 1
    asyncio.run(_serve(hub))
    return 0


def open_hub(demo_repos: list[Path]) -> Hub:
    """The hub with all its repositories. Raises Misconfigured for what must not or cannot start."""
    settings = get_settings()
    settings.check()
    if not settings.is_demo:
        raise Misconfigured(
            "A GitHub app is configured, so the local hub does not start.", fix="Unset GITHUB_CLIENT_ID for demo mode."
        )
    # The server shares its port with whoever else asks to share it, so a second hub would answer half the requests.
    ensure_free(ADDRESS, settings.hub_port, what="demo's local GitHub")
    hub = Hub(Config.of(settings))
    seed.seed(hub)
    for path in demo_repos:
        log.get(__name__).info("demo repository", full_name=seed.add_demo_repository(hub, path))
    return hub


async def _serve(hub: Hub) -> None:
    # In this very process: a signal ends it at once, and nothing of it is left when it is killed.
    server = Server(
        app.create(hub),
        address=ADDRESS,
        port=hub.config.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
