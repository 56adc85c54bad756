"""Sign-in with the hub, as GitHub's documentation describes it: "Authorizing OAuth apps".

One app is known, the one this hub belongs to, with one callback address. Refusals of the token endpoint are answers of
200 with an `error`: "Troubleshooting OAuth app access token request errors".
"""

import base64
import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from backend.localhub import access, visitors
from backend.localhub.config import Config
from backend.localhub.pages import sign_in
from backend.localhub.refusals import Refused, not_found
from backend.localhub.store import Account, flag
from backend.localhub.web import Call

CODE_SECONDS = 600
TOKEN_SECONDS, REFRESH_SECONDS = 28_800, 15_897_600  # eight hours, six months
EXPIRY = "token_seconds"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_TROUBLE = "/apps/managing-oauth-apps/troubleshooting-"
_AUTHORIZING, _TOKENS = "authorization-request-errors/", "oauth-app-access-token-request-errors/"
_SAYS = {
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
    "bad_verification_code": "The code passed is incorrect or expired.",
    "bad_refresh_token": "The refresh token passed is incorrect or expired.",
    "unsupported_grant_type": "The grant_type must be authorization_code or refresh_token.",
    "access_denied": "The user has denied your application access.",
    "invalid_request": "The code_challenge must be 43 characters with the code_challenge_method S256.",
}
# What GitHub grants to apps that ask for it; an unknown scope is dropped in silence, as GitHub does.
_SCOPES = ("repo", "public_repo", "read:org", "user", "read:user", "user:email", "write:repo_hook", "admin:repo_hook")


@dataclass(frozen=True)
class Wish:
    """What an app asks for when it sends a browser here."""

    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    challenge: str


def authorize(call: Call) -> Response:
    """GET: the page on which a person of the demo is picked."""
    wish = _wish(call.hub.config, dict(call.request.query_params))
    if isinstance(wish, Response):
        return wish
    with call.hub.store.read() as db:
        people = access.people(db)
    return sign_in.authorize_page(call, people, wish.scopes, dict(call.request.query_params))


def approve(call: Call) -> Response:
    """POST: that person says yes (or no), and the browser goes back with a code."""
    form = call.form()
    wish = _wish(call.hub.config, form)
    if isinstance(wish, Response):
        return wish
    if "cancel" in form:
        return _back(wish.redirect_uri, wish.state, "access_denied")
    code, scopes = secrets.token_hex(10), ",".join(wish.scopes)
    with call.hub.store.write() as db:
        person = access.account_of_login(db, form.get("login", ""))
        if person is None or person.type != "User":
            raise Refused(422, "There is no such person here")
        db.execute(
            "INSERT INTO code VALUES (?, ?, ?, ?, ?, ?)",
            (visitors.hashed(code), person.id, wish.redirect_uri, wish.challenge, scopes, time.time() + CODE_SECONDS),
        )
        session = visitors.start_session(db, person)
    state = {"state": wish.state} if wish.state else {}
    answer = RedirectResponse(f"{wish.redirect_uri}?{urlencode({'code': code} | state)}", 302)
    sign_in.set_cookie(answer, session)
    return answer


def access_token(call: Call) -> Response:
    """POST: a code becomes a token, once."""
    is_json = call.request.headers.get("content-type", "").startswith("application/json")
    try:
        given = {name: str(value) for name, value in (call.json() if is_json else call.form()).items()}
    except Refused as refusal:
        return JSONResponse(refusal.body, refusal.status)
    config = call.hub.config
    if not _same(given.get("client_id"), config.client_id) or not _same(
        given.get("client_secret"), config.client_secret
    ):
        return _told(call, _error("incorrect_client_credentials", _TOKENS))
    grant = given.get("grant_type", "authorization_code")
    if grant == "refresh_token":
        return _refreshed(call, given.get("refresh_token", ""))
    if grant != "authorization_code":
        return _told(call, _error("unsupported_grant_type", _TOKENS))
    with call.hub.store.write() as db:
        db.execute("DELETE FROM code WHERE expires_at < ?", (time.time(),))
        # Taken away by the first who comes with it, whatever else is wrong: a code is tried once.
        query = "DELETE FROM code WHERE hash = ? RETURNING account_id, redirect_uri, challenge, scopes"
        row = db.execute(query, (visitors.hashed(given.get("code", "")),)).fetchone()
        if row is None or not _proves(given.get("code_verifier", ""), row["challenge"]):
            word = "bad_verification_code"
        elif given.get("redirect_uri", row["redirect_uri"]) != row["redirect_uri"]:
            word = "redirect_uri_mismatch"
        else:
            return _told(call, _granted(db, access.account(db, row["account_id"]), row["scopes"]))
    return _told(call, _error(word, _TOKENS))


def _granted(db: sqlite3.Connection, account: Account, scopes: str) -> dict[str, str]:
    """A token for good, as an OAuth app's, or one of a GitHub App's pairs where the hub was told to expire them."""
    seconds = int(flag(db, EXPIRY, "0"))
    if not seconds:
        token = visitors.new_token(db, account, scopes)
        return {"access_token": token, "token_type": "bearer", "scope": scopes}
    return _pair(*visitors.new_pair(db, account, scopes, seconds), scopes, seconds)


def _refreshed(call: Call, renewing: str) -> Response:
    with call.hub.store.write() as db:
        seconds = int(flag(db, EXPIRY, "0")) or TOKEN_SECONDS
        made = visitors.renewed(db, renewing, seconds)
    if made is None:
        return _told(call, _error("bad_refresh_token", _TOKENS))
    return _told(call, _pair(*made, seconds))


def _pair(token: str, renewing: str, scopes: str, seconds: int) -> dict[str, str]:
    return {
        "access_token": token,
        "expires_in": str(seconds),
        "refresh_token": renewing,
        "refresh_token_expires_in": str(REFRESH_SECONDS),
        "token_type": "bearer",
        "scope": scopes,
    }


def _wish(config: Config, given: dict[str, str]) -> Wish | Response:
    """What is asked for, or the answer to what must not be. Raises Refused (404) for an app that is unknown."""
    if not _same(given.get("client_id"), config.client_id):
        raise not_found()
    redirect_uri, state = given.get("redirect_uri") or config.redirect_uri, given.get("state", "")
    if redirect_uri != config.redirect_uri:  # never to an address that nobody registered
        return _back(config.redirect_uri, state, "redirect_uri_mismatch")
    challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method", "")
    if (challenge or method) and not (method == "S256" and _CHALLENGE.fullmatch(challenge)):
        return _back(redirect_uri, state, "invalid_request")
    asked = given.get("scope", "").replace(",", " ").split()
    return Wish(redirect_uri, state, tuple(scope for scope in _SCOPES if scope in asked), challenge)


def _back(redirect_uri: str, state: str, word: str) -> Response:
    told = _error(word, _AUTHORIZING) | ({"state": state} if state else {})
    return RedirectResponse(f"{redirect_uri}?{urlencode(told)}", 302)


def _error(word: str, page: str) -> dict[str, str]:
    uri = f"{_TROUBLE}{page}#{word.replace('_', '-')}"
    return {"error": word, "error_description": _SAYS[word], "error_uri": uri}


def _told(call: Call, answer: dict[str, str]) -> Response:
    """As JSON for those who accept it, else as a form, which is GitHub's default."""
    headers = {"Cache-Control": "no-store"}
    if "json" in call.request.headers.get("accept", ""):
        return JSONResponse(answer, headers=headers)
    return PlainTextResponse(urlencode(answer), headers=headers, media_type="application/x-www-form-urlencoded")


def _proves(verifier: str, challenge: str) -> bool:
    """RFC 7636, section 4.6. A verifier for a code that was asked for without a challenge proves the wrong thing."""
    if not challenge:
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())
