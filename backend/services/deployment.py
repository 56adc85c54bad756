"""What a database belongs to: a demo's never becomes a real one's."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from backend import log
from backend.errors import Misconfigured
from backend.models import Deployment
from backend.services import catalog
from backend.settings import Settings

DEMO, REAL = "demo", "real"
_log = log.get(__name__)


def prepare(session: Session, settings: Settings) -> None:
    """Marks an empty database as this mode's and fills in the models. Raises Misconfigured on the other mode's."""
    mode = DEMO if settings.is_demo else REAL
    session.execute(insert(Deployment).values(id=1, mode=mode).on_conflict_do_nothing(index_elements=["id"]))
    found = session.exec(select(Deployment.mode)).one()
    if found != mode:
        raise Misconfigured(
            f"This database belongs to a {found} deployment, and the settings are those of a {mode} one.",
            fix="Point DATABASE_URL at a database of its own; demo accounts must never reach a real deployment.",
        )
    for change in catalog.fill(session):
        _log.info("a list price changed", model=change.name, before=change.before, now=change.now)
