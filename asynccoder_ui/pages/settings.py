"""Settings: who one is here, what one prefers, and what may act in one's name."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, settings_items, theme
from asynccoder_ui.components.access import provider_keys, sessions, tokens
from asynccoder_ui.components.react import appearance, browser_leave
from asynccoder_ui.composer_view import EFFORT_OPTIONS, PRIORITY_OPTIONS, TYPE_OPTIONS, VISIBILITIES
from asynccoder_ui.settings_view import Access, Preferred, SettingsPage
from asynccoder_ui.shell import shell
from backend.services.preferences import Channel

# Its id, its name, its one sentence.
_SECTIONS = (
    ("profile", "Profile", "Name, login and picture come from GitHub and follow it at every sign-in."),
    ("defaults", "Defaults", "What a new task begins with. Each can be changed before it is sent."),
    ("appearance", "Appearance", ""),
    ("notifications", "Notifications", "What you are told while you look elsewhere."),
    ("sessions", "Signed-in browsers", "A browser that is signed out here loses its pages at once."),
    ("tokens", "API tokens", "For scripts that act in your name. A token can do what its scope says, until it ends."),
    (
        "keys",
        "Your own provider keys",
        "With a key of yours, tasks with that provider's models cost no credits: the provider bills you, and the cost "
        "is shown all the same. A key is kept encrypted and used by your tasks alone.",
    ),
    ("github", "GitHub", ""),
    ("account", "Account", ""),
)
_LEAVING = (
    "Tasks that still work are stopped, and charged for what they used.\n\n"
    "Erased: your name, e-mail, login, picture, preferences, sessions, tokens, keys, drafts and attachments. Your "
    "private tasks are deleted: nobody can read their prompts, logs or changes any more.\n\n"
    "Kept: tasks you shared with a repository, for its people and without your name; pull requests on GitHub; the "
    "ledger of your credits; and GitHub's number of your account, so that free credits are given once."
)
_DISCONNECTING = (
    "We forget the access that GitHub gave us. You stay signed in and can read your tasks.\n\n"
    "Until you sign in with GitHub again, new tasks cannot start, tasks that still work cannot open their pull "
    "request, and your repositories are no longer synced."
)


def settings() -> rx.Component:
    """The page."""
    drawn = {
        "profile": _profile,
        "defaults": _defaults,
        "appearance": appearance,
        "notifications": _notifications,
        "sessions": sessions,
        "tokens": tokens,
        "keys": provider_keys,
        "github": _github,
        "account": _account,
    }
    return shell(
        theme.part(
            "settings-page",
            theme.words("title", "Settings", tag="h1"),
            theme.part(
                "settings-nav",
                *[theme.anchor(name, place) for place, name, _ in _SECTIONS],
                tag="nav",
                aria_label="Sections of this page",
            ),
            theme.part("settings-body", *[_section(*one, drawn[one[0]]()) for one in _SECTIONS]),
        ),
        at=routes.SETTINGS,
    )


def _section(place: str, name: str, sentence: str, content: rx.Component) -> rx.Component:
    """A section under its name; beside the name it says that a change was taken, below it why one was not."""
    said = SettingsPage.said
    is_here = said.section == place
    return theme.part(
        "section",
        theme.part(
            "section-head",
            theme.plain("h2", name),
            theme.plain(
                "span",
                rx.cond(is_here & ~said.is_bad & (said.text != ""), rx.fragment(theme.icon("check", 14), said.text)),
                role="status",
            ),
        ),
        theme.words("aside", sentence, tag="p") if sentence else None,
        rx.cond(is_here & said.is_bad, theme.notice(said.text, tone="bad", icon_name="circle-alert")),
        content,
        tag="section",
        id=place,
        aria_label=name,
    )


def _profile() -> rx.Component:
    person = SettingsPage.profile
    return theme.part(
        "list",
        theme.part(
            "entry",
            theme.avatar(person.avatar_url, person.name),
            theme.grow(
                theme.words("strong", person.name, tag="p", trunc=True),
                theme.words("tiny", person.email, tag="p", trunc=True),
            ),
            theme.pill(person.tier, tone="line"),
            theme.pill(person.role, tone="line"),
        ),
        theme.part(
            "entry",
            theme.grow(
                theme.words("strong", "Login", tag="p"),
                theme.words("tiny", "from GitHub", tag="p"),
            ),
            theme.outward(person.login, href=person.github_url),
        ),
    )


def _defaults() -> rx.Component:
    chosen = Preferred.defaults

    def choose(name: str) -> Any:
        return lambda value: Preferred.choose(name, value)

    return rx.cond(
        Preferred.is_read,
        theme.part(
            "list",
            theme.setting(
                "Model",
                theme.select_from(Preferred.models, value=chosen.model_id, on_change=choose("model_id")),
            ),
            theme.setting(
                "Type of task",
                theme.select(
                    [(one.value, one.label) for one in TYPE_OPTIONS],
                    value=chosen.task_type,
                    on_change=choose("task_type"),
                ),
            ),
            theme.setting(
                "Priority",
                theme.select(
                    [(one.value, one.label) for one in PRIORITY_OPTIONS],
                    value=chosen.priority,
                    on_change=choose("priority"),
                ),
            ),
            theme.setting(
                "Effort",
                theme.select(
                    [(one.value, one.label) for one in EFFORT_OPTIONS],
                    value=chosen.effort,
                    on_change=choose("effort"),
                ),
                "How hard a model thinks that can be told so.",
            ),
            theme.setting(
                "Who can read a new task",
                theme.select(VISIBILITIES, value=chosen.visibility, on_change=choose("visibility")),
                "Each task's menu can change it.",
            ),
        ),
        theme.skeleton(4),
    )


def _notifications() -> rx.Component:
    return theme.stack(
        theme.part(
            "list",
            theme.part(
                "ticks",
                theme.plain("span", "When"),
                theme.plain("span", "Dashboard"),
                theme.plain("span", "Browser"),
            ),
            rx.foreach(Preferred.told, _told),
        ),
        browser_leave(),
    )


def _told(item: rx.Var[settings_items.ToldItem]) -> rx.Component:
    def tick(where: str, channel: Channel, is_on: Any) -> rx.Component:
        return theme.tick(
            item.label + where,
            checked=is_on,
            on_change=lambda is_wanted: Preferred.tell(item.kind, channel.value, is_wanted),
        )

    return theme.part(
        "ticks",
        theme.plain("span", theme.words("strong", item.label), theme.words("aside", item.note)),
        tick(", in the dashboard", Channel.APP, item.app),
        tick(", by the browser", Channel.BROWSER, item.browser),
        key=item.kind,
    )


def _github() -> rx.Component:
    person = SettingsPage.profile
    return theme.part(
        "list",
        theme.part(
            "entry parts",
            theme.grow(
                theme.words(
                    "strong",
                    rx.cond(person.is_connected, "Connected to " + person.github, "Not connected"),
                    tag="p",
                ),
                theme.words(
                    "tiny",
                    rx.cond(
                        person.is_connected,
                        "Branches, pushes and pull requests are made with your access.",
                        "New tasks cannot start until you connect GitHub again.",
                    ),
                    tag="p",
                ),
                rx.cond(person.rights != "", theme.words("tiny", person.rights, tag="p")),
                rx.cond(
                    person.apps_url != "",
                    theme.words("tiny", theme.outward("What you allowed, on GitHub", href=person.apps_url), tag="p"),
                ),
            ),
            rx.cond(
                person.is_connected,
                theme.confirm_button(
                    "Disconnect",
                    title="Disconnect GitHub?",
                    note=_DISCONNECTING,
                    action="Disconnect",
                    on_confirm=Access.disconnect_github,
                ),
                theme.link_button("Connect GitHub", href=routes.sign_in(routes.SETTINGS), variant="primary"),
            ),
        ),
    )


def _account() -> rx.Component:
    login = SettingsPage.profile.login
    return theme.part(
        "list",
        theme.part(
            "entry parts",
            theme.grow(
                theme.words("strong", "Delete your account", tag="p"),
                theme.words("tiny", "Erases what is yours here. It cannot be undone.", tag="p"),
            ),
            theme.confirm_button(
                "Delete account",
                title="Delete your account?",
                note=_LEAVING,
                action="Delete account",
                variant="danger",
                typed=login,
                on_confirm=Access.delete_account(login),
            ),
        ),
    )
