"""What an operator watches: runs, the line before the workers, leases, deliveries. Numbers alone, of nobody by name."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel import Session

from backend.services import claims, deliveries


@dataclass(frozen=True)
class Figures:
    """Counts, as of one moment. Times in seconds."""

    runs: dict[tuple[str, str], int] = field(default_factory=dict)  # by status and phase
    queued: int = 0
    oldest_queued: float = 0.0  # the age of the oldest of them, or since its pause ended; 0 without one
    claimable: int = 0  # of the queued, and of the parked whose time has come: what a worker could take now
    leases_held: int = 0
    leases_expired: int = 0
    deliveries_waiting: int = 0
    deliveries_given_up: int = 0


def read(session: Session) -> Figures:
    """All of them, in four questions that indexes answer."""
    runs = session.execute(text("SELECT status, phase, count(*) FROM task_runs GROUP BY status, phase")).all()
    queued, oldest = session.execute(
        text(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(greatest(created_at, until))), 0) FROM task_runs"
            " WHERE status = 'pending' AND phase = 'queued'"
        )
    ).one()
    held, expired = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE lease_expires_at >= now()),"
            " count(*) FILTER (WHERE lease_expires_at < now()) FROM task_runs WHERE status = 'running'"
        )
    ).one()
    waiting, given_up = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE attempts < :most), count(*) FILTER (WHERE attempts >= :most)"
            " FROM webhook_deliveries WHERE processed_at IS NULL"
        ),
        {"most": deliveries.ATTEMPTS},
    ).one()
    return Figures(
        runs={(status, phase): count for status, phase, count in runs},
        queued=queued,
        oldest_queued=max(0.0, float(oldest)),
        claimable=claims.claimable(session),
        leases_held=held,
        leases_expired=expired,
        deliveries_waiting=waiting,
        deliveries_given_up=given_up,
    )
