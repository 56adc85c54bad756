"""What an admin does first: try the demo, connect GitHub, add a model's key. Each step's state is read, never kept."""

from dataclasses import dataclass

from sqlmodel import Session, select

from backend.models import ProviderKey, Task, User
from backend.services import access, preferences, repository_hooks
from backend.services.provider_keys import PROVIDERS
from backend.settings import get_settings

CALLBACK_PATH = "/auth/callback"


@dataclass(frozen=True)
class Checklist:
    """The steps in their order, and what GitHub wants to know of this deployment."""

    is_sent: bool  # somebody's first task
    is_connected: bool  # to GitHub itself, not to the demo's
    has_model: bool  # a key of the deployment's, a server of its own, or a key of this person's
    callback_url: str
    webhook_url: str

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.is_sent and self.is_connected and self.has_model


def checklist(session: Session, user: User) -> Checklist:
    """How far the deployment is. Raises Forbidden."""
    access.require_admin(user)
    settings = get_settings()
    is_sent = session.exec(select(Task.id).limit(1)).first() is not None
    own = session.exec(select(ProviderKey.id).where(ProviderKey.user_id == user.id).limit(1)).first()
    has_key = any(settings.provider_key(one) for one in PROVIDERS)
    has_server = bool(settings.compatible_base_url and settings.compatible_models.strip())
    return Checklist(
        is_sent,
        not settings.is_demo,
        has_key or has_server or own is not None,
        f"{settings.origin}{CALLBACK_PATH}",
        f"{settings.origin}{repository_hooks.PATH}",
    )


def hide(session: Session, user: User) -> None:
    """Shows this person's first steps on their home page no more. Twice is once."""
    preferences.change(session, user, has_hidden_steps=True)
