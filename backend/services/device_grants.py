"""How a program on somebody's machine gets a token: it shows a code, and they confirm it in the dashboard (RFC 8628).

What the program holds is secret and kept as a hash; what the person types is short, lives for fifteen minutes, and is
good for nothing without them.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, delete, select

from backend import clock, crypto
from backend.db import for_update
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound
from backend.models import DeviceGrant, User
from backend.services import api_tokens, audit
from backend.services.api_tokens import MAX_NAME, Scope
from backend.words import Act, ObjectKind

SECONDS = 900
INTERVAL = 5  # seconds between two questions of a program
SLOWER = 5  # seconds more after each that came too soon: RFC 8628, section 3.5
TOKEN_DAYS = 90
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no word comes of them: section 6.1
_LENGTH = 8
_NOT_WAITING = "No program waits with this code. It may have expired: start again where you came from."


class Refused(StrEnum):
    """What a program that asks for its token is told instead, in the RFC's words."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    DENIED = "access_denied"
    EXPIRED = "expired_token"
    UNKNOWN = "invalid_grant"


@dataclass(frozen=True)
class Begun:
    """What the program keeps, and what it shows."""

    device_code: str
    user_code: str


@dataclass(frozen=True)
class Granted:
    """The token, told once."""

    token: str
    scope: Scope


@dataclass(frozen=True)
class Asking:
    """Who asks, as the person sees it before they confirm."""

    user_code: str
    name: str
    address: str
    scope: Scope
    asked_at: datetime


def begin(session: Session, name: str, address: str, scope: Scope) -> Begun:
    """Opens a question that somebody may answer for fifteen minutes. Raises InvalidInput."""
    if scope is Scope.ADMIN:
        raise InvalidInput("A program may ask for read or write.", field="scope")
    session.execute(delete(DeviceGrant).where(col(DeviceGrant.expires_at) < clock.now() - timedelta(days=1)))
    device_code = crypto.new_token()
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    session.add(
        DeviceGrant(
            device_hash=crypto.digest(device_code),
            user_code=letters,
            name=_clean(name) or "A program",
            address=address,
            scope=scope,
            interval=INTERVAL,
            expires_at=clock.now() + timedelta(seconds=SECONDS),
        )
    )
    session.flush()
    return Begun(device_code, _shown(letters))


def poll(session: Session, device_code: str, *, address: str = audit.UNKNOWN) -> Granted | Refused:
    """The token once it was confirmed, told once; until then why not. One question at a time."""
    found = session.exec(
        for_update(select(DeviceGrant).where(DeviceGrant.device_hash == crypto.digest(device_code)))
    ).first()
    if found is None or found.used_at is not None:
        return Refused.UNKNOWN
    if found.expires_at <= clock.now():
        return Refused.EXPIRED
    if found.is_allowed is False:
        return Refused.DENIED
    if found.is_allowed is None:
        return _wait(session, found)
    user = session.get_one(User, found.user_id)
    if user.is_shut_out:
        return Refused.DENIED
    try:
        with session.begin_nested():
            _, token = api_tokens.create(session, user, found.name, Scope(found.scope), TOKEN_DAYS, address=address)
    except (Conflict, Forbidden):  # they have as many as one may have by now
        return Refused.DENIED
    found.used_at = clock.now()
    session.add(found)
    return Granted(token, Scope(found.scope))


def asking(session: Session, user_code: str) -> Asking:
    """Who waits with this code, however it was typed. Raises NotFound."""
    found = _waiting(session, user_code)
    return Asking(_shown(found.user_code), found.name, found.address, Scope(found.scope), found.created_at)


def answer(session: Session, user: User, user_code: str, *, allow: bool, address: str = audit.UNKNOWN) -> None:
    """Confirms or refuses for this person; it is answered once. Raises NotFound, Conflict where no token is left."""
    found = _waiting(session, user_code)
    if allow and len(api_tokens.listing(session, user)) >= api_tokens.MOST:
        raise Conflict(f"You have {api_tokens.MOST} tokens. Revoke one in Settings, then confirm again.")
    found.user_id, found.is_allowed = user.id, allow
    session.add(found)
    act = Act.DEVICE_ALLOWED if allow else Act.DEVICE_REFUSED
    program = audit.Object(ObjectKind.DEVICE, str(found.id), found.name)
    audit.record(session, act, audit.by(user, address), program, scope=found.scope, asked_from=found.address)


def _wait(session: Session, found: DeviceGrant) -> Refused:
    now = clock.now()
    is_early = found.polled_at is not None and now - found.polled_at < timedelta(seconds=found.interval)
    found.polled_at = now
    found.interval += SLOWER if is_early else 0
    session.add(found)
    return Refused.SLOW_DOWN if is_early else Refused.PENDING


def _waiting(session: Session, user_code: str) -> DeviceGrant:
    letters = "".join(letter for letter in user_code.upper() if letter.isalnum())
    found = session.exec(
        for_update(
            select(DeviceGrant).where(
                DeviceGrant.user_code == letters,
                col(DeviceGrant.is_allowed).is_(None),
                col(DeviceGrant.expires_at) > clock.now(),
            )
        )
    ).first()
    if found is None:
        raise NotFound(_NOT_WAITING)
    return found


def _shown(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"


def _clean(name: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in name).split())[:MAX_NAME].strip()
