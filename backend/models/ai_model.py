"""Models that a task can be given to."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Numeric, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import document, filled, foreign, moment, uuid_key


class AiModel(SQLModel, table=True):
    """A model of one provider. Prices are micro-dollars per million tokens; without one the model cannot be used.

    `list_price` is what the price list says (backend.providers.base.Prices); unless `is_price_given`, it is in force.
    """

    __tablename__ = "ai_models"
    __table_args__ = (
        UniqueConstraint("provider", "name"),
        CheckConstraint("margin BETWEEN 0 AND 100000", name="margin"),
    )

    id: UUID = uuid_key()
    name: str
    display_name: str
    provider: str
    description: str | None = None
    cost_per_token: Decimal | None = Field(default=None, sa_type=Numeric(10, 8))
    input_price: int | None = Field(default=None, sa_type=BigInteger)
    output_price: int | None = Field(default=None, sa_type=BigInteger)
    cache_read_price: int | None = Field(default=None, sa_type=BigInteger)
    cache_write_price: int | None = Field(default=None, sa_type=BigInteger)
    list_price: dict[str, Any] | None = document()
    is_price_given: bool = filled("false")  # by an admin: no refresh changes it
    margin: int = filled("0")  # on the provider's price, in hundredths of a percent
    tiers: list[str] = document(default="'[]'::jsonb")  # whose people may use it; empty: everyone
    position: int = filled("0")  # in lists, from the top
    max_tokens: int = filled("8192")
    context_window: int = filled("128000")
    capabilities: dict[str, Any] = document(default="'{}'::jsonb")
    is_active: bool = filled("true")
    created_at: datetime = moment(default_now=True)


class ProviderTest(SQLModel, table=True):
    """The newest test of the deployment's own way to a provider. `words` are the provider's, on failure."""

    __tablename__ = "provider_tests"

    provider: str = Field(primary_key=True)
    is_ok: bool
    words: str = foreign()
    tested_at: datetime = moment(default_now=True)
