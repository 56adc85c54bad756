"""A repository's set-up in its settings: the script, the environment, and secrets, of which no value comes back."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, theme
from asynccoder_ui.components.react import ago
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import iso
from backend.errors import Refusal
from backend.models import User
from backend.services import repository_setup as service
from backend.services.repository_setup import SetupRow


@dataclass(frozen=True)
class SecretItem:
    """A secret by its name, and when it was set."""

    name: str
    at: str


@dataclass(frozen=True)
class SetupItem:
    """The set-up; its `version` is another one where script or environment are others."""

    script: str = ""
    environment: str = ""
    version: str = ""
    can_change: bool = False


class RepositorySetup(Session):
    """The set-up of one repository."""

    repository_id: str = ""
    setup: SetupItem = SetupItem()
    secrets: list[SecretItem] = []
    is_read: bool = False
    unread: str = ""  # why it could not be read
    error: str = ""  # of the form
    refused: str = ""  # of the secret's dialog
    said: str = ""
    kept: int = 0

    @rx.event
    @signed_in
    async def open(self, repository_id: str) -> None:
        """Reads the set-up of a repository."""
        repository = given.identity(repository_id)
        self.repository_id, self.is_read, self.error, self.said = str(repository), False, "", ""
        await self._open()

    @rx.event
    @signed_in
    async def again(self) -> None:
        """Reads it once more, after an error."""
        await self._open()

    @rx.event
    @signed_in
    async def save(self, form: dict[str, Any]) -> Any:
        """Keeps script and environment."""
        repository = given.identity(self.repository_id)
        script, environment = str(form.get("script", "")), str(form.get("environment", ""))
        address = self._address()

        def order(session: DatabaseSession, user: User) -> None:
            service.save(session, user, repository, script=script, environment=environment, address=address)

        self.error = await self._change(order)
        return None if self.error else rx.toast.success("Saved. Runs that start from now on use this.")

    @rx.event
    @signed_in
    async def keep_secret(self, form: dict[str, Any]) -> None:
        """Keeps a secret: its value passes through this event alone."""
        repository = given.identity(self.repository_id)
        name, value, address = str(form.get("name", "")), str(form.get("value", "")), self._address()
        self.refused = await self._change(
            lambda session, user: service.keep_secret(session, user, repository, name, value, address=address)
        )
        if not self.refused:
            self.kept, self.said = self.kept + 1, "Kept"

    @rx.event
    @signed_in
    async def remove_secret(self, name: str) -> None:
        """Forgets a secret."""
        repository, address = given.identity(self.repository_id), self._address()
        self.error = await self._change(
            lambda session, user: service.remove_secret(session, user, repository, name, address=address)
        )
        self.said = "" if self.error else "Removed"

    @rx.event
    @signed_in
    async def hush(self) -> None:
        """The dialog opens: what was said before is over."""
        self.refused = self.said = ""

    async def _change(self, order: Callable[[DatabaseSession, User], None]) -> str:
        """Orders a change and shows what is there now; the refusal's sentence, empty where there is none."""
        repository = given.identity(self.repository_id)
        self.said = ""

        def changed(session: DatabaseSession, user: User) -> SetupRow:
            order(session, user)
            return service.read(session, user, repository)

        try:
            self._show(await self._ask(changed))
        except Refusal as error:
            return str(error)
        return ""

    async def _open(self) -> None:
        repository, self.unread = given.identity(self.repository_id), ""
        try:
            self._show(await self._ask(lambda session, user: service.read(session, user, repository)))
        except Refusal as error:
            self.unread = str(error)

    def _show(self, row: SetupRow) -> None:
        version = hashlib.sha256(f"{row.script}\0{row.environment}".encode()).hexdigest()[:12]
        self.setup = SetupItem(row.script, row.environment, version, row.can_change)
        self.secrets = [SecretItem(secret.name, iso(secret.set_at)) for secret in row.secrets]
        self.is_read = True


def setup_cards() -> rx.Component:
    """The set-up's part of a repository's settings."""
    setup = RepositorySetup.setup
    return rx.cond(
        RepositorySetup.is_read,
        theme.stack(
            theme.stack(
                theme.words("heading", "Set-up", tag="h2"),
                theme.words("aside", _WHAT, tag="p"),
                theme.error_notice(RepositorySetup.error),
                theme.card(rx.cond(setup.can_change, _form(), _facts())),
            ),
            theme.stack(
                theme.row(
                    theme.words("heading", "Secrets", tag="h2"),
                    theme.words("tiny", RepositorySetup.said, role="status"),
                    theme.grow(),
                    rx.cond(setup.can_change, _add_secret()),
                ),
                theme.words("aside", _SECRETS, tag="p"),
                _secrets(),
            ),
            rx.cond(
                ~setup.can_change,
                theme.words("tiny", "People who can push to the repository can change its set-up.", tag="p"),
            ),
            gap="loose",
        ),
        rx.cond(
            RepositorySetup.unread != "",
            theme.trouble(RepositorySetup.unread, on_again=RepositorySetup.again),
            theme.skeleton(3),
        ),
    )


_WHAT = (
    "The script runs once before the model starts, in the same jail, where it may install what the work needs from the "
    "package hosts that your admin allows. Reviews, questions and plans run no commands and need none."
)
_SECRETS = (
    "For the script alone: the model and its commands never get them. They are kept encrypted, taken out of the "
    "script's output, and shown to nobody again."
)


def _form() -> rx.Component:
    setup = RepositorySetup.setup
    return rx.el.form(
        theme.part(
            "form",
            theme.form_row(
                "Script",
                theme.text_area(
                    name="script",
                    default_value=setup.script,
                    key=setup.version,
                    placeholder="npm ci",
                    max_length=service.MOST_SCRIPT,
                    spell_check=False,
                    auto_complete="off",
                ),
                "A shell script; it ends at the first command that fails. Changes to files that git knows are taken "
                "back afterwards, and what it adds is no part of the pull request.",
            ),
            theme.form_row(
                "Environment",
                theme.text_area(
                    name="environment",
                    default_value=setup.environment,
                    key=setup.version,
                    placeholder="NAME=value",
                    max_length=service.MOST_ENVIRONMENT,
                    spell_check=False,
                    auto_complete="off",
                ),
                "One NAME=value a line, for the script, the model's commands and the tests. Whoever can see the "
                "repository reads them.",
            ),
            theme.part("dialog-foot", theme.button("Save set-up", variant="primary", type="submit")),
        ),
        on_submit=RepositorySetup.save,
        reset_on_submit=False,
    )


def _facts() -> rx.Component:
    setup = RepositorySetup.setup

    def text(value: Any) -> rx.Component:
        return theme.plain("dd", rx.cond(value != "", theme.part("out", value, tab_index=0), "None"))

    return theme.part(
        "facts",
        theme.plain("dt", "Script"),
        text(setup.script),
        theme.plain("dt", "Environment"),
        text(setup.environment),
        tag="dl",
    )


def _secrets() -> rx.Component:
    return rx.cond(
        RepositorySetup.secrets.length() > 0,
        theme.part("list", rx.foreach(RepositorySetup.secrets, _secret), tag="ul", aria_label="Secrets"),
        theme.card(theme.words("soft", "No secrets yet, such as the token of a package registry of your own.")),
    )


def _secret(item: rx.Var[SecretItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.icon("key-round"),
        theme.grow(
            theme.words("mono", item.name, tag="p", trunc=True),
            theme.words("tiny", "set ", ago(at=item.at, in_words=True), tag="p"),
        ),
        rx.cond(
            RepositorySetup.setup.can_change,
            theme.confirm_button(
                "Remove",
                title="Remove this secret?",
                note="Set-up scripts that start from now on run without it.",
                action="Remove",
                size="sm",
                on_confirm=RepositorySetup.remove_secret(item.name),
            ),
        ),
        tag="li",
        key=item.name,
    )


def _add_secret() -> rx.Component:
    return theme.dialog_button(
        ["Add secret"],
        theme.plain(
            "form",
            theme.part(
                "form",
                theme.form_row(
                    "Name",
                    theme.field(
                        name="name",
                        required=True,
                        auto_focus=True,
                        auto_complete="off",
                        spell_check=False,
                        placeholder="NPM_TOKEN",
                        max_length=service.MOST_NAME,
                    ),
                    "The script finds it in the variable of this name. One that exists is replaced.",
                ),
                theme.form_row(
                    "Value",
                    theme.field(
                        name="value",
                        type="password",
                        required=True,
                        auto_complete="new-password",
                        spell_check=False,
                        min_length=service.LEAST_SECRET,
                        max_length=service.MOST_SECRET,
                    ),
                ),
                theme.error_notice(RepositorySetup.refused),
                theme.part("dialog-foot", theme.button("Keep", variant="primary", type="submit")),
            ),
            on_submit=RepositorySetup.keep_secret,
            reset_on_submit=True,
        ),
        title="Secret",
        size="sm",
        done=RepositorySetup.kept,
        on_ask=RepositorySetup.hush,
    )
