"""Settings, servers, disk and keys: what a process asks itself, or a server that it stands on."""

import shutil
import socket
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import text

from backend import crypto, requirements, ui_build
from backend.crypto import Keyring
from backend.db import transaction
from backend.models import PartState
from backend.services import credits, sealing
from backend.services.setup.finding import DATABASE, REDIS, Finding, ok
from backend.settings import Settings

_GB = 1024**3
_PROBE = UUID(int=0)


def settings_(settings: Settings) -> Iterator[Finding]:
    """Whether they fit together. Raises Misconfigured."""
    settings.check()
    mode = "demo mode: no GITHUB_CLIENT_ID" if settings.is_demo else "real mode"
    yield ok("settings", f"{mode}; {settings.workers} run workers")


def public_url(settings: Settings) -> Iterator[Finding]:
    """Whether cookies travel sealed."""
    if settings.is_https or settings.is_demo:
        yield ok("public URL", settings.origin)
        return
    fix = "Put a TLS proxy in front and set ASYNCCODER_PUBLIC_URL to its https:// address."
    words = f"{settings.origin}: without TLS cookies travel in the clear"
    yield Finding("public URL", PartState.ATTENTION, words, fix)


def database(settings: Settings) -> Iterator[Finding]:
    """Its version, asked on a connection of its own: a pool that is used up is no database that is away."""
    if is_asleep(settings.database_url, settings):
        yield _asleep(DATABASE)
        return
    yield ok(DATABASE, requirements.ensure_database(settings.resolved_database_url))


def connections(settings: Settings) -> Iterator[Finding]:
    """Whether the database takes as many connections as so many runs at once and one web process may want."""
    allowed = "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    with transaction() as session:
        most = int(session.execute(text(f"SELECT {allowed}")).scalar_one())
    words = f"{most} allowed; {settings.workers} runs at once and one web process may want {settings.connections}"
    if most >= settings.connections:
        yield ok("connections", words)
        return
    fix = f"Set max_connections of PostgreSQL to {settings.connections + 10}."
    yield Finding("connections", PartState.BROKEN, words, fix)


def redis(settings: Settings) -> Iterator[Finding]:
    """Its version. What it keeps on disk is of no matter: it holds rings, limits and what tabs remember."""
    if is_asleep(settings.redis_url, settings):
        yield _asleep(REDIS)
        return
    yield ok(REDIS, requirements.ensure_redis(settings.resolved_redis_url))


def is_asleep(url: str | None, settings: Settings) -> bool:
    """Whether a server is an embedded one, and no `up` runs."""
    return not url and not settings.servers_file.exists()


def _asleep(name: str) -> Finding:
    return Finding(name, PartState.NOT_SET_UP, "embedded; it runs while `up` runs")


def ledger(_: Settings) -> Iterator[Finding]:
    """Whether every balance is the sum of its rows."""
    with transaction() as session:
        wrong = credits.unbalanced(session)
    if wrong:
        words = f"balance and ledger disagree for {', '.join(wrong[:5])}"
        yield Finding("ledger", PartState.BROKEN, words, "Keep a dump and report.")
        return
    yield ok("ledger", "every balance is the sum of its rows")


def keys(settings: Settings) -> Iterator[Finding]:
    """How many there are, and whether an older one is still needed. Raises Misconfigured."""
    count = len(Keyring(settings))
    where = "ASYNCCODER_SECRET_KEYS" if settings.secret_keys else f"{settings.data_dir}/keys: include it in your backup"
    crypto.seal(settings, _PROBE, "probe")
    yield ok("keys", f"{count} in {where}" if count > 1 else where)


def older_keys(settings: Settings) -> Iterator[Finding]:
    """Whether what is stored opens, and whether an older key can go."""
    several = len(Keyring(settings)) > 1
    found = sealing.count(settings)
    if found.lost:
        words = f"{found.lost} stored secrets open with none of the keys"
        fix = "Put the key that they were sealed with back, after the newer one; else their owners enter them again."
        yield Finding("sealed secrets", PartState.BROKEN, words, fix)
    elif found.other:
        words = f"{found.other} of {found.other + found.first} are sealed with an older key"
        yield Finding("sealed secrets", PartState.ATTENTION, words, "Seal them anew.", "asynccoder keys rotate")
    elif several:
        fix = "Nothing needs the older key any more: remove it."
        words = f"all {found.first} are sealed with the first key, and an older one is configured"
        yield Finding("sealed secrets", PartState.ATTENTION, words, fix, "asynccoder keys retire")
    else:
        yield ok("sealed secrets", f"all {found.first} open" if found.first else "none is stored yet")


def disk(settings: Settings) -> Iterator[Finding]:
    """What is free where this process's data dir lies."""
    folder = settings.data_dir.resolve()
    usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
    yield free_disk(settings, place(settings), usage.free, usage.total)


def free_disk(settings: Settings, where: str, free: int, total: int) -> Finding:
    """How a data dir's disk stands, in bytes."""
    words = f"{free / _GB:.1f} of {total / _GB:.0f} GB free"
    fix = "Make room, or set ASYNCCODER_DATA_DIR to a larger disk."
    if free < settings.least_free / 2:
        return Finding("disk", PartState.BROKEN, words, fix, link="/admin/caches", place=where)
    if free < settings.least_free:
        words += f", less than the {settings.least_free / _GB:g} GB of ASYNCCODER_LEAST_FREE_GB: caches are let go"
        return Finding("disk", PartState.ATTENTION, words, fix, link="/admin/caches", place=where)
    return ok("disk", words, place=where)


def place(settings: Settings) -> str:
    """This machine's data dir, as `Finding.place` has it."""
    return f"{socket.gethostname()}:{settings.data_dir.resolve()}"


def pages(settings: Settings) -> Iterator[Finding]:
    """Whether they were built for this version."""
    if ui_build.is_current(settings):
        yield ok("pages", "built")
        return
    yield Finding("pages", PartState.NOT_SET_UP, "not built for this version; the next start builds them")


def package_hosts(settings: Settings) -> Iterator[Finding]:
    """What set-up scripts may reach. Raises Misconfigured."""
    name, hosts = "package hosts", settings.package_hosts
    if settings.sandbox in ("sandlock", "none"):
        words = f"unused: the sandbox {settings.sandbox} has no way to let set-up reach them"
        yield Finding(name, PartState.NOT_SET_UP, words)
    elif not hosts:
        yield Finding(name, PartState.NOT_SET_UP, "none: set-up scripts have no network")
    else:
        source = "" if settings.package_hosts_setting else ", as pip and npm are configured here"
        yield ok(name, f"set-up may reach {', '.join(map(str, hosts))}{source}")
