"""The catalog as admins keep it: which models there are, at which price, with what margin, for whom, in which order."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.db import for_update, lock
from backend.errors import Conflict, InvalidInput
from backend.models import AiModel, TaskRun, User
from backend.providers import REGISTRY
from backend.providers.base import Prices
from backend.services import access, audit, catalog, credits, dollars, known_models
from backend.services.catalog import PriceChange, price_line
from backend.services.known_models import Known
from backend.settings import get_settings
from backend.words import Act, Status, Tier

MOST_NAME = 80  # characters
MOST_MARGIN = 100_000  # hundredths of a percent: eleven times the provider's price
LEAST_WINDOW, MOST_WINDOW = 8_000, 2_000_000  # tokens
USED_DAYS = 30
_PERCENT = re.compile(r"[0-9]{1,4}(\.[0-9]{1,2})?")
_NEEDS_PRICE = "Nobody knows yet what this model costs: give it a price first."


@dataclass(frozen=True)
class ModelEntry:
    """A model as its admin sees it. Prices in micro-dollars per million tokens, the margin in hundredths of a percent.

    `price` is in force, `listed` is the price list's; `trouble` says why nobody can use it though it is switched on.
    `runs` completed within the last thirty days.
    """

    id: UUID
    provider: str
    name: str
    display_name: str
    is_active: bool
    price: Prices | None
    listed: Prices | None
    is_price_given: bool
    margin: int
    tiers: tuple[Tier, ...]
    context_window: int
    runs: int
    trouble: str


@dataclass(frozen=True)
class Change:
    """What is to be another way; None leaves it. `use_list_price` puts the list's price in force again."""

    display_name: str | None = None
    is_active: bool | None = None
    price: Prices | None = None
    use_list_price: bool = False
    margin: int | None = None
    tiers: Collection[Tier] | None = field(default=None)
    context_window: int | None = None


def listing(session: Session, user: User) -> list[ModelEntry]:
    """All models in their order, switched on or not. Raises Forbidden."""
    access.require_admin(user)
    return entries(session)


def entries(session: Session) -> list[ModelEntry]:
    """The same for the operator at a terminal."""
    since = clock.now() - timedelta(days=USED_DAYS)
    counted = (
        select(TaskRun.ai_model_id, func.count())
        .where(TaskRun.status == Status.COMPLETED, col(TaskRun.cost_micro) > 0, col(TaskRun.ended_at) > since)
        .group_by(col(TaskRun.ai_model_id))
    )
    runs = {id_: count for id_, count in session.execute(counted)}
    return [_entry(row, runs.get(row.id, 0)) for row in session.exec(select(AiModel).order_by(*catalog.IN_ORDER))]


def change(session: Session, user: User, model_id: UUID, wanted: Change, *, address: str = audit.UNKNOWN) -> ModelEntry:
    """Changes a model; what is so already is left alone. Raises Forbidden, NotFound, InvalidInput.

    Runs that have begun keep their margin, and runs that wait in line are carried out.
    """
    access.require_admin(user)
    return apply(session, model_id, wanted, audit.by(user, address))


def apply(session: Session, model_id: UUID, wanted: Change, actor: audit.Actor) -> ModelEntry:
    """The same for the operator at a terminal. Raises NotFound, InvalidInput."""
    model = lock(session, AiModel, model_id)
    _price(session, model, wanted, actor)
    if wanted.is_active and credits.prices(model) is None:
        raise InvalidInput(_NEEDS_PRICE, field="is_active")
    values = _values(model, wanted)
    changed = {name: value for name, value in values.items() if getattr(model, name) != value}
    details = {name: f"{_said(getattr(model, name))} → {_said(value)}" for name, value in changed.items()}
    for name, value in changed.items():
        setattr(model, name, value)
    if changed:
        audit.record(session, Act.MODEL_CHANGED, actor, catalog.object_of(model), **details)
    session.add(model)
    session.flush()
    return _entry(model, 0)


def move(session: Session, user: User, model_id: UUID, by: int, *, address: str = audit.UNKNOWN) -> None:
    """Moves a model by so many places, up where it is negative; the ends hold it. Raises Forbidden, NotFound."""
    access.require_admin(user)
    lock(session, AiModel, model_id)
    rows = list(session.exec(for_update(select(AiModel).order_by(col(AiModel.id)))))
    rows.sort(key=lambda row: (row.position, row.display_name, str(row.id)))
    at = next(place for place, row in enumerate(rows) if row.id == model_id)
    to = min(max(at + by, 0), len(rows) - 1)
    moved = rows.pop(at)
    rows.insert(to, moved)
    for place, row in enumerate(rows):
        row.position = place
        session.add(row)
    if to != at:
        words = {"position": f"{at + 1} → {to + 1}"}
        audit.record(session, Act.MODEL_CHANGED, audit.by(user, address), catalog.object_of(moved), **words)
    session.flush()


def add(session: Session, user: User, provider: str, name: str, *, address: str = audit.UNKNOWN) -> ModelEntry:
    """Adds a provider's model by its name, switched off: with its list price where there is one.

    Raises Forbidden, InvalidInput, or Conflict where it is there already.
    """
    access.require_admin(user)
    if provider not in REGISTRY or provider == catalog.DEMO:
        raise InvalidInput("There is no such provider.", field="provider")
    name = jsonb.clean_text(name).strip()
    if not is_name(name):
        raise InvalidInput("This is not a model's name: write it as the provider does.", field="name")
    known = known_models.find(provider, name) or Known(provider, name, name[:MOST_NAME], "", images=False)
    if not catalog.add(session, catalog.served(name) if provider == "compatible" else known):
        raise Conflict("This model is listed already.")
    model = session.exec(select(AiModel).where(AiModel.provider == provider, AiModel.name == name)).one()
    model.is_active = False
    audit.record(session, Act.MODEL_ADDED, audit.by(user, address), catalog.object_of(model))
    session.flush()
    return _entry(model, 0)


def refresh(session: Session, user: User, *, address: str = audit.UNKNOWN) -> list[PriceChange]:
    """Reads the installed price list anew; see catalog.refresh. Raises Forbidden."""
    access.require_admin(user)
    return catalog.refresh(session, audit.by(user, address))


def given_price(input: str, output: str, cache_read: str = "", cache_write: str = "") -> Prices:
    """A price as it was written, in dollars per million tokens: without their own, caches cost what the input does.

    Raises InvalidInput with the field that is wrong.
    """
    asked = dollars.micro(input, "input")
    return Prices(
        input=asked,
        output=dollars.micro(output, "output"),
        cache_read=dollars.micro(cache_read, "cache_read") if cache_read.strip() else asked,
        cache_write=dollars.micro(cache_write, "cache_write") if cache_write.strip() else asked,
    )


def margin(percent: str) -> int:
    """A margin as it was written, in percent, in hundredths of one. Raises InvalidInput."""
    written = percent.strip().removesuffix("%").strip() or "0"
    if not _PERCENT.fullmatch(written) or Decimal(written) * 100 > MOST_MARGIN:
        raise InvalidInput("A margin is between 0 and 1,000 percent, such as 15 or 12.5.", field="margin")
    return int(Decimal(written) * 100)


def is_name(name: str) -> bool:
    """Whether it can be a model's name: some characters that print, without blanks."""
    return 0 < len(name) <= 200 and name.isprintable() and " " not in name


def _price(session: Session, model: AiModel, wanted: Change, actor: audit.Actor) -> None:
    before = credits.prices(model)
    was_given = model.is_price_given
    if wanted.use_list_price:
        listed = known_models.list_price(model.provider, model.name) or credits.listed_price(model)
        if listed is None:
            raise InvalidInput("The price list does not know this model: give it a price.", field="price")
        catalog.take_list_price(model, listed)
    elif wanted.price is not None:
        given = wanted.price
        model.input_price, model.output_price = given.input, given.output
        model.cache_read_price, model.cache_write_price = given.cache_read, given.cache_write
        model.is_price_given = True
    now = credits.prices(model)
    if now != before or model.is_price_given != was_given:
        words = {"before": price_line(before) if before else "", "now": price_line(now) if now else ""}
        audit.record(session, Act.MODEL_PRICED, actor, catalog.object_of(model), **words)


def _values(model: AiModel, wanted: Change) -> dict[str, object]:
    """The columns that are wanted another way. Raises InvalidInput."""
    values: dict[str, object] = {}
    if wanted.display_name is not None:
        values["display_name"] = _name(wanted.display_name)
    if wanted.is_active is not None:
        values["is_active"] = wanted.is_active
    if wanted.margin is not None:
        values["margin"] = _between(wanted.margin, 0, MOST_MARGIN, "margin", "A margin is between 0 and 1,000 percent.")
    if wanted.tiers is not None:
        named = [tier.value for tier in Tier if tier in wanted.tiers]
        values["tiers"] = [] if len(named) == len(Tier) else named
    if wanted.context_window is not None:
        most = known_models.window(model.provider, model.name) or MOST_WINDOW
        sentence = f"The context window is between {LEAST_WINDOW:,} and {most:,} tokens."
        values["context_window"] = _between(wanted.context_window, LEAST_WINDOW, most, "context_window", sentence)
    return values


def _between(value: int, least: int, most: int, name: str, sentence: str) -> int:
    if not least <= value <= most:
        raise InvalidInput(sentence, field=name)
    return value


def _name(text: str) -> str:
    name = " ".join(jsonb.clean_text(text).split())
    if not 0 < len(name) <= MOST_NAME:
        raise InvalidInput(f"A name has 1 to {MOST_NAME} characters.", field="display_name")
    return name


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "everyone"
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _entry(model: AiModel, runs: int) -> ModelEntry:
    price, settings = credits.prices(model), get_settings()
    trouble = "It has no price yet." if price is None else catalog.unreachable(model.provider, settings)
    return ModelEntry(
        id=model.id,
        provider=model.provider,
        name=model.name,
        display_name=model.display_name,
        is_active=model.is_active,
        price=price,
        listed=credits.listed_price(model),
        is_price_given=model.is_price_given,
        margin=model.margin,
        tiers=tuple(tier for tier in Tier if tier.value in model.tiers),
        context_window=model.context_window,
        runs=runs,
        trouble=trouble,
    )
