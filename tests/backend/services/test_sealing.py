"""Keys are rotated while everything serves: nothing is unreadable, and the old key is needed by nothing afterwards."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from backend import crypto, db
from backend.cli import app
from backend.errors import Conflict
from backend.models import ProviderKey, RepositorySettings, User
from backend.services import idempotency, sealing
from backend.settings import get_settings
from tests.conftest import People

MANY = 5_000  # people with two tokens each
_FERNET = re.compile(r"gAAAAA[A-Za-z0-9_-]{60,}={0,2}")


def asynccoder(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def keys() -> list[str]:
    return (get_settings().data_dir / "keys" / "secret-key").read_text().split()


def put_new_first() -> None:
    get_settings().replace_key("secret-key", "\n".join([Fernet.generate_key().decode(), keys()[0]]))


def all_sealed() -> list[str]:
    """Every sealed text in the whole database, wherever it stands."""
    with db.transaction() as session:
        tables = session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = [row for table in tables for row in session.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()]
    return [found for row in rows for found in _FERNET.findall(row)]


def token_of(user_id: UUID, column: str = "github_access_token") -> str:
    with db.transaction() as session:
        user = session.get(User, user_id)
        assert user is not None
        return crypto.unseal(get_settings(), user_id, getattr(user, column) or "")


def one_of_each(people: People) -> None:
    settings = get_settings()
    with db.transaction() as session:
        alice = db.lock(session, User, people.alice.id)
        alice.github_refresh_token = crypto.seal(settings, alice.id, "ghr_alice")
        sealed = crypto.seal(settings, alice.id, "sk-alice")
        session.add(ProviderKey(user_id=alice.id, provider="openai", sealed_key=sealed, hint="lice"))
        kept = {
            name: {"sealed": crypto.seal(settings, people.shop, "hush " + name), "at": "2026-01-01"} for name in "AB"
        }
        session.add(RepositorySettings(repository_id=people.shop, secrets=kept))
        idempotency.keep(session, idempotency.Claim(alice.id, "POST /x", "k", "h"), idempotency.Answer(201, "{}", None))


@contextmanager
def meanwhile(*works: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Each work again and again in a thread of its own until the block ends; what they raised."""
    over, errors = threading.Event(), list[BaseException]()

    def go(work: Callable[[], None]) -> None:
        while not over.is_set():
            try:
                work()
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=go, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield errors
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_whatever_is_sealed_anywhere_in_the_database_is_sealed_anew(people: People) -> None:
    one_of_each(people)
    before = all_sealed()
    assert len(before) == 3 + 1 + 1 + 2 + 1
    assert "8 secrets were sealed anew" in asynccoder("keys", "rotate")
    new = Fernet(keys()[0])
    after = all_sealed()
    assert len(after) == len(before) and all(new.decrypt(sealed.encode()) for sealed in after)
    assert "No secret needs" in asynccoder("keys", "retire") and len(keys()) == 1
    assert token_of(people.alice.id, "github_refresh_token") == "ghr_alice"


def test_ten_thousand_tokens_are_sealed_anew_while_people_read_refresh_and_join(people: People) -> None:
    known: dict[UUID, str] = {}
    numbers = iter(range(10_000, 1_000_000))

    def join(count: int = 1) -> None:
        settings, fresh = get_settings(), {uuid4(): next(numbers) for _ in range(count)}
        rows = [
            {
                "id": id,
                "github_id": number,
                "username": f"p{number}",
                "access": crypto.seal(settings, id, f"gho_{number}"),
                "refresh": crypto.seal(settings, id, f"ghr_{number}"),
            }
            for id, number in fresh.items()
        ]
        with db.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO users (id, github_id, username, github_access_token, github_refresh_token,"
                    " is_github_connected) VALUES (:id, :github_id, :username, :access, :refresh, true)"
                ),
                rows,
            )
        known.update({id: f"gho_{number}" for id, number in fresh.items()})

    def read() -> None:
        token_of(random.choice(list(known)))

    def refresh() -> None:
        id = random.choice(first)
        with db.transaction() as session:
            user = db.lock(session, User, id)
            user.github_access_token = crypto.seal(get_settings(), id, f"gho_{time.monotonic_ns()}")
            session.flush()
            time.sleep(0.02)  # GitHub's answer
            known[id] = crypto.unseal(get_settings(), id, user.github_access_token)

    join(MANY)
    first = list(known)
    with meanwhile(read, read, refresh, refresh, join) as errors:
        asynccoder("keys", "rotate")
        time.sleep(0.5)
    assert errors == [] and len(known) > MANY
    settings = get_settings()
    for old_is_there in (True, False):
        if not old_is_there:
            asynccoder("keys", "retire")
        with db.transaction() as session:
            rows = session.exec(select(User)).all()
        opened = {row.id: crypto.unseal(settings, row.id, row.github_access_token or "") for row in rows}
        assert {id: opened[id] for id in known} == known and len(opened) == len(known) + 3
        refreshing = [
            crypto.unseal(settings, row.id, row.github_refresh_token or "") for row in rows if row.id in known
        ]
        assert len(refreshing) == len(known) and all(token.startswith("ghr_") for token in refreshing)
    assert len(keys()) == 1 and sealing.count(settings).other == 0


def test_what_is_sealed_with_the_old_key_and_committed_late_is_found(people: People) -> None:
    with db.transaction() as session:
        alice = db.lock(session, User, people.alice.id)
        alice.github_access_token = crypto.seal(get_settings(), alice.id, "gho_late")
        session.flush()
        rotation = threading.Thread(target=asynccoder, args=("keys", "rotate"))
        rotation.start()
        time.sleep(0.5)
        assert rotation.is_alive()
    rotation.join()
    assert sealing.count(get_settings()) == sealing.Count(first=3)
    assert token_of(people.alice.id) == "gho_late"


def test_a_row_that_somebody_holds_keeps_nobody_waiting_and_the_rotation_goes_on_later(people: People) -> None:
    put_new_first()
    with db.transaction() as session:
        db.lock(session, User, people.alice.id)
        with pytest.raises(Conflict):
            sealing.seal_again(get_settings(), patience=0.3)
        assert sealing.count(get_settings()) == sealing.Count(first=2, other=1)
    first = keys()[0]
    assert "going on" in asynccoder("keys", "rotate")
    assert keys()[0] == first and sealing.count(get_settings()) == sealing.Count(first=3)


def test_of_two_rotations_at_once_one_is_refused(people: People) -> None:
    with sealing.alone(), pytest.raises(Conflict):
        asynccoder("keys", "rotate")
    before = keys()
    asynccoder("keys", "rotate")
    assert keys()[1:] == before


def test_a_key_that_something_needs_is_not_removed(people: People) -> None:
    put_new_first()
    result = CliRunner().invoke(app, ["keys", "retire"])
    assert "still sealed" in str(result.exception) and len(keys()) == 2


def test_a_secret_that_no_key_opens_stays_as_it_is_and_keeps_the_others_from_nothing(people: People) -> None:
    lost = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    with db.transaction() as session:
        session.execute(text("UPDATE users SET github_access_token = :lost WHERE username = 'carol'"), {"lost": lost})
    assert "1 secrets open with none" in asynccoder("keys", "rotate")
    assert sealing.count(get_settings()) == sealing.Count(first=2, lost=1)
    assert lost in all_sealed()
