"""Real servers for the tests: those of TEST_DATABASE_URL / TEST_REDIS_URL, or embedded ones that end with them."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from backend import embedded
from backend.settings import Settings


def embedded_settings(data_dir: Path) -> Settings:
    """Settings of a data dir of their own, whatever this machine's environment says about servers."""
    return Settings().model_copy(update={"data_dir": data_dir, "database_url": None, "redis_url": None})


@pytest.fixture(scope="session")
def embedded_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """PostgreSQL and Valkey in a temporary folder, started at the first wish and once a session."""
    settings = embedded_settings(tmp_path_factory.mktemp("servers"))
    with embedded.running(settings, is_durable=False):
        yield settings


@pytest.fixture(scope="session")
def owner_url(request: pytest.FixtureRequest) -> str:
    """A superuser's connection: databases are made, and rows deleted that nobody else may delete."""
    given = Settings().test_database_url
    return given or embedded.superuser_url(request.getfixturevalue("embedded_servers"))


@pytest.fixture(scope="session")
def new_database(owner_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes an empty database at each call and gives its URL; all are dropped when the session ends."""
    is_given = bool(Settings().test_database_url)
    template = owner_url if is_given else embedded.database_url(request.getfixturevalue("embedded_servers"))
    role = None if is_given else "asynccoder"
    made: list[str] = []

    def create() -> str:
        name = f"test_{secrets.token_hex(6)}"
        _execute(owner_url, _create(name, role))
        made.append(name)
        return urlunsplit(urlsplit(template)._replace(path=f"/{name}"))

    yield create
    for name in made:
        _execute(owner_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def database_url(new_database: Callable[[], str]) -> str:
    """An empty database for this session."""
    return new_database()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest, worker_id: str) -> str:
    """A Redis or Valkey for the tests alone: they flush it. Of a given one each test process takes its own database."""
    if given := Settings().test_redis_url:
        return urlunsplit(urlsplit(given)._replace(path=f"/{worker_id.removeprefix('gw').replace('master', '0')}"))
    return embedded.redis_url(request.getfixturevalue("embedded_servers"))


def _create(name: str, owner: str | None) -> sql.Composed:
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    return statement + sql.SQL(" OWNER {}").format(sql.Identifier(owner)) if owner else statement


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
