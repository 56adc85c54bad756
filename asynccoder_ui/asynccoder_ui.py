"""The app: pages on their addresses, the gate, the log's socket, the API mounted beside them."""

import functools

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.gate import Gate
from asynccoder_ui.headers import SecurityHeaders
from asynccoder_ui.pages.landing import landing
from asynccoder_ui.pages.not_found import not_found
from asynccoder_ui.session import Session, on_error
from backend.settings import get_settings


def _head() -> list[rx.Component]:
    return [
        rx.el.meta(name="color-scheme", content="light dark"),
        rx.el.link(rel="preload", href="/fonts/geist.woff2", custom_attrs={"as": "font", "type": "font/woff2"}, cross_origin="anonymous"),
        *[rx.el.link(rel="stylesheet", href=rx.asset(sheet)) for sheet in theme.STYLESHEETS],
        rx.el.script(src=rx.asset("theme.js")),
    ]  # fmt: skip


app = rx.App(
    reset_style=False,
    html_lang="en",
    head_components=_head(),
    backend_exception_handler=on_error,
    api_transformer=[functools.partial(SecurityHeaders, settings=get_settings())],
)
app.add_middleware(Gate())
app.add_page(landing, route=routes.LANDING, title="Async Coder", on_load=Session.greet)
app.add_page(not_found, route="404", title="Not found · Async Coder")
