"""The frame of every page, and the few pieces that all of them use."""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from backend.localhub import visitors
from backend.localhub.store import Account
from backend.localhub.web import Call

LABEL = "Local hub — a stand-in for GitHub on this machine"
# Lucide (ISC licence), the shapes alone.
_ICONS = {
    "open": '<circle cx="18" cy="18" r="3"/><circle cx="6" cy="6" r="3"/><path d="M13 6h3a2 2 0 0 1 2 2v7"/>'
    '<path d="M6 9v12"/>',
    "merged": '<circle cx="18" cy="18" r="3"/><circle cx="6" cy="6" r="3"/><path d="M6 21V9a9 9 0 0 0 9 9"/>',
    "closed": '<circle cx="12" cy="12" r="10"/><path d="m15 9-6 6"/><path d="m9 9 6 6"/>',
    "draft": '<path d="M21.174 6.812a1 1 0 0 0-3.986-3.987L3.842 16.174a2 2 0 0 0-.5.83l-1.321 4.352a.5.5 0 0 0 .623'
    '.622l4.353-1.32a2 2 0 0 0 .83-.497z"/><path d="m15 5 4 4"/>',
    "issue": '<circle cx="12" cy="12" r="10"/><circle cx="12" cy="12" r="1"/>',
    "branch": '<path d="M15 6a9 9 0 0 0-9 9V3"/><circle cx="18" cy="6" r="3"/><circle cx="6" cy="18" r="3"/>',
    "repository": '<path d="M18 19a5 5 0 0 1-5-5v8"/><path d="M9 20H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h3.9a2 2 0 0 1'
    ' 1.69.9l.81 1.2a2 2 0 0 0 1.67.9H20a2 2 0 0 1 2 2v5"/><circle cx="13" cy="12" r="2"/>'
    '<circle cx="20" cy="19" r="2"/>',
    "tree": '<path d="M20 20a2 2 0 0 0 2-2V8a2 2 0 0 0-2-2h-7.9a2 2 0 0 1-1.69-.9L9.6 3.9A2 2 0 0 0 7.93 3H4a2 2 0 0 0'
    '-2 2v13a2 2 0 0 0 2 2Z"/>',
    "blob": '<path d="M6 22a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2h8a2.4 2.4 0 0 1 1.704.706l3.588 3.588A2.4 2.4 0 0 1 20 8v12a2'
    ' 2 0 0 1-2 2z"/><path d="M14 2v5a1 1 0 0 0 1 1h5"/><path d="M10 9H8"/><path d="M16 13H8"/><path d="M16 17H8"/>',
    "waiting": '<circle cx="12" cy="12" r="10"/><path d="M12 6v6l4 2"/>',
    "delivered": '<circle cx="12" cy="12" r="10"/><path d="m16 9-5.5 5.5L8 12"/>',
    "failed": '<path d="m21.73 18-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3"/><path d="M12 9v4"/>'
    '<path d="M12 17h.01"/>',
    "commit": '<circle cx="12" cy="12" r="3"/><path d="M3 12h6"/><path d="M15 12h6"/>',
}


@dataclass(frozen=True)
class Html:
    """Text that is HTML already; what is not goes through `text` first."""

    source: str

    def __str__(self) -> str:
        return self.source


def markup(template: str, **values: Any) -> Html:
    """The template with its `{names}` filled: plain values escaped, Html and lists of Html as they are."""
    return Html(template.format(**{name: _filled(value) for name, value in values.items()}))


def _filled(value: Any) -> str:
    if isinstance(value, Html):
        return value.source
    if isinstance(value, list):
        return "".join(_filled(one) for one in value)
    return escape("" if value is None else str(value))


def icon(name: str) -> Html:
    """A small picture beside a word; it says nothing by itself."""
    return Html(
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        f' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{_ICONS[name]}</svg>'
    )


def pill(kind: str, words: str, tone: str = "") -> Html:
    """A state: picture, colour and word."""
    return markup('<span class="pill {tone}">{icon}{words}</span>', tone=tone, icon=icon(kind), words=words)


def avatar(account: Account, size: str = "") -> Html:
    """A person's round picture; their name stands beside it."""
    source = f"/avatars/{account.id}"
    return markup('<img class="avatar {size}" src="{source}" alt="" width="28" height="28">', size=size, source=source)


def csrf_field(call: Call) -> Html:
    """What makes a form ours."""
    token = visitors.csrf_token(call.hub, call.request)
    return markup('<input type="hidden" name="csrf" value="{token}">', token=token)


def shown_words(text: str) -> str:
    """What somebody wrote without its HTML comments, which GitHub does not show either."""
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def button_form(call: Call, action: str, label: str, look: str = "") -> Html:
    """One button that does one thing by POST."""
    return markup(
        '<form method="post" action="{action}">{csrf}<button class="button {look}">{label}</button></form>',
        action=action,
        csrf=csrf_field(call),
        label=label,
        look=look,
    )


def moment(text: str) -> Html:
    """A time as GitHub writes it, in a form that reads."""
    readable = f"{text[:10]} {text[11:16]} UTC"
    return markup('<time datetime="{exact}">{readable}</time>', exact=text, readable=readable)


def page(call: Call, title: str, content: Html, *, status: int = 200, is_narrow: bool = False) -> HTMLResponse:
    """A whole page, with the label that says what this is."""
    document = markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title} · Local hub</title>'
        '<link rel="icon" href="/_assets/favicon.svg"><link rel="stylesheet" href="/_assets/tokens.css">'
        '<link rel="stylesheet" href="/_assets/style.css"></head><body>'
        '<aside class="label" aria-label="What this is">{label}</aside>'
        '<header class="top"><a class="brand" href="/">local<b>hub</b></a>'
        '<a class="back" href="{app}">Async Coder</a><span class="grow"></span>{who}</header>'
        '<main class="{width}">{content}</main></body></html>',
        title=title,
        label=LABEL,
        app=call.hub.config.app_origin,
        who=_who(call),
        width="narrow" if is_narrow else "wide",
        content=content,
    )
    return HTMLResponse(document.source, status, _headers(call))


def _who(call: Call) -> Html:
    account = call.viewer.account
    if account is None:
        return Html('<a class="button" href="/login">Sign in</a>')
    return markup(
        '<a class="who" href="/{login}">{avatar}<span>{login}</span></a>{out}',
        login=account.login,
        avatar=avatar(account),
        out=button_form(call, "/logout", "Sign out", "quiet"),
    )


def _headers(call: Call) -> dict[str, str]:
    # Browsers apply form-action to where a form's answer redirects to: the authorize page leads back to the app.
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {call.hub.config.app_origin}"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
