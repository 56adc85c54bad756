"""Writing an act down beside the same transaction without it, and verifying beside only fetching."""

import time
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.services import audit, audit_chain
from backend.services.audit_chain import GENESIS, Content
from backend.words import Act, ObjectKind
from benchmarks.measure import empty_database, seconds_each, show

TIMES = 500
ROWS = 100_000
BOB = audit.Actor(uuid4(), "bob", "192.0.2.7")
TOKEN = audit.Object(ObjectKind.TOKEN, str(uuid4()), "laptop")


def main() -> None:
    """Both, on an empty database."""
    with empty_database():
        with db.transaction() as session:
            session.execute(text("CREATE TABLE bare (id bigserial PRIMARY KEY, words text)"))
        bare = seconds_each(_act, TIMES)
        written = seconds_each(lambda: _act(is_written=True), TIMES)
        show("an act: one INSERT and its commit", bare)
        show("the same act, written down", written, bare)
        _fill()
        _verify()


def _act(*, is_written: bool = False) -> None:
    with db.transaction() as session:
        session.execute(text("INSERT INTO bare (words) VALUES ('an act')"))
        if is_written:
            audit.record(session, Act.TOKEN_MADE, BOB, TOKEN, scope="read", expires_at="2026-01-31T09:30:00+00:00")


def _fill() -> None:
    """Goes on with the chain up to ROWS rows, in one transaction: only their contents count here."""
    with db.transaction() as session:
        head = session.execute(text("SELECT seq, hash FROM audit_head")).one()
        last, rows = head.hash or GENESIS, []
        for seq in range(head.seq + 1, ROWS + 1):
            content = Content(
                datetime.now(UTC), BOB.user_id, "bob", "token_made", *("token", TOKEN.id, "laptop"), "", {}
            )
            before, last = last, audit_chain.digest_of(seq, content, last)
            rows.append({**content._asdict(), "details": "{}", "seq": seq, "previous": before, "hash": last})
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        session.execute(text(f"INSERT INTO audit_log ({names}) VALUES ({values})"), rows)
        session.execute(text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": ROWS, "hash": last})


def _verify() -> None:
    with db.transaction() as session:
        began = time.perf_counter()
        _fetch(session)
        fetched = time.perf_counter()
        found = audit_chain.verify(session)
        verified = time.perf_counter()
    if found.rows != ROWS or found.fault is not None:
        raise RuntimeError(f"the chain of the benchmark is not in order: {found}")
    for name, seconds in (("fetched", fetched - began), ("verified", verified - fetched)):
        print(f"  {ROWS:,} rows {name:<28} {seconds:8.2f} s   {ROWS / seconds:10,.0f} rows/s")
    print(f"  verifying is {(verified - fetched) / (fetched - began):.1f} × fetching")


def _fetch(session: Session) -> None:
    after = 0
    statement = text("SELECT * FROM audit_log WHERE seq > :after ORDER BY seq LIMIT :batch")
    while rows := session.execute(statement, {"after": after, "batch": audit_chain.BATCH}).all():
        after = rows[-1].seq


if __name__ == "__main__":
    main()
