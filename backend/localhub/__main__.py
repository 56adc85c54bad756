"""`python -m backend.localhub [--demo-repo PATH]…`: the hub, until SIGTERM."""

import argparse
import asyncio
import os
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

SECONDS_TO_END = 1.0  # for requests under way when the signal comes


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
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(ending.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if ending.is_set():
        server.stop()  # type: ignore[no-untyped-call]  # granian's own
        await asyncio.wait({serving}, timeout=SECONDS_TO_END)
    if serving.done():
        await serving  # for its error, if it ended with one
        return
    # Granian waits for whoever has sent half a request, for as long as they like. Nothing that was promised is lost:
    # what is answered is committed, and what a crash leaves half done is finished at the next start.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
