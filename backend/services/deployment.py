"""Whose database this is: a demo's or a real deployment's, written once and never mixed."""

from sqlmodel import Session

from backend.errors import Misconfigured
from backend.models import Deployment
from backend.services import catalog
from backend.settings import Settings

DEMO, REAL = "demo", "real"


def prepare(session: Session, settings: Settings) -> None:
    """Marks a new database with this mode and fills in the models. Raises Misconfigured on the other mode's database:
    in a demo anyone signs in as anyone."""
    mode = DEMO if settings.is_demo else REAL
    found = session.get(Deployment, 1)
    if found is None:
        session.add(Deployment(id=1, mode=mode))
    elif found.mode != mode:
        raise Misconfigured(
            f"This database belongs to a {found.mode} deployment, and the settings ask for a {mode} one.",
            fix="Set DATABASE_URL to another database, or the GitHub app's settings as they were.",
        )
    catalog.fill(session)
