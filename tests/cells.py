"""Models' tasks on one repository, as the analytics sum them."""

from dataclasses import replace
from uuid import uuid4

from backend.services.analytics_figures import Cell, Figures

CHEAP, DEAR = [4, 5, 6] * 4, [18, 20, 25] * 4
PLACE = uuid4()


def cell(model: str, merged: list[int], others: list[int] | None = None, **changes: object) -> Cell:
    """A model's tasks on one repository: what each merged one has cost, and each of the others."""
    every = [*merged, *(others or [])]
    figures = Figures(
        tasks=len(every),
        charged_credits=sum(every),
        charged_credits_squared=sum(one**2 for one in every),
        charged_merged=len(merged),
        charged_merged_credits=sum(merged),
    )
    return replace(Cell("debug", uuid4(), model, PLACE, "acme/shop", figures), **changes)  # type: ignore[arg-type]
