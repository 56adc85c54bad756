"""What the settings page holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from asynccoder_ui.views import Option, iso
from backend.models import User
from backend.services import catalog
from backend.services.api_tokens import TokenRow
from backend.services.news import NewsKind
from backend.services.preferences import Channel, Notify, Preferences
from backend.services.provider_keys import NAMES, PROVIDERS, KeyRow
from backend.services.sessions import SessionRow
from backend.settings import Settings

_TOLD = {
    NewsKind.DONE: ("A task is done", "It opened a pull request, answered, or ended without a change."),
    NewsKind.FAILED: ("A task failed", "With the reason, and a way to try again."),
    NewsKind.NEEDS_YOU: ("A task needs you", "It waits for an answer."),
    NewsKind.BUDGET: ("A task's budget runs out", "At 80 %, and when it is used up: add, finish now, or stop."),
}


@dataclass(frozen=True)
class Said:
    """What became of the last change, told in its section."""

    section: str = ""
    text: str = ""
    is_bad: bool = False


@dataclass(frozen=True)
class Profile:
    """The person as GitHub tells of them, and what the operator made of them."""

    name: str = ""
    login: str = ""
    avatar_url: str = ""
    email: str = ""
    tier: str = ""
    role: str = ""
    github: str = ""
    github_url: str = ""
    apps_url: str = ""
    is_connected: bool = True
    rights: str = ""


@dataclass(frozen=True)
class Defaults:
    """What the composer begins with; empty: whatever is usual."""

    model_id: str = ""
    task_type: str = ""
    priority: str = ""
    effort: str = ""
    visibility: str = ""


@dataclass(frozen=True)
class ToldItem:
    """An event, and where it is told."""

    kind: str
    label: str
    note: str
    app: bool
    browser: bool


@dataclass(frozen=True)
class SessionItem:
    """A signed-in browser: when it was last seen, and the day it signed in."""

    id: str
    browser: str
    seen_at: str
    since: str
    is_this: bool


@dataclass(frozen=True)
class TokenItem:
    """An API token; `used_at` is empty for one that never was."""

    id: str
    name: str
    prefix: str
    scope: str
    used_at: str
    end: str


@dataclass(frozen=True)
class KeyItem:
    """A provider, and the person's key for it, if there is one. `via`: the proxy that the operator put before it."""

    provider: str
    name: str
    has_key: bool
    hint: str
    tested_at: str
    via: str


def profile(user: User, settings: Settings) -> Profile:
    """The profile's section."""
    return Profile(
        name=user.name,
        login=user.username,
        avatar_url=user.avatar_url or "",
        email=user.email or "",
        tier=user.subscription_tier,
        role="admin" if user.is_admin else "member",
        github="the demo's GitHub" if settings.is_demo else urlsplit(settings.github_url).netloc,
        github_url=f"{settings.github_url}/{user.username}",
        apps_url="" if settings.is_demo else f"{settings.github_url}/settings/applications",
        is_connected=user.is_github_connected,
        rights=rights(user),
    )


def rights(user: User) -> str:
    """What GitHub lets us do in their name; a GitHub App's tokens have no scopes, for its permissions are the app's."""
    if not user.is_github_connected:
        return ""
    if user.github_scopes:
        return f"Scopes: {', '.join(user.github_scopes.split())}."
    return "With the permissions of the GitHub App." if user.github_refresh_token else ""


def defaults(chosen: Preferences) -> Defaults:
    """The defaults as the selects hold them."""
    return Defaults(
        model_id=str(chosen.model_id or ""),
        task_type=chosen.task_type.value,
        priority=chosen.priority.value,
        effort=chosen.effort.value if chosen.effort else "",
        visibility=chosen.visibility.value,
    )


def model_options(models: list[catalog.ModelChoice], chosen: str) -> list[Option]:
    """The models that can be used, and the chosen one even where it cannot be used now."""
    listed = [Option("", "The first that can be used")]
    for model in models:
        if model.is_available or str(model.id) == chosen:
            end = " · your key" if model.own_key else "" if model.is_available else " · cannot be used now"
            listed.append(Option(str(model.id), f"{model.display_name}{end}"))
    return listed


def told_items(notify: Notify) -> list[ToldItem]:
    """The notifications' rows."""
    return [
        ToldItem(kind.value, label, note, notify.wants(kind, Channel.APP), notify.wants(kind, Channel.BROWSER))
        for kind, (label, note) in _TOLD.items()
    ]


def session_item(row: SessionRow) -> SessionItem:
    """A line of the sessions."""
    return SessionItem(str(row.id), row.browser, iso(row.last_seen_at), _date(row.started_at), row.is_this)


def token_item(row: TokenRow) -> TokenItem:
    """A line of the API tokens."""
    end = f"expires {_date(row.expires_at)}" if row.expires_at else "never expires"
    return TokenItem(str(row.id), row.name, f"{row.prefix}…", row.scope.value, iso(row.last_used_at), end)


def key_items(rows: list[KeyRow], settings: Settings) -> list[KeyItem]:
    """Every provider that takes people's own keys."""
    by_provider = {row.provider: row for row in rows}
    return [_key_item(provider, by_provider.get(provider), settings) for provider in PROVIDERS]


def _key_item(provider: str, row: KeyRow | None, settings: Settings) -> KeyItem:
    base_url = settings.provider_base_url(provider)
    return KeyItem(
        provider=provider,
        name=NAMES[provider],
        has_key=row is not None,
        hint=row.hint if row else "",
        tested_at=iso(row.tested_at) if row else "",
        via=urlsplit(base_url).netloc if base_url else "",
    )


def _date(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"
