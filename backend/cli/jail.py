"""`asynccoder sandbox`: a command in the jail that the workers use."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from backend.errors import InvalidInput, SandboxUnavailable
from backend.settings import Settings, get_settings


def sandbox(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option(help="The folder that the command may write to; an empty one by default.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 600,
) -> None:
    """Runs a command in the jail: asynccoder sandbox -- CMD ARGUMENT..."""
    from backend.sandbox.choose import choose
    from backend.sandbox.selftest import scratch

    if not context.args:
        raise InvalidInput("Which command? asynccoder sandbox -- CMD ARGUMENT...")
    settings = get_settings()
    jail = choose(settings.sandbox, settings.extra_sandbox_paths)
    with ExitStack() as stack:
        folder = _checked(workspace, jail.owner) if workspace else stack.enter_context(scratch(jail))
        done = jail.run(context.args, workspace=folder, timeout=timeout)
    typer.echo(done.stdout, nl=False)  # bytes, as the command wrote them
    typer.echo(done.stderr, nl=False, err=True)
    if done.killed_by:
        typer.echo(f"ended by the jail: {done.killed_by}", err=True)
    raise typer.Exit(done.exit_code if done.exit_code >= 0 else 128 - done.exit_code)


def _checked(workspace: Path, owner: tuple[int, int] | None) -> Path:
    folder = workspace.resolve()
    if not folder.is_dir():
        raise InvalidInput(f"--workspace: {workspace} is not a folder.")
    if owner is not None and folder.stat().st_uid != owner[0]:
        raise InvalidInput(
            f"As root the jail works as user {owner[0]}, and {folder} belongs to {folder.stat().st_uid}. "
            "Name a folder of that user, or run this as an ordinary user."
        )
    return folder


def problem(settings: Settings) -> SandboxUnavailable | None:
    """Why no task could run here; None when the jail is good."""
    from backend.sandbox.choose import choose

    try:
        choose(settings.sandbox, settings.extra_sandbox_paths)
    except SandboxUnavailable as error:
        return error
    return None
