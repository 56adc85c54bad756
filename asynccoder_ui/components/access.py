"""What may act in a person's name, on the settings page: browsers, API tokens, provider keys."""

import reflex as rx

from asynccoder_ui import settings_items, theme
from asynccoder_ui.components.react import ago, secret
from asynccoder_ui.settings_view import Access, SettingsPage
from backend.services import api_tokens

_SCOPES = [("write", "Read and write: start and steer tasks"), ("read", "Read only")]
_ADMIN_SCOPES = [*_SCOPES, ("admin", "All that an admin may")]
_ENDS = [("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("never", "Never")]


def sessions() -> rx.Component:
    """The signed-in browsers, and how to end the others."""
    return rx.cond(
        Access.is_listed,
        theme.stack(
            theme.part("list", rx.foreach(Access.sessions, _session), tag="ul"),
            rx.cond(
                Access.sessions.length() > 1,
                theme.row(
                    theme.confirm_button(
                        "Sign out all others",
                        title="Sign out everywhere else?",
                        note="Every browser but this one is signed out at once, and its pages close.",
                        action="Sign out all others",
                        on_confirm=Access.end_others,
                    )
                ),
            ),
        ),
        theme.skeleton(2),
    )


def tokens() -> rx.Component:
    """The live tokens, the one just made, and how to make one."""
    return rx.cond(
        Access.is_listed,
        theme.stack(
            rx.cond(Access.new_token != "", _new_token()),
            rx.cond(
                Access.tokens.length() > 0,
                theme.part("list", rx.foreach(Access.tokens, _token), tag="ul"),
            ),
            theme.row(_make_token(), theme.link_button("What they open", href="/api/docs")),
        ),
        theme.skeleton(2),
    )


def provider_keys() -> rx.Component:
    """One line a provider."""
    return rx.cond(Access.is_listed, theme.part("list", rx.foreach(Access.keys, _key), tag="ul"), theme.skeleton(2))


def _session(item: rx.Var[settings_items.SessionItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.icon("monitor"),
        theme.grow(
            theme.words("strong", item.browser, tag="p", trunc=True),
            theme.words(
                "tiny",
                rx.cond(
                    item.is_this,
                    "Signed in ",
                    rx.fragment("Last seen ", ago(at=item.seen_at, in_words=True), ", signed in "),
                ),
                item.since,
                tag="p",
            ),
        ),
        rx.cond(
            item.is_this,
            theme.pill("this browser"),
            theme.confirm_button(
                "Sign out",
                title="Sign this browser out?",
                note=item.browser + " is signed out at once, and its pages close.",
                action="Sign out",
                size="sm",
                on_confirm=Access.end_session(item.id),
            ),
        ),
        tag="li",
        key=item.id,
    )


def _new_token() -> rx.Component:
    return theme.card(
        theme.stack(
            theme.words("strong", Access.new_token_name, " is ready. Copy it now: it is not shown again.", tag="p"),
            secret(text=Access.new_token, label="The new token"),
            theme.row(theme.button("I have copied it", size="sm", on_click=Access.hide_token)),
        ),
        role="status",
        on_unmount=Access.hide_token,
    )


def _token(item: rx.Var[settings_items.TokenItem]) -> rx.Component:
    return theme.part(
        "entry parts",
        theme.grow(
            theme.row(
                theme.words("strong", item.name, trunc=True),
                theme.words("mono", item.prefix),
                theme.pill(item.scope, tone="line"),
                wrap=True,
            ),
            theme.words(
                "tiny",
                rx.cond(
                    item.used_at != "", rx.fragment("Last used ", ago(at=item.used_at, in_words=True)), "Never used"
                ),
                " · ",
                item.end,
                tag="p",
            ),
        ),
        theme.confirm_button(
            "Revoke",
            title="Revoke this token?",
            note="Whatever uses " + item.name + " is refused from now on. It cannot be undone.",
            action="Revoke",
            size="sm",
            on_confirm=Access.revoke_token(item.id),
        ),
        tag="li",
        key=item.id,
    )


def _make_token() -> rx.Component:
    return theme.dialog_button(
        [theme.icon("plus", 14), "New token"],
        theme.plain(
            "form",
            rx.el.input(type="hidden", name="made", value=Access.made, read_only=True),
            theme.part(
                "form",
                theme.form_row(
                    "Name",
                    theme.field(
                        name="name",
                        required=True,
                        auto_focus=True,
                        max_length=api_tokens.MAX_NAME,
                        auto_complete="off",
                        placeholder="Where it is used, such as laptop",
                    ),
                ),
                theme.form_row("It may", _scopes()),
                theme.form_row("It ends after", theme.select(_ENDS, name="days", default_value="90")),
                _refusal("tokens"),
                theme.part("dialog-foot", theme.button("Make token", variant="primary", type="submit")),
            ),
            on_submit=Access.make_token,
        ),
        title="New API token",
        done=Access.made,
        on_ask=SettingsPage.hush,
    )


def _scopes() -> rx.Component:
    return rx.cond(
        SettingsPage.profile.role == "admin",
        theme.select(_ADMIN_SCOPES, name="scope"),
        theme.select(_SCOPES, name="scope"),
    )


def _key(item: rx.Var[settings_items.KeyItem]) -> rx.Component:
    is_busy = Access.testing != ""
    return theme.part(
        "entry parts",
        theme.icon("key-round"),
        theme.grow(
            theme.words("strong", item.name, tag="p"),
            theme.words(
                "tiny", rx.cond(Access.testing == item.provider, "Asking the provider…", _tested(item)), tag="p"
            ),
        ),
        rx.cond(
            item.has_key,
            theme.row(
                theme.button("Test again", size="sm", disabled=is_busy, on_click=Access.test_key(item.provider)),
                _paste_key(item, "Replace"),
                theme.confirm_button(
                    "Remove",
                    title="Remove this key?",
                    note="Tasks that run on it end at their next call to the model. Later tasks cost credits, where "
                    "this deployment has a key of its own.",
                    action="Remove",
                    size="sm",
                    disabled=is_busy,
                    on_confirm=Access.remove_key(item.provider),
                ),
                wrap=True,
            ),
            _paste_key(item, "Add key"),
        ),
        tag="li",
        key=item.provider,
    )


def _tested(item: rx.Var[settings_items.KeyItem]) -> rx.Component:
    known = rx.fragment("…", item.hint, ", tested ", ago(at=item.tested_at, in_words=True))
    return rx.cond(Access.testing == item.provider, "Asking the provider…", rx.cond(item.has_key, known, "No key"))


def _paste_key(item: rx.Var[settings_items.KeyItem], label: str) -> rx.Component:
    return theme.dialog_button(
        [label],
        theme.plain(
            "form",
            # A form of a list cannot name its item in its event: it carries it.
            rx.el.input(type="hidden", name="provider", value=item.provider, read_only=True),
            theme.part(
                "form",
                theme.form_row(
                    "Key",
                    theme.field(
                        name="key",
                        type="password",
                        required=True,
                        auto_focus=True,
                        auto_complete="off",
                        spell_check=False,
                        max_length=500,
                    ),
                    "It is tried with one call of a few tokens, which the provider bills to you, and kept if that "
                    "works.",
                ),
                rx.cond(
                    item.via != "",
                    theme.notice(
                        "This deployment reaches " + item.name + " through " + item.via + ": your key passes there.",
                        tone="warn",
                        icon_name="triangle-alert",
                    ),
                ),
                _refusal("keys"),
                theme.part(
                    "dialog-foot",
                    theme.button(
                        rx.cond(Access.testing != "", "Asking the provider…", "Test and keep"),
                        variant="primary",
                        type="submit",
                        disabled=Access.testing != "",
                    ),
                ),
            ),
            on_submit=Access.keep_key,
            reset_on_submit=True,
        ),
        title=item.name + " key",
        size="sm",
        done=Access.kept,
        on_ask=SettingsPage.hush,
        disabled=Access.testing != "",
    )


def _refusal(section: str) -> rx.Component:
    said = SettingsPage.said
    return rx.cond(
        (said.section == section) & said.is_bad, theme.notice(said.text, tone="bad", icon_name="circle-alert")
    )
