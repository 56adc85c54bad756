"""Migrates a fresh embedded database and fails where tables and migrations differ."""

import sys
import tempfile
from pathlib import Path

from alembic import command, config
from alembic.util import CommandError

from backend import embedded
from backend.settings import PROJECT_DIR, Settings


def main() -> int:
    """0 where `alembic check` finds no drift."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings().model_copy(update={"data_dir": Path(folder), "database_url": None, "redis_url": None})
        with embedded.running(settings):
            alembic = config.Config(str(PROJECT_DIR / "alembic.ini"))
            alembic.attributes["database_url"] = settings.resolved_database_url
            command.upgrade(alembic, "head")
            try:
                command.check(alembic)
            except CommandError as error:
                print(error, file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
