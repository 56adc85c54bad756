"""The audit log as tests look at it, and what only a database's superuser could do to it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlmodel import col, select

from backend import db
from backend.models import AuditEntry
from backend.services import audit_chain
from backend.services.audit_chain import Verified

Tamper = Callable[..., None]


@pytest.fixture
def tamper(database: str, owner_url: str) -> Iterator[Tamper]:
    """Changes rows as a superuser who has switched the triggers off."""
    url = urlunsplit(urlsplit(owner_url)._replace(path=urlsplit(database).path))
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")

        def run(statement: str, *given: Any) -> None:
            assert owner.execute(statement.encode(), given).rowcount >= 1

        yield run


def rows() -> list[AuditEntry]:
    """The whole log, oldest first."""
    with db.transaction() as session:
        return list(session.exec(select(AuditEntry).order_by(col(AuditEntry.seq))))


def acts() -> list[str]:
    """What was done, oldest first."""
    return [row.act for row in rows()]


def verified(batch: int = 3) -> Verified:
    """What a look at the chain says, in small batches."""
    with db.transaction() as session:
        return audit_chain.verify(session, batch=batch)
