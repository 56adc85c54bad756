"""Migrations run on the database that the settings name, one at a time behind an advisory lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from backend import models
from backend.settings import get_settings

MIGRATION_LOCK = 0x61636D67  # "acmg": two hosts that start at once migrate one after the other


def run() -> None:
    """Applies, or compares, against the live database; there is no offline mode."""
    url = context.config.attributes.get("database_url") or get_settings().resolved_database_url
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=models.metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()


run()
