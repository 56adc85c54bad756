"""What stands at an address that leads nowhere."""

import reflex as rx

from asynccoder_ui import routes, theme


def not_found() -> rx.Component:
    """The 404 page."""
    return theme.part(
        "landing",
        theme.part("landing-head", theme.logo(), tag="header"),
        theme.empty(
            "map",
            "There is no page at this address.",
            theme.words("small", "It may have moved, or the address has a typing mistake.", tag="p"),
            theme.page_button("Go to the dashboard", href=routes.HOME, variant="primary"),
        ),
    )
