"""`python -m benchmarks [NAME…]`: runs the named benchmarks, or all of them."""

import importlib
import sys

NAMES = ("jail", "checkout", "engine", "log", "repositories", "ui")

for name in sys.argv[1:] or NAMES:
    print(f"\n{name}")
    importlib.import_module(f"benchmarks.{name}").main()
