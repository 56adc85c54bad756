"""Whose run is next: fair queueing by weights (Demers, Keshav, Shenker 1989; self-clocked as in Golestani 1994).

Each person has a line for each priority. A run's turn is the one before it in its line, or now, and a step of one over
the priority's weight; the lowest turn is next. So everybody's lines go on side by side, a high one ten steps for one of
a low one, and a hundred runs of one person are behind each other and behind nobody else's first. What waits keeps its
turn while the clock, the highest turn that was begun, comes up to it: that is the ageing.
"""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from backend.words import Priority

# Of a run `r`.
ORDER = "r.turn, r.created_at"
_CLOCK = "(SELECT coalesce(max(turn), 0) FROM task_runs WHERE started_at IS NOT NULL)"
_LAST = (
    "(SELECT max(r.turn) FROM task_runs r JOIN tasks t ON t.id = r.task_id"
    " WHERE r.status = 'pending' AND t.user_id = :user AND t.priority = :priority)"
)


def turn(session: Session, user_id: UUID, priority: Priority) -> float:
    """The turn of a run that joins now. The caller holds the person's lock, so that no two get the same."""
    joined = session.execute(
        text(f"SELECT greatest({_CLOCK}, coalesce({_LAST}, 0))"),
        {"user": user_id, "priority": priority.value},
    ).scalar_one()
    return float(joined) + 1 / priority.weight
