"""What the admins' page of everyone's tasks holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass

from asynccoder_ui import chosen, routes
from asynccoder_ui.facts import type_name
from asynccoder_ui.views import iso, look_of, reason_of
from backend.services.ledger import Period
from backend.services.oversight import OverseenTask, State, Wanted
from backend.services.tasks import TaskRow
from backend.words import Failure, Outcome, TaskType


@dataclass(frozen=True)
class Chosen(chosen.FromMoment):
    """The filters of everyone's tasks; `end` is an outcome or a failure."""

    state: str = chosen.word(State)
    type: str = chosen.word(TaskType)
    outcome: str = chosen.word(Outcome)
    failure: str = chosen.word(Failure)
    person: str = chosen.login()
    repository: str = chosen.identity()
    model: str = chosen.identity()
    days: str = chosen.word(Period)

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(
            state=State(self.state) if self.state else None,
            task_type=TaskType(self.type) if self.type else None,
            outcome=Outcome(self.outcome) if self.outcome else None,
            failure=Failure(self.failure) if self.failure else None,
            person=self.person,
            repository_id=chosen.optional(self.repository),
            model_id=chosen.optional(self.model),
            words=self.q,
            days=Period(self.days).days if self.days else None,
        )


@dataclass(frozen=True)
class OverseenItem:
    """A task's line; `href` is empty where the task is not this admin's to read."""

    id: str
    title: str
    href: str
    facts: str
    look: str
    word: str
    why: str
    credits: str
    at: str
    can_stop: bool
    can_retry: bool


def item(row: OverseenTask) -> OverseenItem:
    """A line of the list."""
    shown = _row(row)
    look, word = look_of(shown)
    cost = "1 credit" if row.credits_used == 1 else f"{row.credits_used:,} credits"
    return OverseenItem(
        id=str(row.id),
        title=row.title,
        href=routes.task_page(str(row.id)) if row.may_read else "",
        facts=" · ".join((f"@{row.owner}", row.repository, type_name(row.task_type), row.model)),
        look=look,
        word=word,
        why=reason_of(shown),
        credits=cost if row.credits_used else "",
        at=iso(row.created_at),
        can_stop=row.can_stop,
        can_retry=row.can_retry,
    )


def spelt(word: str) -> str:
    """An outcome or a failure as a filter spells it."""
    return word.replace("pr_", "pull request ").replace("_", " ").capitalize()


def _row(row: OverseenTask) -> TaskRow:
    """As other lists have it, so that a state looks the same everywhere; why a run waits is not told."""
    return TaskRow(
        id=row.id,
        title=row.title,
        repository=row.repository,
        task_type=row.task_type,
        status=row.status,
        phase=row.phase,
        outcome=row.outcome,
        failure=row.failure,
        reason=None,
        until=row.until,
        pr_number=row.pr_number,
        pr_status=row.pr_status,
        credits_used=row.credits_used,
        created_at=row.created_at,
        started_at=None,
        completed_at=None,
        updated_at=row.created_at,
        model_name=row.model,
        is_demo=False,
        verdict=row.verdict,
    )
