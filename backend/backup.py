"""A backup: one file, 0600, with what cannot be made again: the database, and the keys that open what is sealed in it.

A tar of `manifest.json`, `database.dump` (pg_dump's custom format) and, where the keys were made in the data dir,
`secret-key`. Mirrors, workspaces and pages are made again; Redis holds nothing that PostgreSQL does not know.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from backend import clock, crypto, schema
from backend.crypto import KEY
from backend.db import APPLICATION
from backend.embedded.places import last_line
from backend.embedded.postgres import MAJOR, postgres_bin
from backend.errors import Conflict, Misconfigured, Unavailable
from backend.settings import Settings

MANIFEST, DUMP = "manifest.json", "database.dump"
FORMAT = 1
_OURS_ALONE = ("--no-owner", "--no-privileges")  # roles are the server's
_SYSTEM_PROGRAMS = "/usr/lib/postgresql/{major}/bin"  # where Debian and Ubuntu keep each version's


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `mode` is demo or real, `made_at` ISO 8601."""

    format: int
    made_at: str
    revision: str
    mode: str
    has_key: bool


def write(settings: Settings, target: Path) -> Manifest:
    """Writes a backup of the database as it is at one moment, while others go on; whole or not at all.

    Nobody may rotate keys meanwhile. Raises Conflict where the file is there already, Misconfigured, Unavailable.
    """
    if target.exists():
        raise Conflict(f"{target} is there already.")
    with _folder_beside(target) as folder:
        with _connected(settings) as connection:
            manifest = Manifest(FORMAT, clock.now().isoformat(), *_facts(connection), not settings.secret_keys)
            program = _program("pg_dump", connection)
        _run(settings, program, "--format=custom", "--schema=public", *_OURS_ALONE, f"--file={folder / DUMP}")
        (folder / MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
        names = [MANIFEST, DUMP]
        if manifest.has_key:
            (folder / KEY).write_text("\n".join(crypto.generated_keys(settings)), encoding="utf-8")
            names.append(KEY)
        whole = folder / "backup"
        whole.touch(mode=0o600)
        with tarfile.open(whole, "w") as tar:
            for name in names:
                tar.add(folder / name, arcname=name)
        try:
            os.link(whole, target)  # a file that came there meanwhile stays
        except FileExistsError as error:
            raise Conflict(f"{target} is there already.") from error
    return manifest


def read(source: Path) -> Manifest:
    """What a backup says of itself. Raises Misconfigured for a file that is none, or one of a newer version."""
    try:
        with tarfile.open(source) as tar:
            found = tar.extractfile(MANIFEST)
            manifest = Manifest(**json.loads(found.read())) if found else None
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"{source} is no backup of Async Coder.", fix="Name a file of asynccoder backup."
        ) from error
    if manifest is None or manifest.format != FORMAT or manifest.revision not in schema.known():
        raise Misconfigured(
            f"{source} was written by a newer version than this one.", fix="Update this one first (git pull)."
        )
    return manifest


def is_empty(settings: Settings) -> bool:
    """Whether the database has no table."""
    with _connected(settings) as connection:
        return not _tables(connection)


def others(settings: Settings) -> int:
    """How many connections of our processes the database has; a worker that waits for work has none."""
    with _connected(settings) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [APPLICATION],
        ).fetchone()
    return int(found[0]) if found else 0


def put_back(settings: Settings, source: Path) -> None:
    """Puts a backup's database in place of what is in this one, and its key before those of the data dir.

    The keys first: whoever is stopped between the two runs it again. Raises Misconfigured, Unavailable.
    """
    manifest = read(source)
    with tempfile.TemporaryDirectory() as name, tarfile.open(source) as tar:
        folder = Path(name)  # 0700
        for member in (DUMP, KEY) if manifest.has_key else (DUMP,):
            _extract(tar, member, folder / member)
        if manifest.has_key and not settings.secret_keys:
            _put_key_first(settings, (folder / KEY).read_text(encoding="utf-8").split())
        with _connected(settings) as connection:
            program = _program("pg_restore", connection)
            _empty(connection)
        _run(settings, program, "--single-transaction", "--schema=public", *_OURS_ALONE, str(folder / DUMP))
    with _connected(settings) as connection:
        connection.execute("ANALYZE")


def _extract(tar: tarfile.TarFile, member: str, target: Path) -> None:
    try:
        found = tar.extractfile(member)
    except KeyError:
        found = None
    if found is None:
        raise Misconfigured(f"The backup lacks its {member}.", fix="Take another one.")
    with found, target.open("wb") as file:
        shutil.copyfileobj(found, file)


def _put_key_first(settings: Settings, keys: list[str]) -> None:
    own = crypto.generated_keys(settings)
    crypto.put_keys(settings, [*keys, *(key for key in own if key not in keys)])


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A private folder on the same disk, where there is room for it or nowhere."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".backup-", dir=target.resolve().parent))
    except OSError as error:
        raise Misconfigured(f"{target} cannot be written: {error.strerror}.", fix="Name another place.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _connected(settings: Settings) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    try:
        with psycopg.connect(_plain(settings), autocommit=True, connect_timeout=10) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database does not answer: {last_line(str(error))}") from error


def _plain(settings: Settings) -> str:
    return settings.resolved_database_url.replace("postgresql+psycopg://", "postgresql://", 1)


def _facts(connection: "psycopg.Connection[tuple[Any, ...]]") -> tuple[str, str]:
    """The schema's revision, and the mode of the deployment that the database belongs to."""
    try:
        found = connection.execute("SELECT version_num, mode FROM alembic_version, deployment").fetchone()
    except psycopg.errors.UndefinedTable:
        found = None
    if found is None:
        raise Misconfigured("The database holds nothing of Async Coder yet.", fix="Check DATABASE_URL.")
    return str(found[0]), str(found[1])


def _tables(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[str]:
    return [str(name) for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def _empty(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Drops our tables and functions, all or none of them; not the schema, which belongs to the database's owner."""
    functions = connection.execute(
        "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = 'public' AND p.proowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    ).fetchall()
    with connection.transaction():
        for table in _tables(connection):
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier("public", table)))
        for (name,) in functions:
            connection.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(sql.Identifier("public", str(name))))


def _program(name: str, connection: "psycopg.Connection[tuple[Any, ...]]") -> str:
    """PostgreSQL's program of the server's own major version. Raises Misconfigured where it is not installed."""
    major = str(connection.info.server_version // 10000)
    if major == MAJOR:
        return str(postgres_bin(name))
    for found in (shutil.which(name, path=_SYSTEM_PROGRAMS.format(major=major)), shutil.which(name)):
        if found and _major(found) == major:
            return found
    raise Misconfigured(
        f"The server is PostgreSQL {major}, and there is no {name} of that version.",
        fix=f"Install it: apt install postgresql-client-{major} (or your system's package).",
    )


def _major(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.rpartition(")")[2].strip().partition(".")[0].partition(" ")[0]


def _run(settings: Settings, program: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs on our database; the password goes by the environment, which others cannot
    read as they can its arguments."""
    info = conninfo_to_dict(_plain(settings))
    password = str(info.pop("password", "") or "")
    done = subprocess.run(
        [program, f"--dbname={make_conninfo('', **info)}", *arguments],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{Path(program).name} failed: {last_line(done.stderr)}")
