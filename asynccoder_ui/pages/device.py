"""Where a person confirms a program on their machine: the code that it shows, who asks, yes or no."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import reflex as rx
from reflex_base.event import EventSpec

from asynccoder_ui import routes, theme
from asynccoder_ui.components.react import ago
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import iso
from backend import rate_limit
from backend.errors import Refusal
from backend.services import device_grants
from backend.services.api_tokens import Scope

_MAY = {Scope.READ: "look at your tasks", Scope.WRITE: "look at your tasks, start and stop them"}


@dataclass(frozen=True)
class Asking:
    """The program that asks, as the page tells it."""

    code: str = ""
    name: str = ""
    address: str = ""
    may: str = ""
    at: str = ""


class Device(Session):
    """One program's question, and what became of it."""

    asking: Asking = Asking()
    said: str = ""
    error: str = ""

    @rx.event
    @signed_in
    async def arrive(self) -> None:
        """Looks the code up that stands in the address, if there is one."""
        self.asking, self.said, self.error = Asking(), "", ""
        code = str(self.router.url.query_parameters.get("code", ""))
        if code:
            await self._find(code)

    @rx.event
    @signed_in
    async def find(self, form: dict[str, Any]) -> None:
        """Looks for who waits with the code that was typed."""
        await self._find(str(form.get("code", "")))

    @rx.event
    @signed_in
    async def confirm(self) -> None:
        """Gives the program its token."""
        await self._answer(allow=True)

    @rx.event
    @signed_in
    async def refuse(self) -> None:
        """Gives it none."""
        await self._answer(allow=False)

    @rx.event
    @signed_in
    async def another(self) -> EventSpec:
        """Back to the form."""
        self.asking, self.said, self.error = Asking(), "", ""
        return rx.redirect(routes.DEVICE)

    async def _find(self, code: str) -> None:
        self.asking, self.said, self.error = Asking(), "", ""
        try:
            # Codes are short: who tries many is stopped.
            await self._ask(lambda session, user: rate_limit.take(rate_limit.CODES, user.id))
            found = await self._ask(lambda session, user: device_grants.asking(session, code[:40]))
        except Refusal as error:
            self.error = str(error)
            return
        at = iso(found.asked_at)
        self.asking = Asking(found.user_code, found.name, found.address, _MAY[found.scope], at)

    async def _answer(self, *, allow: bool) -> None:
        code, self.error = self.asking.code, ""
        try:
            await self._ask(partial(device_grants.answer, user_code=code, allow=allow, address=self._address()))
        except Refusal as error:
            self.error = str(error)
            return
        name = self.asking.name
        self.asking = Asking()
        self.said = f"{name} is signed in. You can close this page." if allow else f"{name} was refused."


def device() -> rx.Component:
    """The code, then who asks, then what became of it."""
    return shell(
        theme.part(
            "stage",
            theme.words("headline", "Sign a program in", tag="h1"),
            theme.error_notice(Device.error),
            rx.cond(
                Device.said != "",
                theme.notice(theme.row(theme.grow(Device.said), _another(), wrap=True), icon_name="circle-check"),
                rx.cond(Device.asking.code != "", _question(), _form()),
            ),
        ),
        at=routes.DEVICE,
    )


def _form() -> rx.Component:
    control = theme.field(
        name="code", placeholder="XXXX-XXXX", auto_complete="off", max_length=40, required=True, auto_focus=True
    )
    return theme.card(
        rx.el.form(
            theme.stack(
                theme.form_row("Code", control, "As the program shows it, such as asynccoder login."),
                theme.row(theme.button("Continue", type="submit", variant="primary")),
            ),
            on_submit=Device.find,
        )
    )


def _question() -> rx.Component:
    asking = Device.asking
    return theme.card(
        theme.stack(
            theme.words("strong", asking.name, " asks to be signed in as you", tag="h2"),
            theme.words(
                "small", "It could then ", asking.may, ", for 90 days or until you revoke it in Settings.", tag="p"
            ),
            theme.row(
                theme.words("mono", asking.code),
                theme.words("aside", "from ", asking.address, ", "),
                theme.words("aside", ago(at=asking.at)),
                wrap=True,
            ),
            theme.notice(
                "Confirm only if you started this yourself, a moment ago, and the code is the one that you see there.",
                tone="warn",
                icon_name="triangle-alert",
            ),
            theme.row(
                theme.button("Confirm", variant="primary", on_click=Device.confirm),
                theme.button("Refuse", on_click=Device.refuse),
                _another(),
                wrap=True,
            ),
        )
    )


def _another() -> rx.Component:
    return theme.button("Another code", variant="quiet", on_click=Device.another)
