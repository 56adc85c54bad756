"""`python -m benchmarks [NAME…]`: runs the named benchmarks, or all of them."""

import importlib
import signal
import sys

NAMES = (
    *("jail", "checkout", "engine", "tokens", "log", "audit", "line", "repositories", "analytics", "load", "api", "ui"),
)


# As Ctrl-C does: what a benchmark started ends with it.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
for name in sys.argv[1:] or NAMES:
    print(f"\n{name}")
    importlib.import_module(f"benchmarks.{name}").main()
