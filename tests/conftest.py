"""What every test may ask for: servers, an empty migrated database, and three people."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlmodel import Session, select
from xdist.scheduler import LoadFileScheduling

from backend import db, log, queue, redis
from backend.github.types import Profile, RemoteRepository, Token
from backend.models import AiModel, Repository, User
from backend.services import auth, catalog, repositories
from backend.settings import get_settings
from backend.workspace.checkout import workspaces_root
from tests.database import Database

pytest_plugins = ["tests.servers", "tests.hub", "tests.auditing"]
PROJECT = Path(__file__).resolve().parent.parent
# What the names of our settings begin with.
SETTINGS = ("ASYNCCODER_", "GITHUB_", "DATABASE_URL", "REDIS_URL", "ANTHROPIC_", "OPENAI_", "GEMINI_", "COMPATIBLE_")


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # it brings no types
    """A file's tests run in one process, and the browser tests in one too: they share a running product."""

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if _is_in_a_browser(nodeid) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_configure() -> None:
    """Logs are lines as in every process of ours: structlog's own way of drawing a traceback takes a second each."""
    log.configure()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests go first: they take longest."""
    items.sort(key=lambda item: not _is_in_a_browser(item.nodeid))


@pytest.fixture(scope="session")
def migrated(new_database: Callable[[], str]) -> str:
    """A database with the schema and nothing in it."""
    url = new_database()
    config = Config(PROJECT / "alembic.ini")
    config.attributes["database_url"] = _for_sqlalchemy(url)
    command.upgrade(config, "head")
    return url


@pytest.fixture(scope="session")
def tables(migrated: str, owner_url: str) -> Iterator[Database]:
    """The tables that every test of this session finds empty; what SQLAlchemy compiled for them is kept too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "create_engine", _one_engine_a_url())
        yield Database(migrated, owner_url)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings of this test alone: demo mode, a data dir of its own, no keys and no certificates of the machine's."""
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASYNCCODER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ASYNCCODER_API_REQUESTS", "0")  # what counts them sets its own
    # Nobody speaks TLS here, and every client of the providers' SDKs reads all certificates there are: 40 ms each.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    yield monkeypatch
    forget_settings()
    remove_workspaces(tmp_path / "data")


@pytest.fixture
def database(
    tables: Database, redis_url: str, environment: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """An empty database with the schema, and an empty Redis, as this process's settings."""
    tables.empty(fill="people" in request.fixturenames)
    environment.setenv("DATABASE_URL", tables.url)
    environment.setenv("REDIS_URL", redis_url)
    forget_settings()
    redis.client(redis_url).flushdb()
    yield tables.url
    forget_settings()


@pytest.fixture
def statements(database: str) -> Iterator[list[str]]:
    """What this process asks the database, in order; tests empty it before what they count."""
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(given[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


@dataclass(frozen=True)
class People:
    """Alice owns, Bob is on her team, Carol must see nothing."""

    alice: User
    bob: User
    carol: User
    cookies: dict[str, str]
    sample: UUID
    shop: UUID
    model: UUID


@dataclass(frozen=True)
class SignedIn:
    """What stands beside the kept rows of three people who signed in: their cookies, and what seals their tokens."""

    cookies: dict[str, str]
    key: str


@pytest.fixture(scope="session")
def signed_in() -> list[SignedIn]:
    """One, once the first test of this session has asked for the people."""
    return []


@pytest.fixture
def people(database: str, tables: Database, signed_in: list[SignedIn]) -> People:
    """Alice with a repository of hers and one of the team's, Bob on the team, Carol beside; all signed in."""
    if not signed_in:
        signed_in.append(_sign_in())
        tables.keep()
    get_settings().generated_key("secret-key", lambda: signed_in[0].key)
    with db.transaction() as session:
        users = {user.username: user for user in session.exec(select(User))}
        by_name = {one.full_name: one.id for one in session.exec(select(Repository))}
        model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
    cookies = dict(signed_in[0].cookies)
    return People(**users, cookies=cookies, sample=by_name["alice/sample-shop"], shop=by_name["acme/shop"], model=model)


def _sign_in() -> SignedIn:
    with db.transaction() as session:
        catalog.fill(session)
        users, cookies = {}, {}
        for number, login in enumerate(("alice", "bob", "carol"), start=1):
            profile = Profile(number, login, login.title(), f"{login}@example.org", None)
            users[login], cookies[login] = auth.sign_in(session, profile, Token(f"gho_{login}", None, None, ()), "test")
        keep(session, users["alice"], remote(11, "alice/sample-shop", "admin"), remote(12, "acme/shop", "write"))
        keep(session, users["bob"], remote(12, "acme/shop", "write"))
        keep(session, users["carol"])
    return SignedIn(cookies, (get_settings().data_dir / "keys" / "secret-key").read_text(encoding="utf-8"))


def remote(github_id: int, full_name: str, access_level: str, **changes: object) -> RemoteRepository:
    """A repository as GitHub would show it."""
    owner, name = full_name.split("/")
    values = {
        "github_id": github_id,
        "owner_login": owner,
        "name": name,
        "full_name": full_name,
        "description": None,
        "is_private": True,
        "default_branch": "main",
        "language": "Python",
        "url": f"http://127.0.0.1:3001/{full_name}",
        "clone_url": f"http://127.0.0.1:3001/{full_name}.git",
        "access_level": access_level,
        "is_archived": False,
        "is_empty": False,
        "is_collaborator": False,
    }
    return RemoteRepository(**{**values, **changes})  # type: ignore[arg-type]  # a test's values by name


def keep(session: Session, user: User, *found: RemoteRepository) -> None:
    """Stores what a sync of this person's would have found."""
    repositories.store(session, user.id, list(found))


def _is_in_a_browser(nodeid: str) -> bool:
    return nodeid.startswith("tests/e2e/")


def _one_engine_a_url() -> Callable[..., Engine]:
    made: dict[str, Engine] = {}

    def engine(url: str, **options: Any) -> Engine:
        if url not in made:
            made[url] = create_engine(url, **options)
        return made[url]

    return engine


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def remove_workspaces(data_dir: Path) -> None:
    """Root's workspaces lie outside the data dir, so that they do not go with it."""
    if os.geteuid() == 0:
        shutil.rmtree(workspaces_root(data_dir, (0, 0)), ignore_errors=True)


def forget_settings() -> None:
    """Lets this process read its settings anew and forget the connections of the old ones."""
    db.dispose()
    queue.queue.cache_clear()
    get_settings.cache_clear()
