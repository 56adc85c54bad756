"""The models that can be chosen, with their prices. An unpriced model cannot be used and never costs 0 by accident."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend.errors import InvalidInput
from backend.models import AiModel, User
from backend.providers.base import Prices
from backend.services import provider_keys
from backend.services.credits import prices
from backend.settings import Settings, get_settings
from backend.words import Effort

DEMO = "demo"


@dataclass(frozen=True)
class ModelChoice:
    """One row of the model picker. Prices are US dollars per million tokens, as a line of text.

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
class _Listed:
    provider: str
    name: str
    display_name: str
    description: str
    price: tuple[int, int, int, int] | None  # micro-dollars per million: input, output, cache read, cache write
    max_tokens: int = 8_192
    context_window: int = 200_000
    efforts: tuple[Effort, ...] = ()
    images: bool = True


# List prices of the providers' own pages at the time of writing; an admin's table overrides them.
_LISTED = (
    _Listed(
        "demo",
        "demo-scripted",
        "Demo (scripted, no AI)",
        "Follows a fixed script with true tool calls. No AI and no key; shows how everything works. "
        "It takes images and does not look at them.",
        (500_000, 2_000_000, 50_000, 500_000),
    ),
    _Listed(
        "anthropic",
        "claude-sonnet-4-6",
        "Claude Sonnet 4.6",
        "Anthropic's model for everyday coding.",
        (3_000_000, 15_000_000, 300_000, 3_750_000),
        16_000,
    ),
    _Listed(
        "anthropic",
        "claude-opus-4-5",
        "Claude Opus 4.5",
        "Anthropic's model for the hardest work.",
        (5_000_000, 25_000_000, 500_000, 6_250_000),
        16_000,
    ),
    _Listed(
        "openai",
        "gpt-5.1",
        "GPT-5.1",
        "OpenAI's general model.",
        (1_250_000, 10_000_000, 125_000, 1_250_000),
        16_000,
        efforts=tuple(Effort),
    ),
    _Listed(
        "google",
        "gemini-2.5-pro",
        "Gemini 2.5 Pro",
        "Google's model for code and long texts.",
        (1_250_000, 10_000_000, 125_000, 1_250_000),  # up to 200,000 tokens of input, which is the window here
        16_000,
        efforts=tuple(Effort),
    ),
)


def fill(session: Session) -> None:
    """Adds the listed models and the operator's compatible ones; rows that are there keep what an admin set."""
    settings = get_settings()
    for listed in _LISTED:
        if listed.provider == DEMO and not settings.is_demo:
            continue
        _add(session, listed)
    for name in settings.compatible_models.replace(",", " ").split():
        words = "On the operator's own server."
        _add(session, _Listed("compatible", name, name, words, None, context_window=32_000, images=False))


def choices(session: Session, user: User | None = None) -> list[ModelChoice]:
    """The active models, those that this person can use first; each of the others says why not."""
    settings = get_settings()
    own = provider_keys.held_by(session, user.id) if user else frozenset()
    rows = session.exec(select(AiModel).where(col(AiModel.is_active)).order_by(col(AiModel.display_name)))
    listed = [_choice(row, settings, own) for row in rows]
    return sorted(listed, key=lambda choice: (not choice.is_available, not choice.is_demo, choice.display_name))


def usable(session: Session, model_id: UUID, user: User) -> AiModel:
    """The model, if this person can give it a task now. Raises InvalidInput with the reason."""
    model = session.get(AiModel, model_id)
    if model is None:
        raise InvalidInput("There is no such model.", field="model_id")
    reason = _why_not(model, get_settings(), provider_keys.held_by(session, user.id))
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


def list_price(provider: str, name: str) -> Prices | None:
    """The built-in list's price of a model, None where it has none."""
    listed = next((one for one in _LISTED if (one.provider, one.name) == (provider, name)), None)
    return Prices(*listed.price) if listed and listed.price else None


def _why_not(model: AiModel, settings: Settings, own: frozenset[str]) -> str:
    if not model.is_active:
        return "This model is switched off."
    if prices(model) is None:
        return "This model has no price yet. Ask your admin."
    if model.provider == DEMO and not settings.is_demo:
        return "The scripted model only works in demo mode."
    if model.provider == "compatible" and not settings.provider_base_url("compatible"):
        return "No compatible server is configured. Ask your admin."
    if model.provider in provider_keys.PROVIDERS and not (
        model.provider in own or settings.provider_key(model.provider)
    ):
        return "No key is configured for this provider. Add your own in Settings, or ask your admin."
    return ""


def _choice(model: AiModel, settings: Settings, own: frozenset[str]) -> ModelChoice:
    reason = _why_not(model, settings, own)
    price = prices(model)
    line = f"${price.input / 1e6:g} in, ${price.output / 1e6:g} out per million tokens" if price else "no price yet"
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
        own_key=model.provider in own,
        efforts=efforts(model),
        takes_images=takes_images(model.provider, model.name, model.capabilities),
    )


def _add(session: Session, listed: _Listed) -> None:
    price = listed.price or (None, None, None, None)
    session.execute(
        insert(AiModel)
        .values(
            provider=listed.provider,
            name=listed.name,
            display_name=listed.display_name,
            description=listed.description,
            input_price=price[0],
            output_price=price[1],
            cache_read_price=price[2],
            cache_write_price=price[3],
            max_tokens=listed.max_tokens,
            context_window=listed.context_window,
            capabilities=_capabilities(listed),
        )
        .on_conflict_do_nothing(index_elements=["provider", "name"])
    )


def _capabilities(listed: _Listed) -> dict[str, Any]:
    efforts = {"efforts": [effort.value for effort in listed.efforts]} if listed.efforts else {}
    return {**efforts, "images": True} if listed.images else efforts
