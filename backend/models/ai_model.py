"""Models that a task can be given to."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Numeric, UniqueConstraint
from sqlmodel import Field, SQLModel

from backend.models.base import document, filled, moment, uuid_key


class AiModel(SQLModel, table=True):
    """A model of one provider. Prices are micro-dollars per million tokens; without one the model cannot be used."""

    __tablename__ = "ai_models"
    __table_args__ = (UniqueConstraint("provider", "name"),)

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
    max_tokens: int = filled("8192")
    context_window: int = filled("128000")
    capabilities: dict[str, Any] = document(default="'{}'::jsonb")
    is_active: bool = filled("true")
    created_at: datetime = moment(default_now=True)
