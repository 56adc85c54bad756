"""What the web process cannot know by itself: processes that Redis hears of, and what rows and locks tell of others."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlmodel import Session, col, select

from backend import clock, schema
from backend.db import transaction
from backend.loopback import is_loopback_url
from backend.models import AuditEntry, Machine, PartState
from backend.queue import CHORES, RUNS, WorkerSeen, workers
from backend.services import figures, repository_hooks, sweeps
from backend.services.setup.finding import Finding, ok
from backend.services.setup.servers import free_disk
from backend.settings import Settings
from backend.words import Act

SILENT = timedelta(minutes=3)  # after which a worker or machine that says nothing is missed
FORGOTTEN = timedelta(days=7)  # and a machine is no part of the deployment any more
SWEEP_MISSED = timedelta(minutes=1)
BACKUP_OLD = timedelta(days=7)
DELIVERY_LATE = timedelta(minutes=1)
_AHEAD_SECONDS, _FAR_AHEAD_SECONDS = 2.0, 30.0


def run_workers(_: Settings) -> Iterator[Finding]:
    """Those who work on runs. Raises RedisError."""
    yield _workers("run workers", RUNS, "No task is worked on until one is there.")


def chore_workers(_: Settings) -> Iterator[Finding]:
    """Those who do the chores. Raises RedisError."""
    yield _workers("chore worker", CHORES, "Webhooks, syncs and polls wait until one is there.")


def _workers(name: str, queue: str, without: str) -> Finding:
    seen = [one for one in workers() if one.queue == queue]
    alive = [one for one in seen if one.heard_at and clock.now() - one.heard_at < SILENT]
    if not alive:
        return Finding(
            name, PartState.BROKEN, "none", without, f"asynccoder worker {queue}", "/admin/queue", at=_heard(seen)
        )
    hosts = sorted({one.host for one in alive})
    return ok(name, f"{len(alive)} on {', '.join(hosts)}", at=_heard(alive))


def _heard(seen: list[WorkerSeen]) -> datetime | None:
    return max((one.heard_at for one in seen if one.heard_at), default=None)


def scheduler(_: Settings) -> Iterator[Finding]:
    """Whether somebody holds its lock, and sweeps."""
    name, fix = "scheduler", "Nothing that was interrupted is taken over until one is there."
    with transaction() as session:
        since = sweeps.holder_since(session)
    try:
        swept = sweeps.last()
    except RedisError:
        swept = since and clock.now()
    if since is None:
        yield Finding(name, PartState.BROKEN, "none", fix, "asynccoder scheduler", at=swept)
    elif clock.now() - max(swept or since, since) > SWEEP_MISSED:
        words = "one is there, but has not swept for over a minute"
        yield Finding(name, PartState.BROKEN, words, "Look at what it says, and restart it.", at=swept)
    else:
        yield ok(name, "sweeps", at=swept)


def schema_(_: Settings) -> Iterator[Finding]:
    """Whether the database has this version's, and whether its clock goes as ours does."""
    began = time.time()
    with transaction() as session:
        theirs = float(session.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        ours = (began + time.time()) / 2
        version = _version(session)
    if version == schema.head():
        yield ok("schema", f"at {version}")
    else:
        words = f"at {version or 'none'}, and this version wants {schema.head()}"
        yield Finding("schema", PartState.BROKEN, words, "Stop all processes, then:", "asynccoder migrate")
    yield _clock(theirs - ours)


def _version(session: Session) -> str:
    if session.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return ""
    return str(session.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def _clock(ahead: float) -> Finding:
    name, off = "clock", abs(ahead)
    if off < _AHEAD_SECONDS:
        return ok(name, "as the database's")
    words = f"{off:,.0f} s {'behind' if ahead > 0 else 'ahead of'} the database's"
    state = PartState.BROKEN if off > _FAR_AHEAD_SECONDS else PartState.ATTENTION
    return Finding(name, state, words, "Let this machine keep its time by NTP.", "timedatectl set-ntp true")


def machines(settings: Settings) -> Iterator[Finding]:
    """The sandbox and the disk of each machine with workers, as its own workers told of them."""
    with transaction() as session:
        known = session.exec(
            select(Machine).where(Machine.seen_at > clock.now() - FORGOTTEN).order_by(Machine.host, Machine.data_dir)
        ).all()
    if not known:
        fix = "A worker tells within a minute of its start."
        yield Finding("sandbox", PartState.ATTENTION, "no worker has told of its own yet", fix)
    for machine in known:
        where = f"{machine.host}:{machine.data_dir}"
        yield _sandbox(machine, where)
        if clock.now() - machine.seen_at < SILENT:
            yield free_disk(settings, where, machine.free, machine.total)


def _sandbox(machine: Machine, where: str) -> Finding:
    name, at = "sandbox", machine.tested_at
    if clock.now() - machine.seen_at > SILENT:
        fix = "Start its workers; a machine that is gone for good is forgotten after a week."
        return Finding(name, PartState.ATTENTION, "its workers are silent", fix, place=where, at=machine.seen_at)
    if machine.sandbox_trouble:
        return Finding(name, PartState.BROKEN, machine.sandbox_trouble, machine.sandbox_fix, place=where, at=at)
    if machine.sandbox == "none":
        words = "none: commands run as the workers' own user"
        return Finding(name, PartState.ATTENTION, words, "Set ASYNCCODER_SANDBOX to auto.", place=where, at=at)
    return ok(name, f"{machine.sandbox}, passes all {machine.sandbox_probes} probes", place=where, at=at)


def webhooks(settings: Settings) -> Iterator[Finding]:
    """When GitHub last called, whether what it told is applied, and how the repositories' own webhooks stand."""
    with transaction() as session:
        last = session.execute(text("SELECT max(received_at) FROM webhook_deliveries")).scalar()
        late = session.execute(
            text("SELECT count(*) FROM webhook_deliveries WHERE processed_at IS NULL AND received_at < :then"),
            {"then": clock.now() - DELIVERY_LATE},
        ).scalar_one()
        given_up = figures.read(session).deliveries_given_up
        kept, refused = session.execute(
            text(
                "SELECT count(*) FILTER (WHERE hook_id IS NOT NULL), count(*) FILTER (WHERE hook_trouble IS NOT NULL)"
                " FROM repositories WHERE is_active"
            )
        ).one()
    yield _webhook(settings, last, late, given_up)
    if repository_hooks.are_needed():
        yield _hooks(kept, refused)


def _webhook(settings: Settings, last: datetime | None, late: int, given_up: int) -> Finding:
    name = "webhook"
    if given_up:
        fix = "The log of the chore worker says why; GitHub's page of the webhook delivers it again."
        return Finding(name, PartState.ATTENTION, f"{given_up} deliveries could not be applied", fix, at=last)
    if late:
        fix = "The chore worker applies them: see whether one is there."
        return Finding(name, PartState.ATTENTION, f"{late} deliveries wait for over a minute", fix, at=last)
    if last is not None:
        return ok(name, "GitHub calls", at=last)
    if settings.is_demo:
        return Finding(name, PartState.NOT_SET_UP, "the demo's GitHub calls once something happens there")
    if is_loopback_url(settings.origin):
        words = f"GitHub cannot reach {settings.origin}: it is asked every minute instead"
        return Finding(
            name, PartState.NOT_SET_UP, words, "Set ASYNCCODER_PUBLIC_URL to an address that GitHub reaches."
        )
    fix = f"At GitHub point the webhook to {settings.origin}{repository_hooks.PATH}, with GITHUB_WEBHOOK_SECRET."
    return Finding(name, PartState.ATTENTION, "GitHub has never called", fix)


def _hooks(kept: int, refused: int) -> Finding:
    name = "repository webhooks"
    if not refused:
        return ok(name, f"{kept} are kept")
    fix = "Those repositories are asked every minute; each one's page says what GitHub has against it."
    return Finding(name, PartState.ATTENTION, f"{kept} are kept, {refused} were refused", fix)


def sign_in(settings: Settings) -> Iterator[Finding]:
    """When somebody last came in, and how many were refused since yesterday."""
    with transaction() as session:
        last = _last(session, Act.SIGN_IN)
        refused = session.execute(
            text("SELECT count(*) FROM audit_log WHERE act = :act AND at > :then"),
            {"act": Act.SIGN_IN_REFUSED.value, "then": clock.now() - timedelta(days=1)},
        ).scalar_one()
        refused_at = _last(session, Act.SIGN_IN_REFUSED)
    told = f"; {refused} refused since yesterday" if refused else ""
    if refused_at and refused_at > (last or refused_at - SILENT):
        fix = (
            "The audit log says who and why. Check the callback URL, GITHUB_CLIENT_SECRET and ASYNCCODER_ALLOWED_USERS."
        )
        yield Finding("sign-in", PartState.ATTENTION, f"the last one was refused{told}", fix, at=refused_at)
    elif last is None:
        yield Finding("sign-in", PartState.NOT_SET_UP, "nobody has signed in yet", f"Open {settings.origin}.")
    else:
        yield ok("sign-in", f"works{told}", at=last)


def backup(settings: Settings) -> Iterator[Finding]:
    """How old the newest one is that `asynccoder backup` made."""
    with transaction() as session:
        last = _last(session, Act.BACKUP_MADE)
    fix, command = "Make one every day, and rehearse the way back.", "asynccoder backup FILE"
    if last is not None and clock.now() - last < BACKUP_OLD:
        yield ok("backup", "made", at=last)
    elif last is not None:
        yield Finding("backup", PartState.ATTENTION, "older than a week", fix, command, at=last)
    else:
        state = PartState.NOT_SET_UP if settings.is_demo else PartState.ATTENTION
        yield Finding("backup", state, "none is known here", fix, command)


def _last(session: Session, act: Act) -> datetime | None:
    found = select(AuditEntry.at).where(AuditEntry.act == act.value).order_by(col(AuditEntry.seq).desc())
    return session.exec(found.limit(1)).first()
