"""The REST API, in a web process of its own."""

from benchmarks.api import listeners, tasks


def main() -> None:
    """Runs each, one after the other."""
    listeners.measure()
    tasks.measure()
