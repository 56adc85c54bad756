"""People's own keys for model providers: kept sealed, only after the provider took them, and opened call by call."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, crypto
from backend.db import patiently, transaction
from backend.errors import InvalidInput, Misconfigured, NotFound, Unavailable
from backend.models import AiModel, ProviderKey, User
from backend.providers import REGISTRY, open_provider
from backend.providers.base import Delta, Final, Message, Provider, ProviderError, Request, Text
from backend.services import audit
from backend.settings import get_settings
from backend.words import Act, Failure, ObjectKind

NAMES = {"anthropic": "Anthropic", "openai": "OpenAI", "google": "Google"}
PROVIDERS = tuple(provider for provider in NAMES if provider in REGISTRY)
MIN_KEY, MAX_KEY = 8, 500  # characters
TEST_SECONDS = 15.0
_TEST_TOKENS = 256  # most of an answer: a few are used, and some models refuse fewer
# A provider may quote a key with its middle starred out; that, too, is nobody's to read.
_QUOTED = re.compile(r"\b(?:sk-|AIza)[\w*.-]*[\w*]")


@dataclass(frozen=True)
class KeyRow:
    """A key as its owner recognises it: by its last four characters."""

    provider: str
    name: str
    hint: str
    tested_at: datetime


def listing(session: Session, user: User) -> list[KeyRow]:
    """The person's keys, by provider."""
    rows = session.exec(select(ProviderKey).where(ProviderKey.user_id == user.id).order_by(col(ProviderKey.provider)))
    return [KeyRow(row.provider, NAMES.get(row.provider, row.provider), row.hint, row.tested_at) for row in rows]


def held_by(session: Session, user_id: UUID) -> frozenset[str]:
    """The providers for which this person has a key."""
    return frozenset(session.exec(select(ProviderKey.provider).where(ProviderKey.user_id == user_id)))


def pays_for(session: Session, user_id: UUID, model_id: UUID) -> bool:
    """Whether a task of this person's with this model is on a key of their own."""
    found = session.exec(
        select(ProviderKey.id)
        .join(AiModel, col(AiModel.provider) == ProviderKey.provider)
        .where(ProviderKey.user_id == user_id, AiModel.id == model_id)
    ).first()
    return found is not None


def gone(provider: str) -> str:
    """The sentence for a run on a key that its owner has removed."""
    return f"This run was on your own {NAMES[provider]} key, which was removed. Add a key in Settings and try again."


def keep(
    user_id: UUID, provider: str, key: str, *, seconds: float = TEST_SECONDS, address: str = audit.UNKNOWN
) -> None:
    """Asks the provider for one word with this key, then keeps it in place of an older one; a refusal keeps nothing.

    For the doors: it takes no session, because it asks the provider first. Raises InvalidInput with the provider's own
    words, Unavailable where it did not answer.
    """
    key = key.strip()
    if not MIN_KEY <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("This does not look like a key. Paste it whole, without blanks.", field="key")
    _require_answer(provider, key, seconds)
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None or user.is_shut_out:
            raise NotFound("The person no longer exists.")
        values = {"sealed_key": crypto.seal(get_settings(), user_id, key), "hint": key[-4:], "tested_at": clock.now()}
        session.execute(
            insert(ProviderKey)
            .values(user_id=user_id, provider=provider, **values)
            .on_conflict_do_update(index_elements=["user_id", "provider"], set_=values)
        )
        audit.record(session, Act.PROVIDER_KEY_ADDED, audit.by(user, address), _object(provider))


def test(user_id: UUID, provider: str, *, seconds: float = TEST_SECONDS) -> None:
    """Asks the provider again with the kept key; it stays, whatever comes of it. Raises as `keep`, and NotFound."""
    with transaction() as session:
        key = _opened(session, user_id, provider)
    _require_answer(provider, key, seconds)
    with transaction() as session:
        row = _row(session, user_id, provider)
        if row is not None:
            row.tested_at = clock.now()
            session.add(row)


def remove(session: Session, user: User, provider: str, *, address: str = audit.UNKNOWN) -> None:
    """Forgets a key; twice is once. A run on it ends at its next call to the model."""
    gone = session.execute(
        delete(ProviderKey)
        .where(col(ProviderKey.user_id) == user.id, col(ProviderKey.provider) == provider)
        .returning(col(ProviderKey.id))
    ).all()
    if gone:
        audit.record(session, Act.PROVIDER_KEY_REMOVED, audit.by(user, address), _object(provider))


class OwnKeyProvider:
    """A provider on a person's own key, which is read anew for every call: a removed one stops the run at once, a
    replaced one is used from then on, and it stands in nothing that is logged or stored."""

    def __init__(self, provider: str, user_id: UUID) -> None:
        self.id = provider
        self._user_id = user_id
        self._key = ""
        self._adapter: Provider | None = None

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """See Provider.stream."""
        adapter = self._current()
        try:
            yield from adapter.stream(request)
        except ProviderError as error:
            raise _discreet(error, self.id, self._key) from None

    def _current(self) -> Provider:
        try:
            key = patiently(lambda session: _opened(session, self._user_id, self.id))
        except NotFound:
            raise ProviderError(Failure.MODEL_AUTH, gone(self.id), may_retry=False) from None
        except Misconfigured as error:
            sentence = f"Your {NAMES[self.id]} key can no longer be opened. Paste it again in Settings."
            raise ProviderError(Failure.MODEL_AUTH, sentence, may_retry=False) from error
        if self._adapter is None or key != self._key:
            base_url = get_settings().provider_base_url(self.id)
            self._key, self._adapter = key, open_provider(self.id, api_key=key, base_url=base_url)
        return self._adapter


def _object(provider: str) -> audit.Object:
    return audit.Object(ObjectKind.PROVIDER_KEY, provider, NAMES.get(provider, provider))


def _row(session: Session, user_id: UUID, provider: str) -> ProviderKey | None:
    return session.exec(
        select(ProviderKey).where(ProviderKey.user_id == user_id, ProviderKey.provider == provider)
    ).first()


def _opened(session: Session, user_id: UUID, provider: str) -> str:
    row = _row(session, user_id, provider)
    if row is None:
        raise NotFound(f"You have no {NAMES.get(provider, provider)} key.")
    return crypto.unseal(get_settings(), user_id, row.sealed_key)


def _require_answer(provider: str, key: str, seconds: float) -> None:
    """One true call of a few tokens. Raises InvalidInput or Unavailable with a sentence."""
    if provider not in PROVIDERS:
        raise InvalidInput("There is no such provider.", field="provider")
    name = NAMES[provider]
    with transaction() as session:
        model = cheapest(session, provider)
    if model is None:
        raise InvalidInput(f"No model of {name} is offered here. Ask your admin.", field="provider")
    try:
        ask(provider, key, model, seconds)
    except ProviderError as error:
        raise _refusal(_discreet(error, provider, key), name) from None


def cheapest(session: Session, provider: str, *, or_off: bool = False) -> str | None:
    """The name of the provider's model that costs least to be asked, of those that are switched on.

    With `or_off` one that is switched off, where there is no other.
    """
    statement = select(AiModel.name).where(AiModel.provider == provider)
    if not or_off:
        statement = statement.where(col(AiModel.is_active))
    price = func.coalesce(AiModel.input_price, 2**62)
    return session.exec(statement.order_by(col(AiModel.is_active).desc(), price, col(AiModel.name))).first()


def ask(provider: str, key: str | None, model: str, seconds: float) -> None:
    """One true call of a few tokens to a provider. Raises ProviderError."""
    base_url = get_settings().provider_base_url(provider)
    adapter = open_provider(provider, api_key=key, base_url=base_url, seconds=seconds)
    asked = Message("user", (Text("Answer with the one word: ok"),))
    for _ in adapter.stream(Request(model, "Answer with one word.", [], [asked], _TEST_TOKENS)):
        pass


def without_key(words: str, key: str | None) -> str:
    """A provider's words without a key that they quote, whole or with its middle starred out."""
    return _QUOTED.sub("[key]", words.replace(key, "[key]") if key else words)


def _refusal(error: ProviderError, name: str) -> InvalidInput | Unavailable:
    if error.failure is Failure.MODEL_AUTH:
        return InvalidInput(str(error), field="key")
    if error.failure is Failure.MODEL_RATE_LIMITED:
        return Unavailable(f"{name} limits the rate of this key just now, so it could not be tested. Try again later.")
    return Unavailable(f"{name} did not answer as it should, so the key could not be tested. Try again in a moment.")


def _discreet(error: ProviderError, provider: str, key: str) -> ProviderError:
    """The same error without the key in it, and with its owner for the one to mend it."""
    said = without_key(str(error), key)
    if error.failure is Failure.MODEL_AUTH:
        said = said.removeprefix(Failure.MODEL_AUTH.sentence).strip()
        said = f"{NAMES[provider]} did not accept your key. {said}".strip()
    return ProviderError(error.failure, said, may_retry=error.may_retry, retry_after=error.retry_after)
