"""The ways between the admins' pages."""

import reflex as rx

from asynccoder_ui import routes, theme

PAGES = [
    ("People", routes.ADMIN_PEOPLE),
    ("Queue", routes.ADMIN_QUEUE),
    ("Models", routes.ADMIN_MODELS),
    ("Setup", routes.ADMIN_SETUP),
    ("Caches", routes.ADMIN_CACHES),
    ("Tasks", routes.ADMIN_TASKS),
    ("Deliveries", routes.ADMIN_DELIVERIES),
    ("Announcements", routes.ADMIN_ANNOUNCEMENTS),
    ("Audit log", routes.ADMIN_AUDIT),
]


def admin_tabs(at: str) -> rx.Component:
    """A link to each, the one at this route marked."""
    return theme.row(
        *[
            theme.page_button(
                label,
                href=href,
                variant="plain" if href == at else "quiet",
                size="sm",
                custom_attrs={"aria-current": "page"} if href == at else {},
            )
            for label, href in PAGES
        ],
        wrap=True,  # all of them in sight at every width
        tag="nav",
        aria_label="Admin",
    )
