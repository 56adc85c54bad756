"""The REST API, in a web process of its own."""

from benchmarks.api import listeners


def main() -> None:
    """Runs each, one after the other."""
    listeners.measure()
