"""The guide's commands do what it says, one after the other, against the served API."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from backend import db
from backend.models import TaskRun
from backend.services import recorder
from backend.settings import PROJECT_DIR, get_settings
from tests.backend.api.conftest import token
from tests.conftest import People
from tests.pictures import png
from tests.syncing import sync

GUIDE = (PROJECT_DIR / "docs" / "api-guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


PATCH = b"diff --git a/x b/x\n"


@pytest.fixture
def served(connected: People) -> Iterator[str]:
    """The API on the port that belongs to the hub's, for Alice with her repositories as the hub knows them."""
    sync(connected.alice.id)
    url = get_settings().origin
    command = ["granian", "--interface", "asgi", "--port", str(get_settings().port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", *command, "backend.api.app:app"], cwd=PROJECT_DIR)
    try:
        _wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_every_command_of_the_guide_does_what_it_says(connected: People, served: str, tmp_path: Path) -> None:
    script = _script(served, token(connected.alice))
    shell = ["bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{script}"]
    (tmp_path / "totals.png").write_bytes(png())
    process = subprocess.Popen(shell, cwd=tmp_path, text=True, stdout=subprocess.PIPE)
    _work(tmp_path, process)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert (tmp_path / "task.patch").read_text() == PATCH.decode()
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")
    for words in ('"status":"cancelled"', "event: task:event", "authorize_url", 'rel="next"'):
        assert words in told, words
    assert re.findall(r'"status":(\d+),"code"', told) == ["422"], "the one refusal is the one that is shown"


def _script(url: str, bearer: str) -> str:
    """All commands; those about results wait until there are some."""
    waiting = "touch asked; until test -e done; do sleep 0.05; done\n"
    blocks = [waiting + block if "/results" in block else block for block in BLOCKS]
    return "\n".join(blocks).replace("http://127.0.0.1:3000", url).replace("acd_…", bearer)


def _work(folder: Path, process: "subprocess.Popen[str]") -> None:
    """What a worker would have done by then: the task has a patch."""
    deadline = time.monotonic() + 60
    while not (folder / "asked").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with db.transaction() as session:
        run = session.exec(select(TaskRun)).first()
        if run is not None:
            recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(PATCH)))
    (folder / "done").touch()


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(f"{url}/health", trust_env=False)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the API did not start")
