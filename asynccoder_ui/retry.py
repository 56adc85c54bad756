"""The retry dialog of a task's page: the same again, with another model, or with other words."""

from typing import Any
from uuid import UUID

import reflex as rx

from asynccoder_ui import given, routes, theme, views
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.task_view import TaskView
from backend.errors import NotFound, Refusal
from backend.services import tasks
from backend.services.tasks.write import MAX_PROMPT


class Retry(Session):
    """What the dialog begins with, and why a try was refused."""

    task: str = ""  # whose words these are; empty until they are read
    prompt: str = ""
    model: str = ""
    models: list[views.Option] = []
    offers: int = 0  # counts openings: each has a form of its own, so that nothing of the one before stands in it
    error: str = ""
    sent: int = 0

    @rx.event
    @signed_in
    async def offer(self) -> None:
        """Reads the newest run's words and the models there are, as the dialog opens."""
        self.task, self.error = "", ""
        try:
            task = self._task()
            found = await self._ask(lambda session, user: tasks.retry_offer(session, user, task))
        except Refusal as refused:
            self.error = str(refused)
            return
        ids = [str(model.id) for model in found.models]
        self.models = [views.Option(str(one.id), _offer(one)) for one in found.models]
        self.model = str(found.model_id) if str(found.model_id) in ids else next(iter(ids), "")
        self.prompt, self.task, self.offers = found.prompt, str(task), self.offers + 1

    @rx.event
    @signed_in
    async def send(self, form: dict[str, Any]) -> None:
        """Starts the next run of the form's task; the dialog closes once it is taken."""
        self.error = ""
        try:
            task, model = given.identity(form.get("task")), given.identity(form.get("model"))
            prompt = str(form.get("prompt", ""))
            await self._ask(lambda session, user: tasks.retry(session, user, task, model_id=model, prompt=prompt))
        except Refusal as refused:
            self.error = str(refused)
            return
        self.sent += 1

    def _task(self) -> UUID:
        task = routes.task_in(self.router.url.path)
        if task is None:
            raise NotFound("There is no task on this page.")
        return task


def _offer(model: tasks.ModelOffer) -> str:
    paid = "on your own key" if model.own_key else f"holds {model.hold} credits"
    return f"{model.name}, {paid}{views.BLIND if model.is_blind else ''}"


def retry_button() -> rx.Component:
    """The button with its dialog."""
    return theme.dialog_button(
        [theme.icon("rotate-ccw", 14), "Retry"],
        theme.error_notice(Retry.error),
        rx.cond(
            (Retry.task != "") & (Retry.task == TaskView.facts.id),
            _form(),
            rx.cond(Retry.error == "", theme.skeleton(3)),
        ),
        title="Try this task again",
        note="A new run starts on the same branch and knows what the runs before it did.",
        size="sm",
        wide=True,
        done=Retry.sent,
        on_ask=Retry.offer,
    )


def _form() -> rx.Component:
    return theme.plain(
        "form",
        rx.el.input(type="hidden", name="task", value=Retry.task, read_only=True),
        theme.part(
            "form",
            theme.form_row("Model", theme.select([], Retry.models, name="model", default_value=Retry.model)),
            theme.form_row(
                "Prompt", theme.text_area(name="prompt", default_value=Retry.prompt, rows=8, max_length=MAX_PROMPT)
            ),
            theme.part("dialog-foot", theme.button("Retry", variant="primary", type="submit")),
        ),
        on_submit=Retry.send,
        reset_on_submit=False,
        key=Retry.offers,
    )
