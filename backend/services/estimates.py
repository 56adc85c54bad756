"""What a run is likely to cost: from what such runs cost before, and from a stated prior until there are enough.

Half of the runs cost no more than `low` and nine in ten no more than `high`. Runs of the same type and model on the
repository are looked at first, then those on any; of either the newest that completed and cost something.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from backend.errors import NotFound
from backend.models import AiModel
from backend.providers.base import IMAGE_TOKENS, Prices, Usage
from backend.providers.tokens import tokens_in
from backend.services.credits import prices, to_credits
from backend.words import TaskType

ENOUGH = 8  # runs to estimate from
_NEWEST = 200  # runs, or tasks of a repository, that are looked at
_SCANNED = 1_000  # runs of a model, of all types

# A stated prior, until a deployment has runs of its own to estimate from: (input tokens, of them cached, output tokens)
# of a short and of a long run of each type.
_PRIOR = {
    TaskType.ASK: ((15_000, 8_000, 1_000), (80_000, 60_000, 4_000)),
    TaskType.ARCHITECT: ((30_000, 20_000, 3_000), (150_000, 120_000, 10_000)),
    TaskType.PR_REVIEW: ((20_000, 10_000, 2_000), (120_000, 90_000, 8_000)),
    TaskType.DOCUMENTATION: ((40_000, 30_000, 3_000), (200_000, 160_000, 12_000)),
    TaskType.DEBUG: ((50_000, 40_000, 3_000), (300_000, 250_000, 15_000)),
    TaskType.ASYNC: ((60_000, 50_000, 5_000), (500_000, 430_000, 25_000)),
}

_HERE = text(
    """
    WITH recent AS (SELECT id FROM tasks WHERE repository_id = :repository AND type = :type
                    ORDER BY created_at DESC LIMIT :newest)
    SELECT r.ai_model_id, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY r.cost_micro),
           percentile_cont(0.9) WITHIN GROUP (ORDER BY r.cost_micro)
    FROM recent JOIN task_runs r ON r.task_id = recent.id
    WHERE r.ai_model_id = ANY(:models) AND r.status = 'completed' AND r.cost_micro > 0
    GROUP BY r.ai_model_id HAVING count(*) >= :enough
    """
)
_ANYWHERE = text(
    """
    SELECT m.id, found.* FROM unnest(CAST(:models AS uuid[])) m(id) CROSS JOIN LATERAL (
        SELECT count(*) AS count, percentile_cont(0.5) WITHIN GROUP (ORDER BY recent.cost_micro),
               percentile_cont(0.9) WITHIN GROUP (ORDER BY recent.cost_micro)
        FROM (SELECT task_id, cost_micro FROM task_runs
              WHERE ai_model_id = m.id AND status = 'completed' AND cost_micro > 0
              ORDER BY ended_at DESC LIMIT :scanned) recent
        JOIN tasks t ON t.id = recent.task_id WHERE t.type = :type) found
    WHERE found.count >= :enough
    """
)


class Basis(StrEnum):
    """What an estimate rests on."""

    REPOSITORY = "repository"
    TYPE = "type"
    PRIOR = "prior"


@dataclass(frozen=True)
class Estimate:
    """Whole credits: a likely range, and what is held until the run ends; from so many earlier `runs`."""

    low: int
    high: int
    hold: int
    basis: Basis = Basis.PRIOR
    runs: int = 0


def estimate(
    session: Session,
    model_id: UUID,
    task_type: TaskType,
    repository_id: UUID | None = None,
    *,
    length: int = 0,
    images: int = 0,
    own: Collection[str] = (),
) -> Estimate:
    """What a run with a prompt of `length` characters and so many images is likely to cost, and what will be held.

    `own` are the providers whose models the person's own keys pay for, without a margin.

    The caller has checked that the repository is the person's to see. Raises NotFound for an unknown or unpriced model.
    """
    model = session.get(AiModel, model_id)
    if model is None or prices(model) is None:
        raise NotFound("This model has no price yet.")
    return of_models(session, [model], task_type, repository_id, length=length, images=images, own=own)[model_id]


def of_models(
    session: Session,
    models: Sequence[AiModel],
    task_type: TaskType,
    repository_id: UUID | None = None,
    *,
    length: int = 0,
    images: int = 0,
    own: Collection[str] = (),
) -> dict[UUID, Estimate]:
    """As `estimate`, of those of the models that have a price, by their ids."""
    priced = {model.id: price for model in models if (price := prices(model)) is not None}
    margins = {model.id: 0 if model.provider in own else model.margin for model in models}
    # What the prompt itself costs, read at each of a few turns: a long one is more than what was usual.
    prompt = Usage((tokens_in(length) + images * IMAGE_TOKENS) * 5, 0, 0, 0)
    least = {id_: price.cost_micro(prompt) for id_, price in priced.items()}
    found: dict[UUID, Estimate] = {}
    for basis, statement in ((Basis.REPOSITORY, _HERE), (Basis.TYPE, _ANYWHERE)):
        left = [id_ for id_ in priced if id_ not in found]
        if not left or (basis is Basis.REPOSITORY and repository_id is None):
            continue
        place = {"repository": repository_id, "newest": _NEWEST} if basis is Basis.REPOSITORY else {"scanned": _SCANNED}
        given = {"models": left, "type": task_type.value, "enough": ENOUGH, **place}
        for id_, count, low, high in session.execute(statement, given):
            found[id_] = _estimate(max(low, least[id_]), max(high, least[id_]), margins[id_], basis, count)
    for id_, price in priced.items():
        if id_ not in found:
            low, high = (_prior(price, task_type, place) + least[id_] for place in (0, 1))
            found[id_] = _estimate(low, high, margins[id_], Basis.PRIOR, 0)
    return found


def _prior(price: Prices, task_type: TaskType, place: int) -> int:
    total, cached, out = _PRIOR[task_type][place]
    return price.cost_micro(Usage(total, cached, 0, out))


def _estimate(low: float, high: float, margin: int, basis: Basis, runs: int) -> Estimate:
    """With a hold of half as much again as nine in ten runs cost: what is not used is given back."""
    least, most = (max(1, to_credits(round(cost), margin)) for cost in (low, high))
    return Estimate(least, most, max(5, -(-most * 3 // 2)), basis, runs)
