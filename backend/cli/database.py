"""The schema, and believable data for a demo."""

from typing import Annotated

import typer

from backend.errors import Misconfigured, Unavailable
from backend.settings import PROJECT_DIR, get_settings


def migrate() -> None:
    """Brings the database to this version's schema and fills in the models."""
    from sqlalchemy.exc import OperationalError

    from backend.db import transaction
    from backend.services import deployment

    settings = get_settings()
    settings.check()
    try:
        _upgrade()
    except OperationalError as error:
        raise Unavailable(f"The database does not answer: {str(error.orig).splitlines()[0]}") from error
    with transaction() as session:
        deployment.prepare(session, settings)
    typer.echo("the schema is current")


def _upgrade() -> None:
    from alembic import command, config
    from alembic.util import CommandError

    try:
        command.upgrade(config.Config(str(PROJECT_DIR / "alembic.ini")), "head")
    except CommandError as error:
        raise Misconfigured(
            f"The database's schema is not one that this version knows: {error}",
            fix="A newer version wrote it: update this one (git pull), or use another database.",
        ) from error


def seed(
    tasks: Annotated[int, typer.Option(help="How many tasks.", min=1, max=5000)] = 40,
) -> None:
    """Fills a demo with believable data: tasks of the last weeks, their logs, diffs, pull requests and credits."""
    from backend.cli import chapters, seeding
    from backend.db import transaction

    settings = get_settings()
    if not settings.is_demo:
        raise Misconfigured("Only a demo is filled with invented data.", fix="Unset GITHUB_CLIENT_ID and the rest.")
    with transaction() as session:
        planned = chapters.plan(session, tasks)
    pulls = chapters.open_pulls(settings.github_url, planned)  # between the two: no network inside a transaction
    with transaction() as session:
        seeding.fill(session, planned, pulls)
    typer.echo(f"{tasks} tasks made for alice and bob; sign in as one of them.")
