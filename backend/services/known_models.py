"""The models that are known by name, with what we know of each; their prices are the package genai-prices'.

Its data is part of the package and nothing is fetched: newer prices come with a newer version of it. It is imported
only when it is asked, because it takes half a second and some thirty megabytes.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from backend import clock
from backend.providers.base import Prices
from backend.services.dollars import MICRO
from backend.words import Effort

WINDOW = 200_000  # tokens: wider ones are paid for again with every turn, and an admin's to open
LISTED = ("anthropic", "openai", "google")
_AHEAD = timedelta(days=2)  # prices that begin within it count already: the list is read every few hours
_ALL = tuple(Effort)


@dataclass(frozen=True)
class Known:
    """A model as it is added to an empty catalog."""

    provider: str
    name: str
    display_name: str
    description: str
    max_tokens: int = 16_000
    context_window: int = WINDOW
    efforts: tuple[Effort, ...] = ()
    images: bool = True
    is_on: bool = False


def _claude(name: str, display_name: str, description: str, *, is_on: bool = False) -> Known:
    return Known("anthropic", name, display_name, description, is_on=is_on)


def _gpt(name: str, display_name: str, description: str, *, is_on: bool = False) -> Known:
    return Known("openai", name, display_name, description, efforts=_ALL, is_on=is_on)


def _gemini(name: str, display_name: str, description: str, *, is_on: bool = False) -> Known:
    return Known("google", name, display_name, description, efforts=_ALL, is_on=is_on)


DEMO = Known(
    "demo",
    "demo-scripted",
    "Demo (scripted, no AI)",
    "Follows a fixed script with true tool calls. No AI and no key; shows how everything works. "
    "It takes images and does not look at them.",
    8_192,
    is_on=True,
)
_DEMO_PRICE = Prices(500_000, 2_000_000, 50_000, 500_000)
# In the order in which they are offered, until an admin gives another.
MODELS = (
    _claude("claude-sonnet-5-5", "Claude Sonnet 5.5", "Anthropic's model for everyday coding.", is_on=True),
    _claude("claude-opus-5-5", "Claude Opus 5.5", "Anthropic's model for hard work.", is_on=True),
    _claude("claude-haiku-5-5", "Claude Haiku 5.5", "Anthropic's small and quick model.", is_on=True),
    _claude("claude-fable-5-2", "Claude Fable 5.2", "Anthropic's largest model."),
    _claude("claude-sonnet-5", "Claude Sonnet 5", "An earlier model for everyday coding."),
    _claude("claude-opus-5", "Claude Opus 5", "An earlier model for hard work."),
    _claude("claude-sonnet-4-6", "Claude Sonnet 4.6", "An earlier model for everyday coding.", is_on=True),
    _claude("claude-opus-4-8", "Claude Opus 4.8", "An earlier model for hard work."),
    _claude("claude-opus-4-5", "Claude Opus 4.5", "An earlier model for hard work.", is_on=True),
    _claude("claude-haiku-4-5", "Claude Haiku 4.5", "An earlier small and quick model."),
    _gpt("gpt-6.1-sol", "GPT-6.1 Sol", "OpenAI's general model.", is_on=True),
    _gpt("gpt-6.1-terra", "GPT-6.1 Terra", "OpenAI's model for everyday work.", is_on=True),
    _gpt("gpt-6-luna", "GPT-6 Luna", "OpenAI's small and quick model."),
    _gpt("gpt-6-astra", "GPT-6 Astra", "OpenAI's largest model."),
    _gpt("gpt-5.5", "GPT-5.5", "An earlier general model."),
    _gpt("gpt-5.4", "GPT-5.4", "An earlier general model."),
    _gpt("gpt-5.3-codex", "GPT-5.3 Codex", "OpenAI's model made for coding."),
    _gpt("gpt-5.1", "GPT-5.1", "An earlier general model.", is_on=True),
    _gpt("gpt-5-mini", "GPT-5 mini", "An earlier small and quick model."),
    _gemini("gemini-4-argon", "Gemini 4 Argon", "Google's model for code and long texts.", is_on=True),
    _gemini("gemini-3.8-flash", "Gemini 3.8 Flash", "Google's quick model.", is_on=True),
    _gemini("gemini-3.1-pro-preview", "Gemini 3.1 Pro", "An earlier model for code, as a preview."),
    _gemini("gemini-2.5-pro", "Gemini 2.5 Pro", "An earlier model for code and long texts.", is_on=True),
    _gemini("gemini-2.5-flash", "Gemini 2.5 Flash", "An earlier quick model."),
)


def find(provider: str, name: str) -> Known | None:
    """What we know of a model, None where it is not known by name."""
    return next((one for one in (DEMO, *MODELS) if (one.provider, one.name) == (provider, name)), None)


def list_price(provider: str, name: str) -> Prices | None:
    """What the provider asks, as the package has it, None where it does not say; the demo's own price is made up.

    Of prices that change by the hour of the day, or within two days, the highest counts, so that never less is charged
    than the provider asks. Those of batches, other tiers of service and longer-lived caches are passed by.
    """
    if (provider, name) == (DEMO.provider, DEMO.name):
        return _DEMO_PRICE
    found = _packaged(provider, name)
    prices = [price for one in _present(found) if (price := _prices(one)) is not None] if found is not None else []
    return _highest(prices) if prices else None


def window(provider: str, name: str) -> int | None:
    """How many tokens of input the model takes, as the package has it, None where it does not say."""
    found = _packaged(provider, name)
    return found.context_window if found is not None else None


def _packaged(provider: str, name: str) -> Any:
    if provider not in LISTED:
        return None
    from genai_prices import data_snapshot

    try:
        _, found = data_snapshot.get_snapshot().find_provider_model(name, None, provider, None)
    except LookupError:
        return None
    return found


def _present(model: Any) -> list[Any]:
    """The sets of prices that hold now or soon: of several the package takes the last whose condition is met."""
    if not isinstance(model.prices, list):
        return [model.prices]
    from genai_prices.types import StartDateConstraint

    now, found = clock.now(), []
    for one in reversed(model.prices):
        if isinstance(one.constraint, StartDateConstraint) and not one.constraint.active(now + _AHEAD):
            continue
        found.append(one.prices)
        if one.constraint is None or (isinstance(one.constraint, StartDateConstraint) and one.constraint.active(now)):
            break
    return found


def _prices(asked: Any) -> Prices | None:
    """One set of the package's prices as ours; each price may be flat or have tiers by the length of the input."""
    named = {
        name: getattr(asked, key)
        for name, key in (
            ("input", "input_mtok"),
            ("output", "output_mtok"),
            ("cache_read", "cache_read_mtok"),
            ("cache_write", "cache_write_mtok"),
        )
    }
    if named["input"] is None or named["output"] is None:
        return None
    for cached in ("cache_read", "cache_write"):
        named[cached] = named["input"] if named[cached] is None else named[cached]
    starts = sorted({tier.start for price in named.values() for tier in getattr(price, "tiers", ())})
    dearer = tuple(Prices(**_at(named, start + 1), above=start) for start in starts)
    return Prices(**_at(named, 0), dearer=dearer)


def _at(named: dict[str, Any], tokens: int) -> dict[str, Any]:
    """Micro-dollars of each price for an input of that length."""
    found = {}
    for name, price in named.items():
        asked: Decimal = getattr(price, "base", price)
        for tier in getattr(price, "tiers", ()):
            asked = tier.price if tokens > tier.start else asked
        found[name] = int((asked * MICRO).to_integral_value(ROUND_CEILING))
    return found


def _highest(prices: list[Prices]) -> Prices:
    """At each length of input the highest of each."""
    starts = sorted({dear.above for price in prices for dear in price.dearer})

    def at(tokens: int) -> Prices:
        held = [price.at(tokens) for price in prices]
        return Prices(
            input=max(one.input for one in held),
            output=max(one.output for one in held),
            cache_read=max(one.cache_read for one in held),
            cache_write=max(one.cache_write for one in held),
        )

    return replace(at(0), dearer=tuple(replace(at(start + 1), above=start) for start in starts))
