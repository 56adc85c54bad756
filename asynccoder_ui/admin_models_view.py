"""What the admins' page of models holds of the services' rows: small frozen values, ready to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from asynccoder_ui import given
from asynccoder_ui.views import iso
from backend.errors import InvalidInput
from backend.providers.base import Prices
from backend.services import catalog, catalog_admin, dollars
from backend.services.catalog_admin import Change, ModelEntry
from backend.services.deployment_keys import ProviderState
from backend.words import Tier

_PRICES = ("input", "output", "cache_read", "cache_write")
# Everyone first; a model for no tier at all is one that is switched off.
TIERS = [("", "Everyone")] + [
    (",".join(tiers), " and ".join(tiers).capitalize())
    for size in (1, 2)
    for tiers in combinations([tier.value for tier in Tier], size)
]


@dataclass(frozen=True)
class ModelItem:
    """A model's line, and what its form begins with. `margin` is in percent, `tiers` as `TIERS` has them."""

    id: str
    title: str
    name: str
    facts: str
    limits: str
    trouble: str
    is_on: bool
    has_price: bool
    is_first: bool
    is_last: bool
    input: str
    output: str
    cache_read: str
    cache_write: str
    margin: str
    tiers: str
    window: str
    listed: str
    can_use_list: bool


@dataclass(frozen=True)
class ProviderItem:
    """A provider's line."""

    provider: str
    name: str
    is_set: bool
    state: str
    is_ok: bool
    words: str
    tested_at: str
    is_compatible: bool


def model_items(rows: list[ModelEntry]) -> list[ModelItem]:
    """The lines of the list."""
    return [_model(row, place, len(rows)) for place, row in enumerate(rows)]


def provider_item(row: ProviderState) -> ProviderItem:
    """A line of the providers. Where a key is missing it names the setting, and never shows what is in one."""
    is_own = row.provider == "compatible"
    via = f", {'at' if is_own else 'by way of'} {row.via}" if row.via else ""
    return ProviderItem(
        provider=row.provider,
        name=row.name,
        is_set=row.is_set,
        state=f"{row.setting} is set{via}" if row.is_set else f"{row.setting} is not set",
        is_ok=row.is_ok,
        words=row.words,
        tested_at=iso(row.tested_at) if row.is_set else "",
        is_compatible=is_own,
    )


def wanted(form: Mapping[str, Any], item: ModelItem) -> Change:
    """What the form wants another way; a price that is as it was is not given anew. Raises InvalidInput."""
    written = {name: str(form.get(name, "")).strip() for name in _PRICES}
    has_new_price = any(written[name] != getattr(item, name) for name in _PRICES)
    tiers = str(form.get("tiers", ""))
    if tiers not in dict(TIERS):
        raise InvalidInput("There is no such choice of tiers.", field="tiers")
    return Change(
        display_name=str(form.get("name", "")),
        price=catalog_admin.given_price(**written) if has_new_price else None,
        margin=catalog_admin.margin(str(form.get("margin", ""))),
        tiers=[given.one_of(Tier, tier) for tier in tiers.split(",") if tier],
        context_window=_tokens(str(form.get("window", ""))),
    )


def _tokens(text: str) -> int:
    digits = text.replace(",", "").strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 12):
        raise InvalidInput("The context window is a whole number of tokens.", field="context_window")
    return int(digits)


def _model(row: ModelEntry, place: int, count: int) -> ModelItem:
    limits = [f"margin {row.margin / 100:g} %" if row.margin else "", _for(row.tiers)]
    runs = "1 run" if row.runs == 1 else f"{row.runs:,} runs"
    price = catalog.price_line(row.price) if row.price else "No price yet"
    facts = [price + (", given here" if row.is_price_given else ""), f"{runs} in {catalog_admin.USED_DAYS} days"]
    return ModelItem(
        id=str(row.id),
        title=row.display_name,
        name=f"{row.provider}/{row.name}",
        facts=" · ".join(facts),
        limits=" · ".join(filter(None, limits)),
        trouble=row.trouble if row.is_active else "",
        is_on=row.is_active,
        has_price=row.price is not None,
        is_first=place == 0,
        is_last=place == count - 1,
        **_written(row.price),
        margin=f"{row.margin / 100:g}",
        tiers=",".join(row.tiers),
        window=str(row.context_window),
        listed=f"List price: {catalog.price_line(row.listed)}." if row.listed else "The price list does not know it.",
        can_use_list=row.is_price_given and row.listed is not None,
    )


def _for(tiers: tuple[Tier, ...]) -> str:
    return f"for {' and '.join(tiers)}" if tiers else ""


def _written(price: Prices | None) -> dict[str, str]:
    return {name: dollars.written(getattr(price, name)) if price else "" for name in _PRICES}
