"""What the app does in its own name, signed by its key: it asks for a token of an installation, cut down to its need.

Each owner has it installed, for all of their repositories; the installation's id is the owner's.
docs.github.com/en/rest/apps/apps, "Generating a JSON Web Token (JWT) for a GitHub App".
"""

import base64
import hmac
import json
import sqlite3
import time
from datetime import timedelta
from typing import Any

from backend import clock, rsa_keys
from backend.localhub import access, visitors
from backend.localhub.access import Installation, Level, Viewer
from backend.localhub.config import Config
from backend.localhub.refusals import Refused, not_found
from backend.localhub.rest.door import Answer
from backend.localhub.shapes.people import simple_user
from backend.localhub.store import Account, Repository, every, stamp
from backend.localhub.web import Call

TOKEN_SECONDS = 3600
_APP = 1  # below every account's id: its requests are counted by themselves
_LONGEST_JWT = 600  # seconds
_DRIFT = 60
_GRANTED = {
    "checks": "read",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
_RANK = {"read": 1, "write": 2}


def identify(db: sqlite3.Connection, call: Call) -> Viewer:
    """The app, by its JWT: an installation of nothing. Raises Refused (401)."""
    scheme, _, rest = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _is_ours(call.hub.config, rest.strip()):
        raise Refused(401, "A JSON web token could not be decoded")
    return Viewer(installation=Installation(_APP, frozenset(), "none"))


def installation(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/installation."""
    with call.hub.store.read() as db:
        owner = access.account_of_login(db, call.path["owner"])
        names = [one.name.lower() for one in _repositories(db, owner.id)] if owner else []
    if owner is None or call.path["name"].lower() not in names:
        raise not_found()
    return Answer(_shape(call.hub.config, owner))


def token(call: Call) -> Answer:
    """POST /app/installations/{installation_id}/access_tokens: at most what the app was granted."""
    wish = call.json()
    wanted = wish.get("permissions", _GRANTED)
    if not isinstance(wanted, dict) or not all(_may(name, level) for name, level in wanted.items()):
        raise Refused(422, "The permissions requested are not granted to this installation.")
    with call.hub.store.write() as db:
        owned = {one.id for one in _repositories(db, call.path["owner_id"])}
        if not owned:
            raise not_found()
        ids = wish.get("repository_ids", sorted(owned))
        if not isinstance(ids, list) or not all(isinstance(one, int) and one in owned for one in ids):
            words = "that does not exist or is not accessible to the parent installation."
            raise Refused(422, f"There is at least one repository {words}")
        contents: Level = wanted.get("contents", "none")
        made = visitors.new_installation_token(
            db, Installation(call.path["owner_id"], frozenset(ids), contents), TOKEN_SECONDS
        )
    answer = {
        "token": made,
        "expires_at": stamp(clock.now() + timedelta(seconds=TOKEN_SECONDS)),
        "permissions": {"metadata": "read", **wanted},
        "repository_selection": "selected" if "repository_ids" in wish else "all",
    }
    return Answer(answer, 201)


def _may(name: str, level: Any) -> bool:
    return isinstance(level, str) and level in _RANK and _RANK[level] <= _RANK.get(_GRANTED.get(name, ""), 0)


def _repositories(db: sqlite3.Connection, owner_id: int) -> list[Repository]:
    return every(db, Repository, "SELECT * FROM repository WHERE owner_id = ?", owner_id)


def _is_ours(config: Config, jwt: str) -> bool:
    """RFC 7519, with the bounds that GitHub sets: made at most a minute from now, good for at most ten minutes."""
    signed, _, signature = jwt.rpartition(".")
    try:
        head, claims = (json.loads(_bytes(part)) for part in signed.split("."))
        if head["alg"] != "RS256" or not rsa_keys.has_signed(config.app_key, _bytes(signature), signed.encode()):
            return False
        now, until = time.time(), int(claims["exp"])
        is_now = int(claims["iat"]) <= now + _DRIFT and now < until <= now + _LONGEST_JWT + _DRIFT
        return is_now and hmac.compare_digest(str(claims["iss"]).encode(), config.app_id.encode())
    except (ValueError, KeyError, TypeError):
        return False


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _shape(config: Config, owner: Account) -> dict[str, Any]:
    """`installation`."""
    return {
        "id": owner.id,
        "account": simple_user(config, owner),
        "repository_selection": "all",
        "access_tokens_url": f"{config.api_url}/app/installations/{owner.id}/access_tokens",
        "repositories_url": f"{config.api_url}/installation/repositories",
        "html_url": f"{config.base_url}/settings/installations/{owner.id}",
        "app_id": int(config.app_id),
        "app_slug": config.client_id,
        "target_id": owner.id,
        "target_type": owner.type,
        "permissions": _GRANTED,
        "events": [],
        "created_at": owner.created_at,
        "updated_at": owner.created_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }
