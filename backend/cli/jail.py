"""`asynccoder sandbox`: a command in the jail that the workers use."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.errors import InvalidInput, SandboxUnavailable
from backend.settings import Settings, get_settings


def sandbox(
    context: typer.Context,
    workspace: Annotated[Path, typer.Option(help="The folder that the command may write to.")] = Path("."),
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 600,
) -> None:
    """Runs a command in the jail: asynccoder sandbox -- CMD ARGUMENT..."""
    from backend.sandbox.choose import choose

    if not context.args:
        raise InvalidInput("Which command? asynccoder sandbox -- CMD ARGUMENT...")
    settings = get_settings()
    jail = choose(settings.sandbox, settings.extra_sandbox_paths)
    folder = workspace.resolve()
    if jail.owner is not None and folder.stat().st_uid != jail.owner[0]:
        raise InvalidInput(
            f"As root the jail works as user {jail.owner[0]}, and {folder} belongs to {folder.stat().st_uid}. "
            f"Name a folder of that user with --workspace, or run this as an ordinary user."
        )
    done = jail.run(context.args, workspace=folder, timeout=timeout)
    os.write(sys.stdout.fileno(), done.stdout)
    os.write(sys.stderr.fileno(), done.stderr)
    if done.killed_by:
        typer.echo(f"ended by the jail: {done.killed_by}", err=True)
    raise typer.Exit(done.exit_code if done.exit_code >= 0 else 128 - done.exit_code)


def problem(settings: Settings) -> SandboxUnavailable | None:
    """Why no task could run here; None when the jail is good."""
    from backend.sandbox.choose import choose

    try:
        choose(settings.sandbox, settings.extra_sandbox_paths)
    except SandboxUnavailable as error:
        return error
    return None
