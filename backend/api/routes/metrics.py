"""`/metrics`, as Prometheus scrapes it: of this process, and of the deployment as the database and Redis know it."""

import threading
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from backend import db, log, metrics, queue, rate_limit
from backend.api import loopback
from backend.api.bearer import TokenRoute
from backend.errors import AsyncCoderError, Forbidden
from backend.loopback import is_loopback_url
from backend.services import figures
from backend.services.figures import Figures
from backend.settings import get_settings

FRESH_SECONDS = 5.0  # for which the database's figures are told again, however many scrape
_log = log.get(__name__)


class MetricsRoute(TokenRoute):
    """For an admin's token of any scope; on a deployment that has no public address, for this machine without one.

    Behind a public URL stands a proxy, whose requests all come from loopback, and not every one says for whom.
    """

    def get_route_handler(self) -> Any:
        """The route's own handler, behind the question who asks where it has to be asked."""
        asked, open_ = super().get_route_handler(), APIRoute.get_route_handler(self)

        async def handler(request: Request) -> Response:
            return await (open_ if _is_of_this_machine(request) else asked)(request)

        return handler


router = APIRouter(include_in_schema=False, route_class=MetricsRoute)


@router.get("/metrics")
def scrape(request: Request) -> Response:
    """All figures as text. Raises Forbidden for whoever is no admin."""
    caller = getattr(request.state, "bearer", None)
    if caller is not None and not caller.user.is_admin:
        raise Forbidden("Only an admin's token reads the metrics.")
    return Response(metrics.exposed(), media_type=metrics.CONTENT_TYPE)


def _is_of_this_machine(request: Request) -> bool:
    peer = request.client.host if request.client else None
    return (
        is_loopback_url(get_settings().origin)
        and rate_limit.is_loopback(peer or "")
        and loopback.is_local(dict(request.scope["headers"]))
    )


class _Deployment(Collector):
    """The figures of the whole deployment: every web process tells the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0
        self._figures: Figures | None = None
        self._workers: dict[str, int] | None = None

    def describe(self) -> list[Any]:
        """Nothing: else it would be asked when it is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is known, at most a few seconds old; of what is away only that it is."""
        with self._lock:
            if monotonic() >= self._due:
                self._figures, self._workers = _figures(), _workers()
                self._due = monotonic() + FRESH_SECONDS
            found, workers = self._figures, self._workers
        yield _one("database_up", "Whether the database answers.", found is not None)
        yield _one("redis_up", "Whether Redis answers.", workers is not None)
        if found is not None:
            yield from _of_database(found)
        if workers is not None:
            yield _family("workers", "Worker processes that were heard of in the last minutes.", ("queue",), workers)

    def forget(self) -> None:
        """The next scrape asks anew."""
        self._due = 0.0


_deployment = _Deployment()
metrics.REGISTRY.register(_deployment)
forget = _deployment.forget


def _of_database(found: Figures) -> Iterator[GaugeMetricFamily]:
    yield _family("runs", "Runs by where they stand.", ("status", "phase"), found.runs)
    yield _one("queue_length", "Runs that wait for a worker.", found.queued)
    yield _one("queue_oldest_seconds", "Age of the oldest of them; 0 without one.", found.oldest_queued)
    yield _one("runs_claimable", "Runs that a worker could claim now, within each person's limit.", found.claimable)
    leases = {"held": found.leases_held, "expired": found.leases_expired}
    yield _family("leases", "Leases of running runs; an expired one is taken over.", ("state",), leases)
    waiting = {"waiting": found.deliveries_waiting, "given_up": found.deliveries_given_up}
    yield _family("webhook_deliveries", "GitHub's deliveries that are not applied.", ("state",), waiting)


def _family(name: str, words: str, labels: tuple[str, ...], values: dict[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"asynccoder_{name}", words, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key) if isinstance(key, tuple) else [key], value)
    return family


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"asynccoder_{name}", words, value=value)


def _figures() -> Figures | None:
    try:
        with db.transaction() as session:
            return figures.read(session)
    except AsyncCoderError as error:
        _log.warning("metrics without the database", error=str(error))
        return None


def _workers() -> dict[str, int] | None:
    try:
        seen = Counter(worker.queue for worker in queue.workers())
        return {name: seen[name] for name in (queue.RUNS, queue.CHORES)}
    except (RedisError, AsyncCoderError) as error:
        _log.warning("metrics without Redis", error=type(error).__name__)
        return None
