"""The models that can be chosen, with their prices. An unpriced model cannot be used and never costs 0 by accident."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend.db import for_update
from backend.errors import InvalidInput
from backend.models import AiModel, User
from backend.providers.base import Prices
from backend.services import audit, known_models, provider_keys
from backend.services.credits import PER_WHOLE, prices
from backend.services.dollars import written
from backend.services.known_models import Known
from backend.settings import Settings, get_settings
from backend.words import Act, Effort, ObjectKind, Tier

CHORE = "refresh_prices"
DEMO = known_models.DEMO.provider
IN_ORDER = (col(AiModel.position), col(AiModel.display_name), col(AiModel.id))


@dataclass(frozen=True)
class ModelChoice:
    """One row of the model picker. Prices are US dollars per million tokens, as a line of text, margin included.

    `own_key`: the person's own key pays for it, and no credits are held or charged.
    """

    id: UUID
    provider: str
    name: str
    display_name: str
    description: str
    price_line: str
    is_demo: bool
    is_available: bool
    unavailable_reason: str
    own_key: bool = False
    efforts: tuple[Effort, ...] = ()
    takes_images: bool = False


@dataclass(frozen=True)
class PriceChange:
    """A price in force that the list has changed. Prices are lines of text."""

    name: str
    before: str
    now: str


def fill(session: Session) -> list[PriceChange]:
    """Adds the known models and the operator's compatible ones, and reads the list prices anew.

    Rows that are there keep what an admin set. Returns the changes, each of which stands in the audit log.
    """
    settings = get_settings()
    for known in (*([known_models.DEMO] if settings.is_demo else []), *known_models.MODELS):
        add(session, known)
    for name in settings.compatible_models.replace(",", " ").split():
        add(session, served(name, is_on=True))
    return refresh(session)


def served(name: str, *, is_on: bool = False) -> Known:
    """A model of the operator's own server, of which nothing but the name is known."""
    words = "On the operator's own server."
    return Known("compatible", name, name, words, 8_192, context_window=32_000, images=False, is_on=is_on)


def add(session: Session, known: Known) -> bool:
    """Adds a model behind all others, with its list price where there is one; False where it was there already."""
    price = known_models.list_price(known.provider, known.name)
    last = select(func.coalesce(func.max(AiModel.position) + 1, 0)).scalar_subquery()
    wide = known_models.window(known.provider, known.name)
    added = session.execute(
        insert(AiModel)
        .values(
            provider=known.provider,
            name=known.name,
            display_name=known.display_name,
            description=known.description,
            **_columns(price),
            max_tokens=known.max_tokens,
            context_window=min(known.context_window, wide or known.context_window),
            capabilities=_capabilities(known),
            is_active=known.is_on,
            position=last,
        )
        .on_conflict_do_nothing(index_elements=["provider", "name"])
        .returning(col(AiModel.id))
    )
    return added.first() is not None


def refresh(session: Session, actor: audit.Actor = audit.SERVER) -> list[PriceChange]:
    """Reads the list prices anew. A price that an admin gave stays in force, and so does one that is no longer listed.

    Returns what changed of the prices in force; each is written into the audit log as that actor's.
    """
    changes = []
    for model in session.exec(for_update(select(AiModel).order_by(col(AiModel.id)))):
        listed = known_models.list_price(model.provider, model.name)
        if listed is None or model.list_price == asdict_of(listed):
            continue
        before = prices(model)
        model.list_price = asdict_of(listed)
        if not model.is_price_given:
            take_list_price(model, listed)
        now = prices(model)
        if before is not None and now is not None and before != now:
            changes.append(PriceChange(model.display_name, price_line(before), price_line(now)))
            words = {"before": changes[-1].before, "now": changes[-1].now}
            audit.record(session, Act.MODEL_PRICED, actor, object_of(model), **words)
    session.flush()
    return changes


def take_list_price(model: AiModel, listed: Prices) -> None:
    """Puts the list price in force."""
    model.is_price_given = False
    for name, value in _columns(listed).items():
        setattr(model, name, value)


def object_of(model: AiModel) -> audit.Object:
    """The model as what something was done to."""
    return audit.Object(ObjectKind.MODEL, str(model.id), f"{model.provider}/{model.name}")


def price_line(price: Prices, margin: int = 0) -> str:
    """Prices as people read them, with a margin on them in hundredths of a percent."""

    def charged(asked: int) -> str:
        return f"${written(-(-asked * (PER_WHOLE + margin) // PER_WHOLE))}"

    line = f"{charged(price.input)} in, {charged(price.output)} out per million tokens"
    for dear in price.dearer:
        line += f"; with over {dear.above:,} in: {charged(dear.input)}, {charged(dear.output)}"
    return line


def choices(session: Session, user: User | None = None) -> list[ModelChoice]:
    """The active models in the admin's order, those that this person can use first; the others say why not."""
    settings = get_settings()
    own = provider_keys.held_by(session, user.id) if user else frozenset()
    rows = session.exec(select(AiModel).where(col(AiModel.is_active)).order_by(*IN_ORDER))
    listed = [_choice(row, settings, own, user) for row in rows]
    return sorted(listed, key=lambda choice: (not choice.is_available, not choice.is_demo))


def usable(session: Session, model_id: UUID, user: User) -> AiModel:
    """The model, if this person can give it a task now. Raises InvalidInput with the reason."""
    model = session.get(AiModel, model_id)
    if model is None:
        raise InvalidInput("There is no such model.", field="model_id")
    reason = _why_not(model, get_settings(), provider_keys.held_by(session, user.id), user)
    if reason:
        raise InvalidInput(reason, field="model_id")
    return model


def preferred(session: Session, user: User, wanted: UUID | None) -> UUID:
    """The wanted model where this person can use it now, else the first that they can. Raises InvalidInput."""
    usable_ids = [one.id for one in choices(session, user) if one.is_available]
    if not usable_ids:
        raise InvalidInput("There is no model that you can use. Add a key of your own in Settings, or ask your admin.")
    return wanted if wanted in usable_ids else usable_ids[0]


def efforts(model: AiModel) -> tuple[Effort, ...]:
    """The efforts that this model can be told; empty where it decides by itself."""
    listed = model.capabilities.get("efforts") or ()
    return tuple(effort for effort in Effort if effort.value in listed)


def takes_images(provider: str, name: str, capabilities: Mapping[str, Any]) -> bool:
    """Whether images can be sent to a model; of a compatible server's only the operator knows."""
    if provider == "compatible":
        return name in get_settings().compatible_image_models.replace(",", " ").split()
    return bool(capabilities.get("images"))


def only_for(tiers: list[str]) -> str:
    """Whose people may use a model, in a sentence; empty for everyone."""
    named = [tier.value for tier in Tier if tier.value in tiers]
    return f"Only for {' and '.join(named)}." if named else ""


def unreachable(provider: str, settings: Settings) -> str:
    """Why this deployment has no way of its own to a provider; empty where it has one."""
    if provider == DEMO and not settings.is_demo:
        return "The scripted model only works in demo mode."
    if provider == "compatible" and not settings.provider_base_url("compatible"):
        return "No compatible server is configured. Ask your admin."
    if provider in provider_keys.PROVIDERS and not settings.provider_key(provider):
        return "No key is configured for this provider. Add your own in Settings, or ask your admin."
    return ""


def _why_not(model: AiModel, settings: Settings, own: frozenset[str], user: User | None) -> str:
    if not model.is_active:
        return "This model is switched off."
    if prices(model) is None:
        return "This model has no price yet. Ask your admin."
    if user is not None and model.tiers and user.subscription_tier not in model.tiers:
        return only_for(model.tiers)
    return "" if model.provider in own else unreachable(model.provider, settings)


def _choice(model: AiModel, settings: Settings, own: frozenset[str], user: User | None) -> ModelChoice:
    reason = _why_not(model, settings, own, user)
    price, is_own = prices(model), model.provider in own
    line = price_line(price, 0 if is_own else model.margin) if price else "no price yet"
    return ModelChoice(
        id=model.id,
        provider=model.provider,
        name=model.name,
        display_name=model.display_name,
        description=model.description or "",
        price_line=line,
        is_demo=model.provider == DEMO,
        is_available=not reason,
        unavailable_reason=reason,
        own_key=is_own,
        efforts=efforts(model),
        takes_images=takes_images(model.provider, model.name, model.capabilities),
    )


def _columns(price: Prices | None) -> dict[str, Any]:
    named = ("input", "output", "cache_read", "cache_write")
    columns = {f"{name}_price": getattr(price, name) if price else None for name in named}
    return columns | {"list_price": asdict_of(price) if price else None}


def asdict_of(price: Prices) -> dict[str, Any]:
    """Prices as the table keeps them: as JSON gives them back."""
    return asdict(price) | {"dearer": [asdict_of(dear) for dear in price.dearer]}


def _capabilities(known: Known) -> dict[str, Any]:
    efforts = {"efforts": [effort.value for effort in known.efforts]} if known.efforts else {}
    return {**efforts, "images": True} if known.images else efforts
