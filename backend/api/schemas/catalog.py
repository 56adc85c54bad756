"""The catalog of models as admins keep it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from backend.api.schemas.base import Given, Shown
from backend.providers.base import Prices
from backend.services import dollars
from backend.services.catalog_admin import (
    LEAST_WINDOW,
    MOST_MARGIN,
    MOST_NAME,
    MOST_WINDOW,
    Change,
    ModelEntry,
    given_price,
)
from backend.words import Tier

_Dollars = Annotated[str, Field(max_length=20, examples=["3.00"])]


class PriceShown(Shown):
    """US dollars per million tokens, as decimal texts. `above`: for calls whose input is longer, in tokens."""

    input: str = Field(examples=["3"])
    output: str = Field(examples=["15"])
    cache_read: str = Field(examples=["0.3"])
    cache_write: str = Field(examples=["3.75"])
    above: int = 0
    dearer: tuple["PriceShown", ...] = ()

    @classmethod
    def of(cls, price: Prices | None) -> "PriceShown | None":
        """The same price, written."""
        if price is None:
            return None
        named = {one: dollars.written(getattr(price, one)) for one in ("input", "output", "cache_read", "cache_write")}
        dearer = tuple(shown for dear in price.dearer if (shown := cls.of(dear)) is not None)
        return cls(**named, above=price.above, dearer=dearer)


class CatalogModelShown(Shown):
    """A model as its admin sees it."""

    id: UUID
    provider: str = Field(examples=["anthropic"])
    name: str = Field(examples=["claude-sonnet-4-6"])
    display_name: str
    is_active: bool
    price: PriceShown | None = Field(description="In force; without one nobody can use the model.")
    list_price: PriceShown | None = Field(description="What the installed price list says.")
    is_price_given: bool = Field(description="By an admin: no refresh changes it.")
    margin: int = Field(description="On the provider's price, in hundredths of a percent.")
    tiers: list[Tier] = Field(description="Whose people may use it; empty: everyone's.")
    context_window: int
    runs: int = Field(description="That it completed in the last 30 days.")
    trouble: str = Field(description="Why nobody can use it here, but with a key of their own; empty where they can.")

    @classmethod
    def of(cls, entry: ModelEntry) -> "CatalogModelShown":
        """The same entry."""
        names = cls.model_fields.keys() - {"price", "list_price", "tiers"}
        return cls(
            **{name: getattr(entry, name) for name in names},
            price=PriceShown.of(entry.price),
            list_price=PriceShown.of(entry.listed),
            tiers=list(entry.tiers),
        )


class CatalogShown(Shown):
    """All of them, in their order."""

    items: list[CatalogModelShown]


class PriceGiven(Given):
    """US dollars per million tokens, as decimal texts. Without prices of its own a cache costs what the input does."""

    input: _Dollars
    output: _Dollars
    cache_read: _Dollars = ""
    cache_write: _Dollars = ""


class ModelChanged(Given):
    """What is to be another way; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_active": True, "margin": 1500}]})

    display_name: Annotated[str, Field(min_length=1, max_length=MOST_NAME)] | None = None
    is_active: StrictBool | None = None
    price: PriceGiven | None = None
    use_list_price: StrictBool = Field(default=False, description="Puts the list's price in force again.")
    margin: Annotated[StrictInt, Field(ge=0, le=MOST_MARGIN)] | None = None
    tiers: Annotated[list[Tier], Field(max_length=len(Tier))] | None = None
    context_window: Annotated[StrictInt, Field(ge=LEAST_WINDOW, le=MOST_WINDOW)] | None = None

    @property
    def change(self) -> Change:
        """The same for the service. Raises InvalidInput for a price that is none."""
        values: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields if name != "price"}
        asked = self.price
        price = given_price(asked.input, asked.output, asked.cache_read, asked.cache_write) if asked else None
        return Change(**values, price=price)


class ModelGiven(Given):
    """A provider's model, by the name that the provider has for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "openai", "name": "gpt-5.1"}]})

    provider: Annotated[str, Field(max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=200)]


class MoveGiven(Given):
    """So many places, up where it is negative."""

    by: Annotated[StrictInt, Field(ge=-1_000, le=1_000, examples=[-1])]


class PriceChangeShown(Shown):
    """A price in force that the list has changed."""

    name: str
    before: str
    now: str


class RefreshShown(Shown):
    """What reading the price list anew has changed."""

    items: list[PriceChangeShown]


class ProviderShown(Shown):
    """A provider as the deployment reaches it; its key is never shown."""

    provider: str
    name: str
    setting: str = Field(description="What the operator sets.", examples=["ANTHROPIC_API_KEY"])
    is_set: bool
    via: str = Field(description="The host, where it is reached at another address than its own.")
    is_ok: bool
    words: str = Field(description="Its own, where the newest test failed.")
    tested_at: datetime | None


class ProvidersShown(Shown):
    """All of them."""

    items: list[ProviderShown]


class FoundShown(Shown):
    """The models that the compatible server has and that were not listed; they are by now, switched off."""

    added: list[str]
