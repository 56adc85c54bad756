"""The set-up step: the repository's script, once before the model starts, in the jail.

It alone gets the repository's secrets. So it works on files that people put there, never on what the model wrote in an
earlier run of the task, and it fails where a secret's value is found in a file it leaves.
"""

import os
import time
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from backend import jsonb, log
from backend.db import patiently
from backend.engine.tools import clipped, decoded, ended
from backend.errors import RunFailed
from backend.package_hosts import PackageHost
from backend.sandbox.base import Completed, Limits, Sandbox
from backend.sandbox.proxy import RELAY, PackageProxy
from backend.services import runs, setup_cache
from backend.services.brief import Brief
from backend.services.lease import Lease
from backend.services.recorder import Recorder
from backend.services.repository_setup import Setup
from backend.settings import get_settings
from backend.words import EventKind, Failure, Phase
from backend.workspace import layer
from backend.workspace.checkout import Checkout

SECONDS = 900
PROXIED = "bubblewrap"  # has a loopback of its own, and so a way to the proxy; its workspace has one path for all
REASON = "running the set-up script"
NAME = "set_up"  # of its entries in the log, which are those of a tool
_FROM_BEFORE = b"(kept from an earlier run: script, environment, secrets and dependencies are the same)"
_log = log.get(__name__)
_INTERRUPTED = "Interrupted: the worker went away. The script is run again."
# Caches and temporary files need more room than the jail's own /tmp and home have, and go when the script is done.
# Arguments: the script, the folder for them, the relay to the proxy that listens there, empty where there is none.
_RUN = """
place="$PWD/$2"
export TMPDIR="$place" XDG_CACHE_HOME="$place" npm_config_cache="$place/npm" PIP_CACHE_DIR="$place/pip"
relay=$3
if command -v bash >/dev/null 2>&1; then set -- bash -e -o pipefail -c "$1"; else set -- sh -e -c "$1"; fi
if [ -n "$relay" ] && command -v python3 >/dev/null 2>&1; then set -- python3 -c "$relay" "$place/proxy" "$@"
elif [ -n "$relay" ]; then echo "(no network: the jail has no python3 for it)"; fi
"$@"
code=$?
chmod -R u+rwX -- "$place" 2>/dev/null
rm -rf -- "$place"
exit $code
"""


class SetUpStep:
    """The step of one attempt of a run; `archive` afterwards holds what the script added, if it added anything."""

    def __init__(self, facts: Brief, setup: Setup, sandbox: Sandbox, checkout: Checkout, lease: Lease) -> None:
        self._facts = facts
        self._setup = setup
        self._sandbox = sandbox
        self._checkout = checkout
        self._lease = lease
        self._recorder = Recorder(facts.task_id, facts.claim)
        self._refused: list[str] = []
        self._is_from_before = False

    @cached_property
    def _hosts(self) -> tuple[PackageHost, ...]:
        return get_settings().package_hosts if self._sandbox.kind == PROXIED else ()

    @property
    def archive(self) -> Path:
        """Where what the script added is kept, out of the jail's reach."""
        return self._checkout.root / "setup.tar"

    def run(self, tree: str) -> None:
        """Runs the script, if there is one, on the files of commit `tree`; then the run's own files are there again.

        Raises RunFailed(setup_failed), also where the person said stop, which the run's end tells apart.
        """
        self._close_interrupted()
        if not self._setup.script:
            return
        claim = self._facts.claim
        patiently(lambda session: runs.enter(session, claim.run_id, claim.fence, Phase.PREPARING, REASON))
        call = {"call_id": f"{NAME}-{claim.run_id}-{claim.fence}", "name": NAME}
        self._emit(EventKind.TOOL_STARTED, {**call, "args": {"command": self._setup.script}})
        began = time.monotonic()
        done, failure = self._work(tree)
        text = redacted(self._told() + decoded(redacted_bytes(done.stdout, self._setup.secrets)), self._setup.secrets)
        shown = clipped(text)
        result = {
            **call,
            "text": "\n".join(filter(None, [shown.rstrip(), failure])),
            "is_error": bool(failure),
            "exit_code": done.exit_code,
            "duration_ms": round((time.monotonic() - began) * 1000),
            "summary": f"Set-up → {ended(done, SECONDS)}",
        }
        self._emit(EventKind.TOOL_RESULT, result, zlib.compress(text.encode()) if shown != text else None)
        if failure:
            raise RunFailed(Failure.SETUP_FAILED, failure)
        patiently(lambda session: runs.enter(session, claim.run_id, claim.fence, Phase.PREPARING))

    def _work(self, tree: str) -> tuple[Completed, str]:
        """The script's end, and why the step failed; empty where it did not."""
        # Elsewhere paths in what was added name this run's folder, which no other run has.
        key = ""
        if self._sandbox.kind == PROXIED:
            key = setup_cache.key(self._facts.repository_id, self._setup, self._hosts, self._checkout, tree)
            if done := self._from_before(key):
                return done, ""
        if tree != self._checkout.base_sha:
            self._checkout.reset(tree)
        done = self._script()
        if done.killed_by or done.exit_code != 0:
            return done, f"{Failure.SETUP_FAILED.sentence.rstrip('.')}: {ended(done, SECONDS)}."
        try:
            if found := layer.holding(self._checkout, self._sandbox, list(self._setup.secrets.values())):
                names = redacted(", ".join(found), self._setup.secrets)
                return done, f"The set-up script left a secret where the model could read it: {names}."
            self._checkout.reset(tree)  # beside the files that it ran on: what was added depends on no run's own
            if layer.pack(self._checkout, self._sandbox, self.archive) and key:
                setup_cache.keep(key, self.archive)
        except RunFailed as error:
            if error.failure is not Failure.SETUP_FAILED:
                raise
            return done, redacted(str(error), self._setup.secrets)
        if tree != self._checkout.base_sha:
            self._checkout.reset(self._checkout.base_sha)
        layer.hide(self._checkout)
        return done, ""

    def _from_before(self, key: str) -> Completed | None:
        """Lays out what an earlier run's script added, where all that it depends on is the same."""
        began = time.monotonic()
        if not setup_cache.take(key, self.archive):
            return None
        try:
            layer.lay(self.archive, self._sandbox, self._checkout.work_tree)
        except RunFailed as error:
            _log.warning("what a set-up script added was kept in vain", error=str(error))
            setup_cache.forget(key)
            self.archive.unlink()
            return None
        layer.hide(self._checkout)
        self._is_from_before = True
        return Completed(0, _FROM_BEFORE, b"", time.monotonic() - began)

    def _script(self) -> Completed:
        folder = self._checkout.work_tree / f".asynccoder-{token_hex(8)}"
        folder.mkdir(mode=0o700)
        if self._sandbox.owner:
            os.chown(folder, *self._sandbox.owner)
        if not self._hosts:
            return self._jailed(folder, "", {})
        with PackageProxy(folder, self._hosts) as proxy:
            done = self._jailed(folder, RELAY, get_settings().package_indexes.variables(self._hosts))
        self._refused = proxy.refused
        return done

    def _jailed(self, folder: Path, relay: str, indexes: dict[str, str]) -> Completed:
        setup = self._setup
        return self._sandbox.run(
            ["/bin/sh", "-c", _RUN, "sh", setup.script, folder.name, relay],
            workspace=self._checkout.work_tree,
            timeout=SECONDS,
            limits=Limits(cpu_seconds=SECONDS, file_bytes=layer.MOST_BYTES),
            env={"CI": "1", "NO_COLOR": "1", "PIP_NO_INPUT": "1", **indexes, **setup.environment, **setup.secrets},
            cancelled=self._lease.cancelled,
            merge_stderr=True,
        )

    def _told(self) -> str:
        """The first lines of what is shown: which network the script had."""
        if self._sandbox.kind == "none" or self._is_from_before:
            return ""
        if self._sandbox.kind != PROXIED:
            return f"(no network: the jail {self._sandbox.kind} has none to give)\n"
        if not self._hosts:
            return "(no network: no package hosts are configured)\n"
        lines = [f"(network: {', '.join(map(str, self._hosts))})"]
        if self._refused:
            lines.append(f"(refused: {', '.join(self._refused)})")
        return "\n".join(lines) + "\n"

    def _close_interrupted(self) -> None:
        """Says of a script that an earlier attempt began what became of it."""
        entries = [one for one in self._facts.log if one.payload.get("name") == NAME]
        over = {one.payload["call_id"] for one in entries if one.kind is EventKind.TOOL_RESULT}
        for entry in entries:
            if entry.payload["call_id"] not in over and entry.kind is EventKind.TOOL_STARTED:
                call = {"call_id": entry.payload["call_id"], "name": NAME, "duration_ms": 0}
                self._emit(EventKind.TOOL_RESULT, {**call, "text": _INTERRUPTED, "is_error": True, "exit_code": None})

    def _emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        self._recorder.emit(kind, jsonb.fit(payload), raw)


def redacted(text: str, secrets: dict[str, str]) -> str:
    """The text with each secret's value, as it is or as a URL spells it, replaced by its name."""
    for name, value in _longest_first(secrets):
        for spelled in (value, quote(value, safe="")):
            text = text.replace(spelled, f"[{name}]")
    return text


def redacted_bytes(data: bytes, secrets: dict[str, str]) -> bytes:
    """As `redacted`, before anything is taken out of a terminal's output."""
    for name, value in _longest_first(secrets):
        data = data.replace(value.encode(), f"[{name}]".encode())
    return data


def _longest_first(secrets: dict[str, str]) -> Iterable[tuple[str, str]]:
    return sorted(secrets.items(), key=lambda item: -len(item[1]))
