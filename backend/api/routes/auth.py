"""Sign-in with GitHub, and sign-out: full page navigations, as a websocket's cookies are frozen at its handshake."""

import html
import json
import secrets
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from backend import db, log, rate_limit
from backend.api import deps
from backend.errors import AsyncCoderError, Forbidden, GitHubError, InvalidInput, TooMany
from backend.github import oauth
from backend.github.client import GitHub
from backend.github.types import Profile, Token
from backend.models import User
from backend.services import auth, repository_syncs, sessions
from backend.services.auth import SESSION_DAYS
from backend.settings import Settings, get_settings

router = APIRouter(prefix="/auth", include_in_schema=False)
_log = log.get(__name__)
# repo: private repositories and pushes; read:org: organisation repositories; user:email: the commit's author.
# GitHub's documentation: "Scopes for OAuth apps".
SCOPES = ("repo", "read:org", "user:email")
PENDING = "asynccoder_signin"
PENDING_SECONDS = 600
# Where the dashboard begins for whoever wanted nothing in particular.
START = "/home"
MAX_NEXT = 1000  # characters: it travels in a cookie, of which browsers keep about 4,000


@router.get("/sign-in")
def sign_in(next: str = START) -> Response:
    """Sends the browser to GitHub with state and a PKCE challenge, both bound to it by a sealed cookie."""
    settings = get_settings()
    start = oauth.authorization_url(
        github_url=settings.github_url, client_id=settings.client_id, redirect_uri=_callback(settings), scopes=SCOPES
    )
    pending = {"state": start.state, "verifier": start.verifier, "next": safe_next(next)}
    answer = RedirectResponse(start.url, status_code=303)
    answer.set_cookie(
        PENDING,
        _sealed(settings, pending),
        max_age=PENDING_SECONDS,
        httponly=True,
        samesite="lax",
        secure=settings.is_https,
        path="/auth",
    )
    return answer


def connection_url(user_id: UUID) -> str:
    """Where a person goes to (re)connect GitHub, within ten minutes, in any browser: the state itself, sealed, says
    whom it connects, and it connects nobody but the person whom GitHub then tells."""
    settings = get_settings()
    return oauth.authorization_url(
        github_url=settings.github_url,
        client_id=settings.client_id,
        redirect_uri=_callback(settings),
        scopes=SCOPES,
        state_of=lambda verifier: _sealed(settings, {"connects": str(user_id), "verifier": verifier}),
    ).url


@router.get("/callback")
def callback(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
    """Takes GitHub's answer: the state must be this browser's, the code works once. Then to where the person wanted."""
    settings, address = get_settings(), deps.address(request)
    try:
        rate_limit.take(rate_limit.SIGN_INS, address)
        if error:
            raise InvalidInput("The sign-in was not completed.")
        connecting = _opened(settings, state)
        if connecting and "connects" in connecting:
            return _connect(settings, connecting, code, address)
        pending = _pending(settings, request.cookies.get(PENDING, ""), state)
        profile, token, organisations = _exchange(settings, code, pending["verifier"])
        user, cookie = _let_in(profile, token, request.headers.get("user-agent", ""), organisations, address)
    except AsyncCoderError as refused:
        _log.info("a sign-in was refused", code=refused.code)
        return _refusal(refused, settings)
    _log.info("signed in", user_id=str(user.id))
    answer = RedirectResponse(pending["next"], status_code=303)
    answer.delete_cookie(PENDING, path="/auth")
    answer.set_cookie(
        settings.session_cookie,
        cookie,
        max_age=SESSION_DAYS * 86_400,
        httponly=True,
        samesite="lax",
        secure=settings.is_https,
        path="/",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Ends the session in the database and in the browser, and every page of it; twice is once."""
    deps.require_own_origin(request)
    settings = get_settings()
    token = request.cookies.get(settings.session_cookie)
    if token:
        with db.transaction() as session:
            user_id = auth.sign_out(session, token, address=deps.address(request))
            if user_id is not None:
                sessions.tell_signed_out(session, user_id)
    answer = RedirectResponse("/", status_code=303)
    answer.delete_cookie(settings.session_cookie, path="/", secure=settings.is_https, httponly=True, samesite="lax")
    return answer


def safe_next(wanted: str) -> str:
    """Where to go after sign-in: a path of ours, or the start page. Browsers read `//host` and `/\\host` as a host."""
    try:
        parts = urlsplit(wanted)
    except ValueError:  # such as an open bracket where a host would stand
        return START
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    has_controls = any(ord(character) < 0x20 or character == "\\" for character in wanted)
    is_usable = is_path and not has_controls and len(wanted) <= MAX_NEXT and not wanted.startswith("/auth/")
    return wanted if is_usable else START


def _callback(settings: Settings) -> str:
    return f"{settings.origin}/auth/callback"


def _pending_seal(settings: Settings) -> Fernet:
    return Fernet(settings.generated_key("sign-in-key", lambda: Fernet.generate_key().decode()))


def _sealed(settings: Settings, values: dict[str, str]) -> str:
    return _pending_seal(settings).encrypt(json.dumps(values).encode()).decode()


def _opened(settings: Settings, sealed: str) -> dict[str, str] | None:
    """What was sealed within the last ten minutes, None for anything else."""
    try:
        opened: dict[str, str] = json.loads(_pending_seal(settings).decrypt(sealed.encode(), ttl=PENDING_SECONDS))
    except (InvalidToken, ValueError):
        return None
    return opened


def _exchange(settings: Settings, code: str, verifier: str) -> tuple[Profile, Token, frozenset[str]]:
    token = oauth.exchange(
        github_url=settings.github_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        redirect_uri=_callback(settings),
        code=code,
        verifier=verifier,
    )
    with GitHub(settings.github_api_url, token.access_token) as github:
        return github.me(), token, github.organisations() if settings.allowed_orgs else frozenset()


def _let_in(
    profile: Profile, token: Token, user_agent: str, organisations: frozenset[str], address: str
) -> tuple[User, str]:
    """Signs the person in; who is refused is written down first."""
    try:
        with db.transaction() as session:
            user, cookie = auth.sign_in(session, profile, token, user_agent, organisations, address=address)
            repository_syncs.ask_if_stale(session, user.id)
            return user, cookie
    except Forbidden as refused:
        with db.transaction() as session:
            auth.note_refusal(session, profile, str(refused), address=address)
        raise


def _connect(settings: Settings, connecting: dict[str, str], code: str, address: str) -> Response:
    profile, token, organisations = _exchange(settings, code, connecting["verifier"])
    if not auth.is_allowed(profile.login, organisations):
        raise Forbidden("This deployment is limited to certain people. Ask its admin to add you.")
    user_id = UUID(connecting["connects"])
    with db.transaction() as session:
        auth.reconnect(session, user_id, profile, token, address=address)
        repository_syncs.ask(session, user_id)
    _log.info("connected GitHub", user_id=str(user_id))
    words = f"Async Coder can work on GitHub as {profile.login} again. You can close this page."
    return HTMLResponse(_page("GitHub is connected", words, '<a class="btn" href="/home">To the dashboard</a>'))


def _pending(settings: Settings, sealed: str, state: str) -> dict[str, str]:
    pending = _opened(settings, sealed)
    if pending is None or "state" not in pending:
        raise InvalidInput("This sign-in was started elsewhere or too long ago. Start it again.")
    if not secrets.compare_digest(pending["state"].encode(), state.encode(errors="replace")):
        raise InvalidInput("This sign-in does not belong to this browser. Start it again.")
    return pending


def _refusal(error: AsyncCoderError, settings: Settings) -> Response:
    # Server-drawn, with the dashboard's own stylesheet: it must be readable when nothing else works.
    status = 502 if isinstance(error, GitHubError) and error.status >= 500 else error.status
    ways = '<a class="btn primary" href="/auth/sign-in">Try again</a> <a class="btn" href="/">Back to the start</a>'
    told = {"Retry-After": str(error.retry_after), **error.headers} if isinstance(error, TooMany) else None
    answer = HTMLResponse(_page("Sign-in did not work", str(error), ways), status_code=status, headers=told)
    answer.delete_cookie(PENDING, path="/auth")
    return answer


def _page(title: str, words: str, ways: str) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Async Coder</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="stylesheet" href="/tokens.css">
<link rel="stylesheet" href="/asynccoder.css"></head><body><main class="empty">
<h1 class="title">{title}</h1><p>{html.escape(words)}</p><p>{ways}</p></main></body></html>"""
