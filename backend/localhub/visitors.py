"""Who is calling: by token in the API and in git, by cookie on the pages. Only hashes of either are kept."""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import string
import time

from starlette.requests import Request

from backend.localhub.access import Installation, Level, Viewer
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused
from backend.localhub.store import Account, one, stamp

COOKIE = "hub_session"
_ALPHABET = string.ascii_letters + string.digits


def hashed(secret: str) -> str:
    """How a secret is kept: it is random, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token(db: sqlite3.Connection, account: Account, scopes: str, expires_at: float | None = None) -> str:
    """A user token of an OAuth app's shape; one that expires has a GitHub App's. `scopes` are separated by commas."""
    token = _random("ghu_" if expires_at else "gho_")
    values = (hashed(token), account.id, scopes, stamp(), expires_at)
    db.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?)", values)
    return token


def new_pair(db: sqlite3.Connection, account: Account, scopes: str, seconds: int) -> tuple[str, str]:
    """A token that lasts so long, and what renews it once."""
    token, renewing = new_token(db, account, scopes, time.time() + seconds), _random("ghr_")
    db.execute("INSERT INTO refresh VALUES (?, ?, ?, ?)", (hashed(renewing), hashed(token), account.id, scopes))
    return token, renewing


def renewed(db: sqlite3.Connection, renewing: str, seconds: int) -> tuple[str, str, str] | None:
    """A new pair and its scopes; the old token ends with what renewed it. None for one that is unknown or used."""
    query = "DELETE FROM refresh WHERE hash = ? RETURNING token_hash, account_id, scopes"
    row = db.execute(query, (hashed(renewing),)).fetchone()
    if row is None:
        return None
    db.execute("DELETE FROM token WHERE hash = ?", (row["token_hash"],))
    account = one(db, Account, "SELECT * FROM account WHERE id = ?", row["account_id"])
    assert account is not None
    return (*new_pair(db, account, row["scopes"], seconds), row["scopes"])


def new_installation_token(db: sqlite3.Connection, installation: Installation, seconds: int) -> str:
    """A token of the app's own."""
    token = _random("ghs_")
    allowed = json.dumps(sorted(installation.repository_ids))
    values = (hashed(token), installation.owner_id, allowed, installation.contents, time.time() + seconds)
    db.execute("INSERT INTO installation_token VALUES (?, ?, ?, ?, ?)", values)
    return token


def viewer_of_token(db: sqlite3.Connection, token: str) -> Viewer | None:
    """Whose token this is, None for one that is unknown or revoked."""
    if token.startswith("ghs_"):
        return _installed(db, token)
    query = "SELECT account.* FROM account JOIN token ON account.id = account_id WHERE hash = ?"
    account = one(db, Account, query + " AND coalesce(expires_at > ?, 1)", hashed(token), time.time())
    if account is None:
        return None
    scopes = db.execute("SELECT scopes FROM token WHERE hash = ?", (hashed(token),)).fetchone()[0]
    return Viewer(account, frozenset(filter(None, scopes.split(","))))


def _installed(db: sqlite3.Connection, token: str) -> Viewer | None:
    query = "SELECT * FROM installation_token WHERE hash = ? AND expires_at > ?"
    row = db.execute(query, (hashed(token), time.time())).fetchone()
    if row is None:
        return None
    contents: Level = row["contents"]
    return Viewer(installation=Installation(row["owner_id"], frozenset(json.loads(row["repository_ids"])), contents))


def api_viewer(db: sqlite3.Connection, request: Request) -> Viewer:
    """Who calls the API; nobody without credentials. Raises Refused (401) for bad ones."""
    header = request.headers.get("authorization")
    if header is None:
        return Viewer()
    scheme, _, rest = header.partition(" ")
    token = rest.strip() if scheme.lower() in ("bearer", "token") else _password(header)
    viewer = viewer_of_token(db, token) if token else None
    if viewer is None:
        raise Refused(401, "Bad credentials")
    return viewer


def git_viewer(db: sqlite3.Connection, request: Request) -> Viewer | None:
    """Who calls git: nobody without credentials, None for bad ones. The token is the password, the name is any."""
    header = request.headers.get("authorization")
    if header is None:
        return Viewer()
    token = _password(header)
    return viewer_of_token(db, token) if token else None


def page_viewer(db: sqlite3.Connection, request: Request) -> Viewer:
    """Who looks at a page."""
    query = "SELECT account.* FROM account JOIN session ON account.id = account_id WHERE hash = ?"
    return Viewer(one(db, Account, query, hashed(request.cookies.get(COOKIE, ""))))


def start_session(db: sqlite3.Connection, account: Account) -> str:
    """The value for the cookie of a browser that is signed in from now on."""
    session = secrets.token_urlsafe(32)
    db.execute("INSERT INTO session VALUES (?, ?, ?)", (hashed(session), account.id, stamp()))
    return session


def end_session(db: sqlite3.Connection, request: Request) -> None:
    """Signs this browser out."""
    db.execute("DELETE FROM session WHERE hash = ?", (hashed(request.cookies.get(COOKIE, "")),))


def csrf_token(hub: Hub, request: Request) -> str:
    """What a form of ours carries: bound to the browser's session, and to the hub's own secret."""
    bound = hashed(request.cookies.get(COOKIE, ""))
    return hmac.new(hub.config.client_secret.encode(), f"form:{bound}".encode(), hashlib.sha256).hexdigest()


def check_csrf(hub: Hub, request: Request, form: dict[str, str]) -> None:
    """Raises Refused (403) for a form that is not ours or of another session."""
    if not hmac.compare_digest(form.get("csrf", "").encode(), csrf_token(hub, request).encode()):
        raise Refused(403, "This form is out of date: load the page again")


def _random(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(36))


def _password(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
