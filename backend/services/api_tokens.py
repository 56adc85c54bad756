"""Bearer tokens for the REST API: shown once, kept as a hash, with a scope and an end.

A token is `acd_`, 43 random characters, and six that check those before them, so that what was mistyped, cut or made up
is told without a question to the database, and scanners find ours. After GitHub's, "Behind GitHub's new authentication
token formats".
"""

import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import String, bindparam, cast, exists, literal_column
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from backend import clock, crypto
from backend.db import for_update, lock
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound, SignedOut
from backend.models import ApiToken, AuditEntry, User
from backend.services import audit
from backend.services.sessions import tell_signed_out
from backend.words import Act, ObjectKind

MARK = "acd_"  # what a token begins with, so that people and scanners know one when they see it
MOST = 20
MAX_NAME = 60
DAYS = (30, 90, 365)
_SHOWN = len(MARK) + 6  # of 43 random characters, six give nothing away
_LENGTH = len(MARK) + 43
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKS = 6  # digits to the base 62 that hold 32 bits
# last_used_at is written at most this often, so that reading over the API does not cost a write.
USED_EVERY = timedelta(minutes=5)
# From one address, the use of a token is written into the audit log this often.
NOTED_EVERY = timedelta(days=1)


class Scope(StrEnum):
    """What a token may do: look, or also start and steer tasks, or also what only admins may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def reaches(self, wanted: "Scope") -> bool:
        """Whether it is enough for what wants that scope: each includes the ones before it."""
        order = list(Scope)
        return order.index(self) >= order.index(wanted)


@dataclass(frozen=True)
class Bearer:
    """Whose token it is, what it may do now, and from where: `admin` lasts as long as the person is one."""

    user: User
    token_id: UUID
    scope: Scope
    expires_at: datetime | None
    address: str = audit.UNKNOWN


@dataclass(frozen=True)
class TokenRow:
    """A live token as its owner recognises it. `expires_at` None: never."""

    id: UUID
    name: str
    prefix: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


def create(
    session: Session,
    user: User,
    name: str,
    scope: Scope,
    days: int | None,
    *,
    maker: Bearer | None = None,
    address: str = audit.UNKNOWN,
) -> tuple[TokenRow, str]:
    """Makes a token that ends after so many days, or never. Returns it with its text, which nobody sees again.

    One that is made with another token, its `maker`, may do no more than that one and lasts no longer. Raises
    InvalidInput, Forbidden for a scope that is not the person's to give, Conflict where they have twenty already,
    SignedOut where the account was deleted meanwhile.
    """
    if scope is Scope.ADMIN and not user.is_admin:
        raise Forbidden("Only an admin's token can have the scope admin.")
    if maker is not None and not maker.scope.reaches(scope):
        raise Forbidden(f"A token with the scope {maker.scope.value} cannot make one with the scope {scope.value}.")
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(f"Give the token a name of at most {MAX_NAME} characters.", field="name")
    if days is not None and days not in DAYS:
        raise InvalidInput("A token ends after 30, 90 or 365 days, or never.", field="days")
    # Under the person's lock: of two requests at once, one counts the other's token.
    if lock(session, User, user.id).deleted_at is not None:
        raise SignedOut("This account was deleted.")
    if len(session.exec(_live(user)).all()) >= MOST:
        raise Conflict(f"{MOST} tokens are live already. Revoke one that nobody uses.")
    ends = [clock.now() + timedelta(days=days)] if days else []
    if maker is not None and maker.expires_at is not None:
        ends.append(maker.expires_at)
    text = _checked(MARK + crypto.new_token())
    row = ApiToken(
        user_id=user.id,
        name=name,
        prefix=text[:_SHOWN],
        token_hash=crypto.digest(text),
        scope=scope,
        expires_at=min(ends, default=None),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    ends_at = row.expires_at.isoformat() if row.expires_at else None
    audit.record(session, Act.TOKEN_MADE, audit.by(user, address), _object(row), scope=scope.value, expires_at=ends_at)
    return _row(row), text


def listing(session: Session, user: User) -> list[TokenRow]:
    """The person's live tokens, newest first."""
    return [_row(row) for row in session.exec(_live(user).order_by(col(ApiToken.created_at).desc()))]


def revoke(session: Session, user: User, token_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Ends a token at once; twice is once. Raises NotFound."""
    row = session.exec(for_update(select(ApiToken).where(ApiToken.id == token_id))).first()
    if row is None or row.user_id != user.id:
        raise NotFound("There is no such token.")
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        session.add(row)
        audit.record(session, Act.TOKEN_REVOKED, audit.by(user, address), _object(row))
    tell_signed_out(session, user.id)


def is_one(text: str) -> bool:
    """Whether it can be a token of ours: its last characters fit those before."""
    return text.isascii() and text.startswith(MARK) and secrets.compare_digest(text, _checked(text[:_LENGTH]))


def bearer(session: Session, text: str, *, address: str | None = None) -> Bearer:
    """Whose token this is and what it may do. Raises SignedOut for one that is unknown, revoked or over, and for a
    person who is disabled; what cannot be a token is not looked for.

    With an `address`, that the token is used from there is written into the audit log, once a day.
    """
    if not is_one(text):
        raise SignedOut("This is not a token of ours. Make one in Settings.")
    now, digest = clock.now(), crypto.digest(text)
    asked = {"hash": digest, "address": address or "", "since": now - NOTED_EVERY}
    is_known = address is None or _noted.get((digest, address), now) > now
    found = session.execute(_BY_HASH, asked).first() if is_known else session.execute(_WITH_USE, asked).first()
    if found is None:
        raise SignedOut("This token is not known. Make one in Settings.")
    row, user, is_noted = (*found, True) if is_known else found
    if row.revoked_at or user.is_shut_out:
        raise SignedOut("This token is no longer good. Make a new one in Settings.")
    if row.expires_at and row.expires_at <= now:
        raise SignedOut("This token has expired. Make a new one in Settings.")
    if address is not None and not is_known:
        _remember_or_note(session, user, row.id, asked, is_noted=is_noted)
    if row.last_used_at is None or now - row.last_used_at > USED_EVERY:
        row.last_used_at = now
        session.add(row)
    scope = Scope(row.scope)
    may = scope if user.is_admin else min(scope, Scope.WRITE, key=list(Scope).index)
    return Bearer(user, row.id, may, row.expires_at, address or audit.UNKNOWN)


# Made once: they are asked at every request, and making them takes as long as asking.
_IS_NOTED = exists().where(
    col(AuditEntry.act) == literal_column(f"'{Act.TOKEN_USED.value}'"),
    col(AuditEntry.object_id) == cast(col(ApiToken.id), String),
    col(AuditEntry.address) == bindparam("address"),
    col(AuditEntry.at) > bindparam("since"),
)
_IS_IT = col(User.id) == ApiToken.user_id, col(ApiToken.token_hash) == bindparam("hash")
_BY_HASH = select(ApiToken, User).where(*_IS_IT)
_WITH_USE = select(ApiToken, User, _IS_NOTED.correlate(ApiToken)).where(*_IS_IT)
# Tokens' digests and addresses that are in the log, and until when that is not looked up again.
_noted: dict[tuple[str, str], datetime] = {}
_MOST_NOTED, _REMEMBERED = 10_000, timedelta(minutes=10)


def _remember_or_note(session: Session, user: User, token_id: UUID, asked: dict[str, Any], *, is_noted: bool) -> None:
    """What the database has committed is remembered; what is written now may still be rolled back."""
    if not is_noted:
        _note_use(session, user, token_id, asked)
        return
    if len(_noted) >= _MOST_NOTED:
        _noted.clear()
    _noted[asked["hash"], asked["address"]] = clock.now() + _REMEMBERED


def _note_use(session: Session, user: User, token_id: UUID, asked: dict[str, Any]) -> None:
    """Of two first uses at once, the one that has the token's row first writes it down."""
    lock(session, ApiToken, token_id)
    row, _, is_noted = session.execute(_WITH_USE, asked).one()
    if not is_noted:
        audit.record(session, Act.TOKEN_USED, audit.by(user, str(asked["address"])), _object(row))


def _object(row: ApiToken) -> audit.Object:
    return audit.Object(ObjectKind.TOKEN, str(row.id), row.name)


def _checked(body: str) -> str:
    """The text with the digits that check it: its CRC-32 to the base 62."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return body + digits


def _live(user: User) -> SelectOfScalar[ApiToken]:
    return select(ApiToken).where(
        ApiToken.user_id == user.id,
        col(ApiToken.revoked_at).is_(None),
        or_(col(ApiToken.expires_at).is_(None), col(ApiToken.expires_at) > clock.now()),
    )


def _row(row: ApiToken) -> TokenRow:
    return TokenRow(row.id, row.name, row.prefix, Scope(row.scope), row.created_at, row.last_used_at, row.expires_at)
