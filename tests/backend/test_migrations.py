"""Databases that were made by an earlier version are brought right."""

from collections.abc import Callable

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from backend.settings import PROJECT_DIR


@pytest.mark.parametrize("is_old", [True, False])
def test_every_database_says_that_a_task_has_one_pull_request(
    new_database: Callable[[], str], environment: pytest.MonkeyPatch, is_old: bool
) -> None:
    config = Config(PROJECT_DIR / "alembic.ini")
    config.attributes["database_url"] = url = new_database().replace("postgresql://", "postgresql+psycopg://", 1)
    command.upgrade(config, "0007")
    engine = create_engine(url)
    with engine.begin() as connection:
        if is_old:
            connection.execute(text("ALTER TABLE pull_requests DROP CONSTRAINT uq_pull_requests_task_id"))
            connection.execute(text("CREATE INDEX ix_pull_requests_task_id ON pull_requests (task_id)"))
    command.upgrade(config, "head")
    with engine.begin() as connection:
        assert _indexes(connection) == ["uq_pull_requests_task_id"]
    command.downgrade(config, "0007")
    command.upgrade(config, "head")
    engine.dispose()


def _indexes(connection: Connection) -> list[str]:
    asked = "SELECT indexname FROM pg_indexes WHERE tablename = 'pull_requests' AND indexdef LIKE '%(task_id)'"
    return list(connection.execute(text(asked)).scalars())
