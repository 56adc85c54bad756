"""What others say of a task's pull request, put into the reply box at a click: seen and changed before it is sent."""

from typing import Any

import reflex as rx

from asynccoder_ui import given, orders, people, routes, theme
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.task_view import TaskView
from backend.errors import Refusal
from backend.services import back_again
from backend.services.back_again import Kind


class Bring(Session):
    """Asks GitHub, one thing at a time."""

    busy: str = ""  # what GitHub is asked for

    @rx.event(background=True)
    @signed_in
    async def fetch(self, kind: str) -> Any:
        """Puts the words of this kind into the box of this page's task; what is written there stays."""
        wanted = given.one_of(Kind, kind)
        async with self:
            task = routes.task_in(self.router.url.path)
            if self.busy or task is None:
                return None
            token, self.busy = self._token(), wanted.value
        try:
            text = await people.outside(token, lambda person: back_again.text(person, task, wanted))
        except Refusal as error:
            return orders.refuse(error)
        finally:
            async with self:
                self.busy = ""
        return orders.dispatch("asynccoder-fill", {"draft": str(task), "text": text, "add": True})


def bring_button(kind: Kind, label: str) -> rx.Component:
    """The button, where the next action offers it."""
    return rx.cond(
        TaskView.next.brings.contains(kind.value),
        theme.button(
            rx.cond(Bring.busy == kind.value, theme.icon("loader-circle", 14, spin=True)),
            label,
            size="sm",
            variant="primary",
            disabled=Bring.busy != "",
            on_click=Bring.fetch(kind.value),
        ),
    )
