"""`asynccoder task export`: a task with its whole log, as one file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated
from uuid import uuid4

import typer

from backend.cli import client, task
from backend.cli.client import Client, ClientError


def export(
    task_id: task.Id,
    to: Annotated[
        Path | None, typer.Option(help="The file; - for stdout. Otherwise it is named after the task.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="One page to read, in place of JSON lines to replay.")] = False,
) -> None:
    """Writes a task with its whole log into one file, without secrets."""
    server = Client.signed_in()
    found = task.find(server, task_id)
    kind = "html" if html else "jsonl"
    path = to or Path(f"asynccoder-{found['short_id']}.{kind}")
    address = f"/api/tasks/{found['id']}/export.{kind}"
    with _target(path) as file, server.reached(), server.stream(address, client.SECONDS) as answer:
        for piece in answer.iter_bytes():
            file.write(piece)
    if str(path) != "-":
        print(path)


@contextmanager
def _target(path: Path) -> Iterator[IO[bytes]]:
    """Where the export goes: the file is there whole, or as it was before. Raises ClientError."""
    if str(path) == "-":
        yield sys.stdout.buffer
        return
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(path)
    except OSError as error:
        raise ClientError(f"{path} cannot be written: {error.strerror}.", client.REFUSED) from error
    finally:
        beside.unlink(missing_ok=True)
