"""The models, for admins: which are offered, at which price, to whom, in which order; the deployment's own keys."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_models_view as view
from asynccoder_ui import given, people, routes, theme
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, page_title
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.errors import NotFound, Refusal
from backend.models import User
from backend.services import catalog_admin, deployment_keys
from backend.services.catalog_admin import MOST_NAME, Change, ModelEntry
from backend.services.deployment_keys import NAMES, ProviderState

_Found = tuple[list[ModelEntry], list[ProviderState]]
_PROVIDERS = list(NAMES.items())


def _read(session: DatabaseSession, user: User) -> _Found:
    return catalog_admin.listing(session, user), deployment_keys.states(session, user)


def _show(page: "AdminModels", found: _Found) -> None:
    page.models, page.providers = view.model_items(found[0]), [view.provider_item(row) for row in found[1]]


class AdminModels(Following, Session):
    """The list, and what is done with the models on it. It is read again after each deed."""

    models: list[view.ModelItem] = []
    providers: list[view.ProviderItem] = []
    asking: str = ""  # the provider that is being asked
    news: list[str] = []  # prices that reading the list anew has changed
    kept: int = 0  # counts what was taken, so that its dialog closes
    form_error: str = ""
    _reads: ClassVar = Reads(lambda page: Question(_read), _show)

    @rx.event
    @signed_in
    async def switch(self, model_id: str, is_on: bool) -> None:
        """Offers a model, or no longer."""
        await self._change(given.identity(model_id), Change(is_active=is_on))
        await self._read()

    @rx.event
    @signed_in
    async def move(self, model_id: str, by: int) -> None:
        """Moves a model up or down."""
        model, address = given.identity(model_id), self._address()
        await self._ask(lambda session, user: catalog_admin.move(session, user, model, by, address=address))
        await self._read()

    @rx.event
    @signed_in
    async def begin(self) -> None:
        """A dialog opens."""
        self.form_error = ""

    @rx.event
    @signed_in
    async def keep(self, form: dict[str, Any]) -> None:
        """Keeps what a model's form says."""
        item = next((one for one in self.models if one.id == form.get("id")), None)
        if item is None:
            raise NotFound("This model is not listed.")
        await self._close_after(lambda: self._change(given.identity(item.id), view.wanted(form, item)))

    @rx.event
    @signed_in
    async def use_list_price(self, model_id: str) -> None:
        """Puts the list's price in force again."""
        await self._close_after(lambda: self._change(given.identity(model_id), Change(use_list_price=True)))

    @rx.event
    @signed_in
    async def add(self, form: dict[str, Any]) -> None:
        """Adds a model by its name."""
        named, address = (str(form.get("provider", "")), str(form.get("name", ""))), self._address()
        await self._close_after(
            lambda: self._ask(lambda session, user: catalog_admin.add(session, user, *named, address=address))
        )

    @rx.event
    @signed_in
    async def refresh(self) -> Any:
        """Reads the installed price list anew."""
        address = self._address()
        changes = await self._ask(lambda session, user: catalog_admin.refresh(session, user, address=address))
        self.news = [f"{one.name}: {one.before} is now {one.now}" for one in changes]
        await self._read()
        return None if changes else rx.toast.success("Every price is as the installed list has it.")

    @rx.event(background=True)
    @signed_in
    async def test(self, provider: str) -> Any:
        """Asks a provider with the deployment's key."""
        test = partial(deployment_keys.test, provider=provider, address=self._address())
        _, refused = await self._outside(provider, test)
        return rx.toast.error(refused) if refused else None

    @rx.event(background=True)
    @signed_in
    async def look_for_models(self) -> Any:
        """Asks the compatible server which models it has."""
        look = partial(deployment_keys.look_for_models, address=self._address())
        added, refused = await self._outside("compatible", look)
        if added is None:
            return rx.toast.error(refused) if refused else None
        words = f"{len(added)} added, switched off: give them a price." if added else "It has none that is not listed."
        return rx.toast.success(words)

    async def _change(self, model_id: UUID, wanted: Change) -> None:
        address = self._address()
        await self._ask(lambda session, user: catalog_admin.change(session, user, model_id, wanted, address=address))

    async def _close_after(self, work: Callable[[], Any]) -> None:
        """Does what a dialog asks for: it closes, or says what is wrong."""
        try:
            await work()
        except Refusal as refused:
            self.form_error = str(refused)
            return
        self.form_error = ""
        self.kept += 1
        await self._read()

    async def _outside(self, provider: str, work: Callable[[UUID], Any]) -> tuple[Any, str]:
        """Lets a provider be asked, off the tab's line, one at a time: its answer, or None and why there is none."""
        async with self:
            if self.asking:
                return None, ""
            token, self.asking = self._token(), provider
        try:
            return await people.looked_up(token, work)
        finally:
            async with self:
                self.asking = ""
                await self._read()


def admin_models() -> rx.Component:
    """The page."""
    page = AdminModels
    return shell(
        page_title(words="Models"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Models", tag="h1"),
                theme.grow(),
                rx.cond(
                    page.is_listed,
                    rx.fragment(
                        theme.button(
                            theme.icon("refresh-cw", 14), "Read list prices", size="sm", on_click=page.refresh
                        ),
                        _add(),
                    ),
                ),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_MODELS),
            listing.trouble(page),
            rx.cond(
                page.is_listed,
                theme.stack(
                    rx.cond(page.news.length() > 0, _news()),
                    theme.words("heading", "Providers", tag="h2"),
                    theme.part("list", rx.foreach(page.providers, _provider), tag="ul", aria_label="Providers"),
                    theme.words("heading", "Models, as they are offered", tag="h2"),
                    theme.part("list", rx.foreach(page.models, _model), tag="ul", aria_label="Models"),
                    gap="loose",
                ),
                rx.cond(page.error == "", theme.skeleton(6)),
            ),
        ),
        at=routes.ADMIN_MODELS,
    )


def _news() -> rx.Component:
    lines = rx.foreach(AdminModels.news, lambda line: theme.words("small", line, tag="p"))
    return theme.notice(theme.stack(lines, gap="tight"), tone="run", icon_name="receipt")


def _provider(item: rx.Var[view.ProviderItem]) -> rx.Component:
    is_busy, is_asked = AdminModels.asking != "", AdminModels.asking == item.provider
    return theme.part(
        "entry parts",
        theme.icon("key-round"),
        theme.grow(
            theme.row(
                theme.words("strong", item.name),
                rx.cond(item.tested_at != "", _tested(item)),
                wrap=True,
            ),
            theme.words(
                "tiny",
                rx.cond(is_asked, "Asking the provider…", item.state),
                rx.cond(item.tested_at != "", rx.fragment(" · tested ", ago(at=item.tested_at, in_words=True))),
                tag="p",
                role="status",
            ),
            rx.cond((item.words != "") & (item.tested_at != ""), theme.words("warning", item.words, tag="p")),
        ),
        rx.cond(
            item.is_set,
            theme.row(
                rx.cond(
                    item.is_compatible,
                    theme.button("Look for models", size="sm", disabled=is_busy, on_click=AdminModels.look_for_models),
                ),
                theme.button(
                    "Test",
                    size="sm",
                    disabled=is_busy,
                    aria_label="Test " + item.name,
                    on_click=AdminModels.test(item.provider),
                ),
                wrap=True,
            ),
        ),
        tag="li",
        key=item.provider,
    )


def _tested(item: rx.Var[view.ProviderItem]) -> rx.Component:
    return rx.cond(
        item.is_ok,
        theme.pill(theme.icon("check", 14), "works", tone="ok"),
        theme.pill(theme.icon("circle-alert", 14), "failed", tone="bad"),
    )


def _model(item: rx.Var[view.ModelItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.row(
                theme.words("strong", item.title, trunc=True),
                rx.cond(item.is_on, theme.pill("on", tone="ok"), theme.pill("off", tone="line")),
                rx.cond(item.has_price, rx.fragment(), theme.pill("no price", tone="warn")),
                rx.cond(item.limits != "", theme.pill(item.limits, tone="line")),
                wrap=True,
            ),
            theme.words("mono", item.name, tag="p", trunc=True),
            theme.words("tiny", item.facts, tag="p"),
            rx.cond(item.trouble != "", theme.words("warning", item.trouble, tag="p")),
        ),
        theme.part(
            "entry-end",
            _arrow(item, "arrow-up", "up", -1, item.is_first),
            _arrow(item, "arrow-down", "down", 1, item.is_last),
            theme.button(
                rx.cond(item.is_on, "Switch off", "Switch on"),
                size="sm",
                disabled=~(item.is_on | item.has_price),
                aria_label=rx.cond(item.is_on, "Switch off ", "Switch on ") + item.title,
                on_click=AdminModels.switch(item.id, ~item.is_on),
            ),
            _edit(item),
        ),
        tag="li",
        key=item.id,
    )


def _arrow(item: rx.Var[view.ModelItem], icon: str, way: str, by: int, is_end: Any) -> rx.Component:
    return theme.icon_button(
        theme.icon(icon, 14),
        "Move " + item.title + f" {way}",
        title=f"Move {way}",
        disabled=is_end,
        on_click=AdminModels.move(item.id, by),
    )


def _edit(item: rx.Var[view.ModelItem]) -> rx.Component:
    return theme.dialog_button(
        ["Edit"],
        theme.error_notice(AdminModels.form_error),
        theme.plain(
            "form",
            rx.el.input(type="hidden", name="id", value=item.id, read_only=True),
            theme.part(
                "form",
                theme.form_row(
                    "Name", theme.field(name="name", default_value=item.title, required=True, max_length=MOST_NAME)
                ),
                theme.part(
                    "pair",
                    _dollars("Input", "input", item.input),
                    _dollars("Output", "output", item.output),
                    _dollars("Read from the cache", "cache_read", item.cache_read),
                    _dollars("Written to the cache", "cache_write", item.cache_write),
                ),
                theme.words("aside", "US dollars per million tokens. ", item.listed, tag="p"),
                theme.part(
                    "pair",
                    theme.form_row(
                        "Margin, in percent",
                        theme.field(name="margin", input_mode="decimal", default_value=item.margin, required=True),
                    ),
                    theme.form_row("For", theme.select(view.TIERS, name="tiers", default_value=item.tiers)),
                ),
                theme.form_row(
                    "Context window, in tokens",
                    theme.field(name="window", input_mode="numeric", default_value=item.window, required=True),
                    "What is sent at most. A wider one costs more with every turn.",
                ),
                theme.part(
                    "dialog-foot",
                    rx.cond(
                        item.can_use_list,
                        theme.button("Use the list price", on_click=AdminModels.use_list_price(item.id)),
                    ),
                    theme.button("Save", variant="primary", type="submit"),
                ),
            ),
            on_submit=AdminModels.keep,
            reset_on_submit=False,
        ),
        title="Edit " + item.title,
        label="Edit " + item.title,
        size="sm",
        done=AdminModels.kept,
        on_ask=AdminModels.begin,
    )


def _dollars(label: str, name: str, value: rx.Var[str]) -> rx.Component:
    return theme.form_row(label, theme.field(name=name, input_mode="decimal", default_value=value, max_length=20))


def _add() -> rx.Component:
    return theme.dialog_button(
        [theme.icon("plus", 14), "Add a model"],
        theme.error_notice(AdminModels.form_error),
        theme.plain(
            "form",
            theme.part(
                "form",
                theme.form_row("Provider", theme.select(_PROVIDERS, name="provider")),
                theme.form_row(
                    "Name",
                    theme.field(name="name", required=True, auto_focus=True, max_length=200, auto_complete="off"),
                    "As the provider writes it. It is added switched off, with its list price where there is one.",
                ),
                theme.part("dialog-foot", theme.button("Add", variant="primary", type="submit")),
            ),
            on_submit=AdminModels.add,
            reset_on_submit=False,
        ),
        title="Add a model",
        size="sm",
        done=AdminModels.kept,
        on_ask=AdminModels.begin,
    )
