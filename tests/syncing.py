"""A sync of a person's repositories from its wish to its end, in this process."""

from uuid import UUID

from backend import db
from backend.services import repository_syncs
from backend.services.repository_syncs import Standing


def sync(user_id: UUID) -> Standing:
    """Asks for it and does it; how it stands then."""
    with db.transaction() as session:
        repository_syncs.ask(session, user_id)
    repository_syncs.work_all()
    return standing(user_id)


def standing(user_id: UUID) -> Standing:
    """How it stands."""
    with db.transaction() as session:
        return repository_syncs.standing(session, user_id)
