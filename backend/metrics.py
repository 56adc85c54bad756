"""What this process counts, in Prometheus' text format: its requests, its open lines, itself.

The library is prometheus-client, for the format's escapes, the histogram's buckets and the figures of /proc. What the
database and Redis know is in services/figures.py; no name and no id of a person, task or repository is a label.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # what every scraper reads
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
# Its own _count is the number of requests.
REQUESTS = Histogram(
    "asynccoder_http_request_seconds",
    "Requests to API, sign-in, webhooks and downloads of this process: seconds until the answer begins.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
_OPEN = Gauge("asynccoder_open_lines", "Lines that stay open, of this process.", ["kind"], registry=REGISTRY)


def count_open(kind: str, count: Callable[[], int]) -> None:
    """Lets `count()` say, at each scrape, how many lines of a kind are open in this process."""
    _OPEN.labels(kind).set_function(count)


def exposed() -> bytes:
    """This process's figures as text."""
    return generate_latest(REGISTRY)
