"""The bytes of a first visit: everything that the home page loads with nothing cached, as it crosses the wire."""

from collections import defaultdict
from typing import Any

from playwright.sync_api import BrowserContext

from benchmarks.ui.stack import Stack

LIMIT = 500_000


def measure(stack: Stack) -> None:
    """Prints the bytes of home, by kind, and those of an empty page of the same server."""
    with stack.visit() as context:
        bare = _bytes(context, f"{stack.origin}/health")
    with stack.visit() as context:
        home = _bytes(context, f"{stack.origin}/home")
    kinds = ", ".join(f"{kind.lower()} {size // 1000}" for kind, size in sorted(home.items(), key=lambda one: -one[1]))
    total = sum(home.values())
    print(f"  {'home, first load':<44} {total / 1000:8.1f} KB of {LIMIT // 1000}   ({kinds})")
    print(f"  {'an answer of the same server without a page':<44} {sum(bare.values()) / 1000:8.1f} KB")


def _bytes(context: BrowserContext, address: str) -> dict[str, int]:
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)

    def begun(told: dict[str, Any]) -> None:
        kinds[told["requestId"]] = told["type"]

    def ended(told: dict[str, Any]) -> None:
        sizes[kinds.get(told["requestId"], "Other")] += int(told["encodedDataLength"])

    def framed(told: dict[str, Any]) -> None:
        sizes["Socket"] += len(told["response"]["payloadData"])

    wire.on("Network.responseReceived", begun)
    wire.on("Network.loadingFinished", ended)
    wire.on("Network.webSocketFrameReceived", framed)
    page.goto(address)
    page.wait_for_timeout(3000)
    return sizes
