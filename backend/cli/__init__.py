"""`asynccoder`: one file per group of commands; each imports what it needs when it runs."""

import io
import sys

import typer

from backend.cli import admin, backups, database, doctor, exports, jail, keys, login, processes, replay, run, task, up
from backend.errors import AsyncCoderError, Misconfigured

app = typer.Typer(
    name="asynccoder", help="A task in, a verified pull request out.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
app.command()(up.up)
app.command()(up.dev)
app.command()(processes.web)
app.command()(processes.worker)
app.command()(processes.scheduler)
app.command()(database.migrate)
app.command()(database.seed)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(doctor.doctor)
app.command()(run.run)
app.command()(replay.replay)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(jail.sandbox)
app.command()(login.login)
app.command()(login.logout)
task.app.command()(exports.export)
app.add_typer(task.app, name="task")
app.add_typer(keys.app, name="keys")
app.add_typer(admin.app, name="admin")


def main() -> None:
    """Runs the command; what is refused is told in one sentence and its fix, without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character shows a question mark
    try:
        app()
    except AsyncCoderError as error:
        print(f"asynccoder: {error}", file=sys.stderr)
        if isinstance(error, Misconfigured):
            print(f"  {error.fix}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        sys.exit(130)
