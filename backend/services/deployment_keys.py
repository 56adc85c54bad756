"""The deployment's own ways to its providers: whether there is a key, and whether a true call with it works."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, select

from backend import clock
from backend.db import transaction
from backend.errors import InvalidInput, NotFound, Unavailable
from backend.models import ProviderTest, User
from backend.providers.base import ProviderError
from backend.services import access, audit, catalog, provider_keys
from backend.services.catalog_admin import is_name
from backend.settings import get_settings
from backend.words import Act, Failure, ObjectKind

NAMES = {**provider_keys.NAMES, "compatible": "Compatible server"}
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY"}
LOOK_SECONDS = 10.0
MOST_MODELS = 500
MOST_BYTES = 1_000_000
_MOST_WORDS = 500  # characters of what a provider said


@dataclass(frozen=True)
class ProviderState:
    """A provider as the deployment reaches it. `setting` is what the operator sets, `via` the host of another address.

    `tested_at` is None before the first test; `words` are the provider's own where it refused. No key stands in it.
    """

    provider: str
    name: str
    setting: str
    is_set: bool
    via: str
    is_ok: bool
    words: str
    tested_at: datetime | None


def states(session: Session, user: User) -> list[ProviderState]:
    """Each provider, with its newest test. Raises Forbidden."""
    access.require_admin(user)
    tested = {row.provider: row for row in session.exec(select(ProviderTest))}
    return [_state(provider, tested.get(provider)) for provider in NAMES]


def test(
    user_id: UUID, provider: str, *, seconds: float = provider_keys.TEST_SECONDS, address: str = audit.UNKNOWN
) -> ProviderState:
    """Asks the provider for one word with the deployment's key, and keeps what came of it.

    For the doors: it takes no session, because it asks the provider between two transactions. Raises Forbidden, and
    InvalidInput where there is nothing to test with.
    """
    with transaction() as session:
        _admin(session, user_id)
        if provider not in NAMES:
            raise InvalidInput("There is no such provider.", field="provider")
        model = provider_keys.cheapest(session, provider, or_off=True)
    if not _is_set(provider):
        raise InvalidInput(f"{_setting(provider)} is not set.", field="provider")
    if model is None:
        raise InvalidInput("None of its models is listed, so that none could be asked.", field="provider")
    key, words = get_settings().provider_key(provider), ""
    try:
        provider_keys.ask(provider, key, model, seconds)
    except ProviderError as error:
        words = _words(provider_keys.without_key(str(error), key), error.failure)
    with transaction() as session:
        user = _admin(session, user_id)
        values = {"is_ok": not words, "words": words, "tested_at": clock.now()}
        session.execute(
            insert(ProviderTest)
            .values(provider=provider, **values)
            .on_conflict_do_update(index_elements=["provider"], set_=values)
        )
        audit.record(session, Act.PROVIDER_TESTED, audit.by(user, address), _object(provider), works=not words)
        return _state(provider, session.get(ProviderTest, provider, populate_existing=True))


def look_for_models(user_id: UUID, *, seconds: float = LOOK_SECONDS, address: str = audit.UNKNOWN) -> list[str]:
    """Asks the compatible server which models it has, and adds those that are not listed: off, and without a price.

    For the doors, as `test`. Returns the names that were added. Raises Forbidden, InvalidInput where no server is set,
    Unavailable with what went wrong.
    """
    with transaction() as session:
        _admin(session, user_id)
    base_url = get_settings().provider_base_url("compatible")
    if not base_url:
        raise InvalidInput(f"{_setting('compatible')} is not set.", field="provider")
    found = _asked(base_url, get_settings().provider_key("compatible"), seconds)
    with transaction() as session:
        user = _admin(session, user_id)
        added = [name for name in found if catalog.add(session, catalog.served(name))]
        if added:
            audit.record(session, Act.MODEL_ADDED, audit.by(user, address), _object("compatible"), models=added)
    return added


def _asked(base_url: str, key: str | None, seconds: float) -> list[str]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with (
            httpx.Client(timeout=seconds, headers=headers, trust_env=False) as client,
            client.stream("GET", f"{base_url.rstrip('/')}/models") as answer,
        ):
            body, until = b"", clock.now().timestamp() + seconds
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES or clock.now().timestamp() > until:
                    raise Unavailable("The compatible server's list of models is too long, or too slow.")
            if answer.status_code != 200:
                said = provider_keys.without_key(body[:200].decode(errors="replace"), key)
                raise Unavailable(f"The compatible server answered {answer.status_code}: {said}")
            listed = httpx.Response(200, content=body).json()["data"]
            names = [one["id"] for one in listed]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"The compatible server cannot be reached ({type(error).__name__}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("What the compatible server answered is no list of models.") from error
    return sorted({name for name in names if isinstance(name, str) and is_name(name)})[:MOST_MODELS]


def _words(said: str, failure: Failure) -> str:
    """The provider's own words, without ours before them, which are for a person with a run."""
    return said.removeprefix(failure.sentence).strip().removeprefix("It says:").strip()[:_MOST_WORDS] or "(nothing)"


def _admin(session: Session, user_id: UUID) -> User:
    user = session.get(User, user_id)
    if user is None or user.is_shut_out:
        raise NotFound("The person no longer exists.")
    access.require_admin(user)
    return user


def _object(provider: str) -> audit.Object:
    return audit.Object(ObjectKind.PROVIDER, provider, NAMES[provider])


def _setting(provider: str) -> str:
    return KEYS.get(provider, "COMPATIBLE_BASE_URL")


def _is_set(provider: str) -> bool:
    settings = get_settings()
    return bool(settings.provider_key(provider) if provider in KEYS else settings.provider_base_url(provider))


def _state(provider: str, tested: ProviderTest | None) -> ProviderState:
    base_url = get_settings().provider_base_url(provider)
    return ProviderState(
        provider=provider,
        name=NAMES[provider],
        setting=_setting(provider),
        is_set=_is_set(provider),
        via=urlsplit(base_url).hostname or "" if base_url else "",
        is_ok=tested.is_ok if tested else False,
        words=tested.words if tested else "",
        tested_at=tested.tested_at if tested else None,
    )
