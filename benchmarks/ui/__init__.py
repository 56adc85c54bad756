"""What a person waits for in the browser: each figure beside a bare counterpart measured in the same run.

It starts a stack of its own and Chromium, takes a few minutes, and ends both. A machine that does other work meanwhile
shows in every figure, the bare ones too: read the ratios.
"""

from benchmarks.ui import diff, latency, load, log, stack


def main() -> None:
    """Runs the four, one after the other."""
    with stack.running() as running:
        load.measure(running)
        log.measure(running)
        diff.measure(running)
        latency.measure(running)  # last: fifty tabs leave a browser that draws a tenth slower
