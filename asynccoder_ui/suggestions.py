"""What the home page suggests for the chosen repository, and what becomes of it in the composer."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx

from asynccoder_ui import people, routes, theme
from asynccoder_ui.components.react import asks
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import with_pull, with_type
from asynccoder_ui.gate import signed_in
from asynccoder_ui.issues import insert
from backend.errors import InvalidInput, Refusal
from backend.services import issues, suggestions
from backend.services.suggestions import Act, Suggestion
from backend.words import TaskType


@dataclass(frozen=True)
class Item:
    """One line: a pill, what it is about, and a button that leads to `href` or does `act`."""

    act: str
    number: int
    pill: str
    tone: str
    words: str
    label: str  # of the button, for whoever hears it alone
    href: str = ""


class Suggestions(Composer):
    """Up to six things to do in the chosen repository."""

    items: list[Item] = []
    place: str = ""
    note: str = ""
    starting: int = 0  # the issue that is on its way into the box
    _found: list[Suggestion] = []
    _repository: str = ""

    @rx.event(background=True)
    @signed_in
    async def ask(self) -> None:
        """Asks for them anew; what was shown of another repository is gone at once."""
        async with self:
            token, wanted = self._token(), self.choice.repository_id
            if self._repository != wanted:
                self._show(wanted, [])
            place = self.choice.repository
        if not wanted:
            return
        found, refusal = await people.looked_up(token, lambda person: suggestions.listing(person, UUID(wanted)))
        async with self:
            if self.choice.repository_id == wanted:
                self._show(wanted, found or [], place, refusal)

    @rx.event
    @signed_in
    async def review(self, number: int) -> None:
        """Chooses to review one of the pull requests; what is written stays."""
        found = next((one.pull for one in self._found if one.act is Act.REVIEW and one.number == number), None)
        if found is None or self._repository != self.choice.repository_id:
            raise InvalidInput("This is no longer suggested.")
        self.choice = with_pull(with_type(self.choice, TaskType.PR_REVIEW), found)
        self._list_repositories()
        await self._price()

    @rx.event(background=True)
    @signed_in
    async def start(self, number: int, written: str) -> Any:
        """Puts one of the issues, with its first comments, below what is written; twice is once."""
        async with self:
            token, place = self._token(), self._repository
            if self.starting or not place:
                return None
            self.starting, self.note = number, ""
        refusal = "The issue could not be imported. Try again."
        try:
            text = await people.outside(token, lambda person: _as_prompt(person, number, UUID(place), written))
            refusal = ""
        except Refusal as error:
            refusal = str(error)
            return None
        finally:
            async with self:
                self.starting, self.note = 0, refusal
        return insert("", text)

    def _show(self, repository: str, found: list[Suggestion], place: str = "", note: str = "") -> None:
        self._repository, self._found, self.place, self.note = repository, found, place, note
        self.items = [item_of(one) for one in found]


def suggested(written: rx.Var[str]) -> rx.Component:
    """The list; `written` is what stands in the box at the click. Nothing while there is nothing to suggest."""
    return theme.plain(
        "div",
        asks(about=Composer.choice.repository_id, on_ask=Suggestions.ask),
        rx.cond(
            (Suggestions.items.length() > 0) | (Suggestions.note != ""),
            theme.stack(
                theme.words("heading", "From ", Suggestions.place, tag="h2"),
                rx.cond(
                    Suggestions.items.length() > 0,
                    theme.part("list", rx.foreach(Suggestions.items, lambda item: _line(item, written)), tag="ul"),
                ),
                theme.words("tiny", Suggestions.note, tag="p", role="status"),
            ),
        ),
    )


def _line(item: rx.Var[Item], written: rx.Var[str]) -> rx.Component:
    return theme.part(
        "entry",
        rx.match(
            item.tone,
            ("bad", theme.pill(theme.icon("circle-x", 14), item.pill, tone="bad")),
            ("warn", theme.pill(theme.icon("circle-alert", 14), item.pill, tone="warn")),
            theme.pill(item.pill),
        ),
        theme.grow(theme.words("strong", item.words, trunc=True, tag="p", title=item.words)),
        rx.match(
            item.act,
            (
                Act.REVIEW.value,
                theme.button("Review", size="sm", aria_label=item.label, on_click=Suggestions.review(item.number)),
            ),
            (
                Act.START.value,
                theme.button(
                    rx.cond(Suggestions.starting == item.number, theme.icon("loader-circle", spin=True)),
                    "Start",
                    size="sm",
                    aria_label=item.label,
                    disabled=Suggestions.starting != 0,
                    on_click=Suggestions.start(item.number, written),
                ),
            ),
            theme.page_button("Look", size="sm", aria_label=item.label, href=item.href),
        ),
        tag="li",
        key=item.label,
    )


def _as_prompt(user_id: UUID, number: int, repository_id: UUID, written: str) -> str:
    return issues.as_prompt(user_id, issues.look_up(user_id, f"#{number}", repository_id), written)


def item_of(one: Suggestion) -> Item:
    """A suggestion as it is drawn."""
    checks = "1 check fails" if one.count == 1 else f"{one.count} checks fail"
    pill, tone, label = {
        Act.FIX: (checks, "bad", "Look at pull request"),
        Act.ADDRESS: ("changes requested", "warn", "Look at pull request"),
        Act.RESOLVE: ("conflict", "warn", "Look at pull request"),
        Act.REVIEW: ("pull request", "", "Review pull request"),
        Act.START: ("issue", "", "Start on issue"),
    }[one.act]
    href = routes.task_page(str(one.task_id)) if one.task_id else ""
    return Item(one.act.value, one.number, pill, tone, f"#{one.number} {one.title}", f"{label} #{one.number}", href)
