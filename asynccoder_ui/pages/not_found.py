"""What stands at an address that leads nowhere."""

import reflex as rx

from asynccoder_ui import routes, theme


def not_found() -> rx.Component:
    """The 404 page."""
    return theme.part(
        "landing",
        theme.part("landing-head", theme.page_link(theme.logo(), href=routes.LANDING, look=""), tag="header"),
        theme.part(
            "hero",
            theme.part(
                "hero-words",
                theme.words("headline", "There is no page at this address.", tag="h1"),
                theme.words("lede", "It may have moved, or the address has a typing mistake.", tag="p"),
                theme.page_button("Go to the dashboard", href=routes.HOME, variant="primary", size="lg"),
            ),
            tag="main",
        ),
    )
