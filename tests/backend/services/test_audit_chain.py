"""The audit log is added to and nothing else; whatever else is done to it is found, and the row named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from backend import db
from backend.services import audit
from backend.services.audit import Actor, Object
from backend.services.audit_chain import GENESIS, Content, FaultKind, digest_of
from backend.words import Act, ObjectKind
from tests.auditing import Tamper, rows, verified

ALICE = Actor(None, "alice", "192.0.2.7")
KEY = Object(ObjectKind.TOKEN, "1", "laptop")


def write(count: int = 1, **details: audit.Detail) -> None:
    for number in range(count):
        with db.transaction() as session:
            audit.record(session, Act.TOKEN_MADE, ALICE, KEY, number=number, **details)


def rewritten(seq: int) -> str:
    """The hash that the row has as it stands now."""
    row = next(row for row in rows() if row.seq == seq)
    return digest_of(seq, Content(*(getattr(row, name) for name in Content._fields)), row.previous)


def test_a_chain_is_numbered_without_gaps_and_each_row_holds_the_one_before(database: str) -> None:
    assert (verified().rows, verified().hash, verified().fault) == (0, GENESIS, None)
    write(7)
    found = rows()
    assert [row.seq for row in found] == list(range(1, 8))
    assert [row.previous for row in found] == [GENESIS, *(row.hash for row in found[:-1])]
    assert len({row.hash for row in found}) == 7
    assert (verified().rows, verified().hash, verified().fault) == (7, found[-1].hash, None)


def test_whatever_postgresql_takes_reads_the_same_again(database: str) -> None:
    odd = "a\x00b \ud800 \u202e é \U0001f600 \\ \" ' , [ \n"
    with db.transaction() as session:
        audit.record(session, Act.TOKEN_MADE, Actor(None, odd, odd), Object(ObjectKind.TOKEN, odd, odd), b=odd, a=2**70)
        audit.record(session, Act.TOKEN_MADE, ALICE, KEY, flag=True, none=None, names=["é", odd], long="x" * 5000)
    assert verified().fault is None and len(rows()) == 2


def test_a_transaction_that_is_rolled_back_leaves_no_row_and_no_gap(database: str) -> None:
    write()
    with pytest.raises(ZeroDivisionError), db.transaction() as session:
        audit.record(session, Act.TOKEN_MADE, ALICE, KEY)
        raise ZeroDivisionError
    with pytest.raises(IntegrityError), db.transaction() as session:
        audit.record(session, Act.TOKEN_MADE, ALICE, KEY)
        db.before_commit(session, lambda: session.execute(text("INSERT INTO deployment VALUES (2, 'demo')")))
    write()
    assert [row.seq for row in rows()] == [1, 2] and verified().fault is None


def test_an_act_whose_row_cannot_be_written_does_not_happen(database: str, tamper: Tamper) -> None:
    write(2)
    tamper("UPDATE audit_head SET seq = 1")
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.execute(text("INSERT INTO deployment VALUES (1, 'demo')"))
        audit.record(session, Act.TOKEN_MADE, ALICE, KEY)
    with db.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM deployment")).scalar_one() == 0


def test_sixteen_at_once_make_one_chain(database: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: write(8), range(16)))
    found = verified(batch=50)
    assert (found.rows, found.fault) == (128, None)
    assert [row.seq for row in rows()] == list(range(1, 129))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET login = 'bob'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
    ],
)
def test_no_row_is_changed_or_taken_away(database: str, statement: str) -> None:
    write(2)
    with pytest.raises(IntegrityError, match="append-only"), db.transaction() as session:
        session.execute(text(statement))
    assert len(rows()) == 2 and verified().fault is None


@pytest.mark.parametrize(
    "column, value",
    [
        ("at", datetime.fromisoformat("2026-01-01T00:00:00+00:00")),
        ("user_id", "7a0e3b52-9f0c-4f0e-8a51-2d6f1c0b9e44"),
        ("login", "bob"),
        ("act", "sign_in"),
        ("object_kind", "person"),
        ("object_id", "2"),
        ("object_name", "laptop "),
        ("address", ""),
        ("details", '{"number": "3"}'),
        ("previous", GENESIS),
        ("hash", GENESIS),
    ],
)
@pytest.mark.parametrize("seq", [1, 4, 8])
def test_a_row_of_which_anything_was_changed_is_named(
    database: str, tamper: Tamper, column: str, value: object, seq: int
) -> None:
    if (column, seq) == ("previous", 1):
        value = "1" * 64
    write(8)
    tamper(f"UPDATE audit_log SET {column} = %s WHERE seq = %s", value, seq)
    found = verified()
    assert found.fault is not None and (found.fault.kind, found.fault.seq) == (FaultKind.CHANGED, seq)
    assert str(seq) in found.fault.sentence and found.rows == seq - 1


def test_words_that_moved_from_one_column_to_the_next_are_another_row(database: str, tamper: Tamper) -> None:
    write(2)
    tamper("UPDATE audit_log SET object_id = '', object_name = '1laptop' WHERE seq = 1")
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.CHANGED, 1)
    tamper("UPDATE audit_log SET object_id = '1', object_name = 'laptop' WHERE seq = 1")
    assert verified().fault is None


@pytest.mark.parametrize("gone, named", [("1", 1), ("4", 4), ("8", 8), ("3, 4, 5", 3), ("7, 8", 7)])
def test_a_row_that_was_taken_out_is_named_also_the_last(database: str, tamper: Tamper, gone: str, named: int) -> None:
    write(8)
    tamper(f"DELETE FROM audit_log WHERE seq IN ({gone})")
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.MISSING, named)


def test_rows_that_changed_places_are_named(database: str, tamper: Tamper) -> None:
    write(8)
    for before, after in ((3, 100), (6, 3), (100, 6)):
        tamper("UPDATE audit_log SET seq = %s WHERE seq = %s", after, before)
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.OUT_OF_ORDER, 3)
    assert "row 6" in fault.sentence


def test_a_row_with_a_fresh_hash_no_longer_holds_the_next(database: str, tamper: Tamper) -> None:
    write(8)
    tamper("UPDATE audit_log SET login = 'bob' WHERE seq = 4")
    tamper("UPDATE audit_log SET hash = %s WHERE seq = 4", rewritten(4))
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.UNLINKED, 5)


def test_the_head_disagrees_with_a_last_row_that_has_a_fresh_hash(database: str, tamper: Tamper) -> None:
    write(8)
    tamper("UPDATE audit_log SET login = 'bob' WHERE seq = 8")
    tamper("UPDATE audit_log SET hash = %s WHERE seq = 8", rewritten(8))
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.HEAD, 8)


@pytest.mark.parametrize(
    "statement, named",
    [
        ("DELETE FROM audit_head", 8),
        ("UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit_log WHERE seq = 7)", 8),
        ("UPDATE audit_head SET hash = repeat('0', 64)", 8),
    ],
)
def test_a_head_that_was_changed_or_taken_away_is_told(
    database: str, tamper: Tamper, statement: str, named: int
) -> None:
    write(8)
    tamper(statement)
    fault = verified().fault
    assert fault is not None and (fault.kind, fault.seq) == (FaultKind.HEAD, named)
