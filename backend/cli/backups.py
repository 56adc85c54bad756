"""Everything that cannot be made again, in one file; and back from it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from backend.errors import Conflict, Misconfigured
from backend.settings import Settings, get_settings

_PLACE = Annotated[Path, typer.Argument(metavar="FILE", help="The backup's file.")]


def backup(file: _PLACE) -> None:
    """Writes database and keys into one file that only this user can read, while everything serves."""
    from backend import backup as backups
    from backend.services import sealing

    settings = get_settings()
    settings.check()
    with _database(settings), sealing.alone():
        manifest = backups.write(settings, file)
        _note()
    typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB, schema {manifest.revision}, {manifest.mode}")
    if not manifest.has_key:
        typer.echo("Keep ASYNCCODER_SECRET_KEYS beside it: they are not in it, and open what is sealed in it.")


def restore(
    file: _PLACE,
    replace: Annotated[bool, typer.Option("--replace", help="Give up what the database holds.")] = False,
) -> None:
    """Puts a backup into an empty database, while nothing serves; --replace gives up what the database holds."""
    from backend import backup as backups
    from backend import db
    from backend.cli.database import migrate
    from backend.services import credits, sealing

    settings = get_settings()
    settings.check()
    _check_mode(backups.read(file).mode, settings)
    with _database(settings, is_alone=True):
        if backups.others(settings):
            raise Conflict("The database is in use. Stop web, workers and scheduler on every machine first.")
        if not replace and not backups.is_empty(settings):
            raise Conflict("The database is not empty. To give up what it holds: asynccoder restore FILE --replace")
        backups.put_back(settings, file)
        migrate()
        with db.transaction() as session:
            unbalanced = credits.unbalanced(session)
        found = sealing.count(settings)
        db.dispose()
    typer.echo(f"{file} is restored; {found.first + found.other} secrets open with the keys that are configured.")
    if unbalanced:
        raise Misconfigured(f"The ledger is out of balance for {', '.join(unbalanced)}.", fix="Try an older backup.")
    if found.lost:
        raise Misconfigured(
            f"{found.lost} secrets open with none of the keys.",
            fix="Put the keys of the backup's time into ASYNCCODER_SECRET_KEYS, after the newer ones.",
        )


def _note() -> None:
    """Everything left the house in one file: that is written down, and tells the setup page how old the newest is."""
    from backend import db
    from backend.services import audit
    from backend.words import Act, ObjectKind

    with db.transaction() as session:
        audit.record(
            session, Act.BACKUP_MADE, audit.OPERATOR, audit.Object(ObjectKind.DEPLOYMENT, "backup", "a backup")
        )


def _check_mode(mode: str, settings: Settings) -> None:
    from backend.services.deployment import DEMO, REAL

    own = DEMO if settings.is_demo else REAL
    if mode != own:
        raise Misconfigured(
            f"This backup is of a {mode} deployment, and the settings are those of a {own} one.",
            fix="Restore it with the settings that it was made with.",
        )


@contextmanager
def _database(settings: Settings, *, is_alone: bool = False) -> Iterator[None]:
    """The database while the block lasts: one's own, that of the `up` that runs, or the embedded one started here.

    `is_alone`: no `up` may run on the data dir. Raises Held, Unavailable.
    """
    from backend import data_dir, embedded

    if settings.database_url or (not is_alone and data_dir.running(settings.data_dir)):
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(data_dir.held(settings.data_dir))
        stack.callback(embedded.forget, settings)
        stack.enter_context(embedded.started(embedded.postgres(settings)))
        embedded.write_urls(settings)
        yield
