"""`asynccoder` as a client: signed in by a code, then from a prompt to changed files; and what each refusal says."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner, Result

from backend import db
from backend.api.app import app as api
from backend.cli import app, client, exports, login, task
from backend.cli.client import Account, ClientError
from backend.errors import Misconfigured
from backend.models import DeviceGrant, TaskRun, User
from backend.services import api_tokens, device_grants, recorder
from backend.services.api_tokens import Scope
from backend.settings import PROJECT_DIR, get_settings
from tests.backend.services.road import signed_in, work
from tests.backend.services.worker import submit
from tests.conftest import People
from tests.git_server import git
from tests.hub import LocalHub

SHOP = "alice/sample-shop"


def asynccoder(*arguments: str, code: int = 0, stdin: str = "") -> Result:
    result = CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def refusal(*arguments: str) -> ClientError:
    with pytest.raises(ClientError) as refused:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return refused.value


@pytest.fixture
def config(tmp_path: Path, environment: pytest.MonkeyPatch) -> Path:
    """Where this test's token is kept."""
    environment.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    get_settings.cache_clear()
    environment.setattr(logging.getLogger("httpx"), "disabled", True)  # a command's process has no log at all
    return tmp_path / "config" / "asynccoder" / "token.json"


@pytest.fixture
def served(hub: LocalHub, database: str, config: Path) -> Iterator[str]:
    """The API on a port, as this test's settings have it."""
    get_settings.cache_clear()
    url = get_settings().origin
    argv = ["--interface", "asgi", "--port", url.rpartition(":")[2], "--workers-kill-timeout", "1", "tests.served:app"]
    process = subprocess.Popen([sys.executable, "-m", "granian", *argv], cwd=PROJECT_DIR, env=dict(os.environ))
    try:
        for _ in range(200):
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def confirming(user_id: UUID, *, allow: bool = True) -> Callable[[float], None]:
    """What somebody does while the program waits."""

    def sleep(_: float) -> None:
        with db.transaction() as session:
            waiting = session.exec(select(DeviceGrant.user_code).where(DeviceGrant.is_allowed == None)).first()  # noqa: E711
            if waiting:
                device_grants.answer(session, session.get_one(User, user_id), waiting, allow=allow)

    return sleep


def test_from_sign_in_to_changed_files(
    hub: LocalHub, served: str, config: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    alice = signed_in(hub, "alice")
    with environment.context() as patched:
        patched.setattr(time, "sleep", confirming(alice))
        told = asynccoder("login", "--url", served).output
    assert re.search(r"confirm the code [B-Z]{4}-[B-Z]{4}\.", told) and "as alice." in told
    assert stat.S_IMODE(config.stat().st_mode) == 0o600 and stat.S_IMODE(config.parent.stat().st_mode) == 0o700

    new = ["task", "new", "--repo", SHOP, "--model", "demo-scripted", "--type", "debug"]
    task_id = asynccoder(*new, "-", stdin="Totals are off by a cent.").output.split()[0]
    assert (
        asynccoder("task", "stop", asynccoder(*new, "Another one.").output.split()[0]).output.split()[1] == "cancelled"
    )
    planned = asynccoder(*new, "Totals again.", "--plan").output.split()[0]
    assert [asynccoder("task", "list").output.count(one[:8]) for one in (task_id, planned)] == [1, 1]
    asynccoder("task", "stop", planned)
    assert work() == 0
    seen = asynccoder("task", "watch", task_id[:8]).output
    for said in ("First a look at what is here.", "  · Edited shop/totals.py", "  = verified", "completed  pr_opened"):
        assert said in seen, seen
    few = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "backend.cli", "task", "watch", task_id]
    asked = subprocess.run(command, cwd=PROJECT_DIR, env=few, capture_output=True, check=True)
    assert b"  ? Edited shop/totals.py" in asked.stdout, "what the terminal lacks is a question mark"
    events = [json.loads(line) for line in asynccoder("task", "watch", task_id, "--json").stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    listed = json.loads(asynccoder("task", "list", "--status", "completed", "--json").stdout)
    assert [one["id"] for one in listed] == [task_id]
    assert f"{task_id[:8]}  completed  pr_opened" in asynccoder("task", "list").stdout
    assert "-    return sum((round(line.net, 2)" in asynccoder("task", "diff", task_id).stdout
    assert [one["path"] for one in json.loads(asynccoder("task", "diff", task_id, "--json").stdout)["files"]] == [
        "shop/totals.py"
    ]
    here = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", hub.as_person("alice").clone_url(SHOP), str(here))
    environment.chdir(here / "shop")
    asynccoder("task", "apply", task_id)
    assert git(here, "status", "--short").split() == ["M", "shop/totals.py"]
    again = refusal("task", "apply", task_id)
    assert again.exit_code == client.REFUSED and "nothing was changed" in str(again)
    other = asynccoder("task", "new", "Which branch?", "--type", "ask", "--model", "demo/demo-scripted").output.split()[
        0
    ]
    assert json.loads(asynccoder("task", "stop", other, "--json").stdout)["repository"] == SHOP, "origin's"
    assert asynccoder("logout").stderr.endswith("Signed out.\n") and not config.exists()


class Near(client.Client):
    """The API in this process."""

    def __init__(self, url: str, token: str = "") -> None:
        super().__init__(url, token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http: Any = TestClient(api, base_url=url, headers=headers)


@pytest.fixture
def near(people: People, config: Path, environment: pytest.MonkeyPatch) -> People:
    """Alice, signed in; the API answers in this process."""
    for module in (task, login, exports):
        environment.setattr(module, "Client", Near)
    with db.transaction() as session:
        token = api_tokens.create(session, people.alice, "cli", Scope.WRITE, 30)[1]
    client.save(Account(get_settings().origin, token))
    return people


def test_a_diff_is_written_byte_for_byte(near: People) -> None:
    assert asynccoder("task", "list").stderr.endswith("No tasks yet.\n")
    task_id, patch = str(submit(near)), b"diff --git a/x b/x\n+caf\xe9\r\n"
    with db.transaction() as session:
        run = session.exec(select(TaskRun)).one()
        recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(patch)))
    assert asynccoder("task", "diff", task_id).stdout_bytes == patch


def test_an_export_is_a_whole_file_or_none(near: People, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.chdir(tmp_path)
    task_id = str(submit(near))
    name = asynccoder("task", "export", task_id).stdout.strip()
    assert name == f"asynccoder-{task_id[:8]}.jsonl" and '{"end":' in (tmp_path / name).read_text().splitlines()[-1]
    assert asynccoder("task", "export", task_id, "--to", "-").stdout_bytes == (tmp_path / name).read_bytes()
    asynccoder("task", "export", task_id, "--html", "--to", "page.html")
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert refusal("task", "export", str(near.shop)).exit_code == client.NOT_THERE
    assert "cannot be written" in str(refusal("task", "export", task_id, "--to", "none/page.html"))
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [name, "page.html"]


def test_refusals_have_a_sentence_and_a_code(near: People) -> None:
    task_id = str(submit(near))
    for arguments, code, said in (
        (["task", "watch", "zzzz"], client.NOT_THERE, "no task's id"),
        (["task", "diff", task_id], client.NOT_THERE, "no changes"),
        (["task", "stop", "0" * 36], client.REFUSED, ""),
        (["task", "new", "x", "--repo", "alice/none"], client.NOT_THERE, "no repository alice/none"),
        (["task", "new", "x", "--repo", SHOP, "--model", "gpt-0"], client.NOT_THERE, "There are: "),
    ):
        refused = refusal(*arguments)
        assert refused.exit_code == code and said in str(refused), (arguments, str(refused))
    with db.transaction() as session:
        session.execute(text("UPDATE api_tokens SET revoked_at = now()"))
    refused = refusal("task", "list")
    assert refused.exit_code == client.SIGNED_OUT and str(refused).endswith("Run: asynccoder login")
    client.forget()
    assert refusal("task", "list").exit_code == client.SIGNED_OUT


def test_a_task_whose_answer_was_lost_is_asked_for_once_more_under_the_same_key(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setattr(time, "sleep", lambda _: None)
    keys: list[str] = []

    class Lossy(client.Client):
        def ask(self, method: str, path: str, **given: Any) -> Any:
            keys.append(given["headers"]["Idempotency-Key"])
            if len(keys) == 1:
                raise ClientError("It cannot be reached.", client.UNREACHED)
            return {"id": "x"}

    assert task._created(Lossy("http://127.0.0.1:1"), {"prompt": "x"}) == {"id": "x"}
    assert len(keys) == 2 and len(set(keys)) == 1


def test_a_token_of_the_environment_goes_before_and_one_of_another_server_is_not_sent(
    near: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_URL", "https://other.example.org")
    get_settings.cache_clear()
    assert "login --url https://other.example.org" in str(refusal("task", "list"))
    environment.setenv("ASYNCCODER_TOKEN", "acd_mine")
    get_settings.cache_clear()
    assert client.account() == Account("https://other.example.org", "acd_mine")


def test_a_token_is_kept_for_ones_own_eyes_and_never_sent_in_the_open(near: People, config: Path) -> None:
    config.chmod(0o644)
    with pytest.raises(Misconfigured) as refused:
        CliRunner().invoke(app, ["task", "list"], catch_exceptions=False)
    assert refused.value.fix == f"chmod 600 {config}"
    config.chmod(0o600)
    config.write_text("{")
    assert refusal("task", "list").exit_code == client.SIGNED_OUT
    client.save(Account("http://coder.example.org", "acd_x"))
    assert "in the open" in str(refusal("task", "list"))
    client.save(Account("http://127.0.0.1:1", "acd_x"))
    with pytest.raises(ClientError) as away:
        client.Client.signed_in().get("/api/tasks")
    assert away.value.exit_code == client.UNREACHED


def test_a_refused_sign_in_says_so_and_keeps_nothing(
    near: People, config: Path, environment: pytest.MonkeyPatch
) -> None:
    client.forget()
    environment.setattr(time, "sleep", confirming(near.alice.id, allow=False))
    refused = refusal("login")
    assert refused.exit_code == client.SIGNED_OUT and "refused in the dashboard" in str(refused)
    assert not config.exists()


def test_a_stream_that_breaks_goes_on_after_the_last_entry(environment: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    parts: list[Any] = [
        ["retry: 2000", "", "id: 1", "event: task:event", 'data: {"seq": 1, "kind": "note"}', "", ": alive", ""],
        httpx.ConnectError("away"),
        ["event: task:delta", 'data: {"text": "x", "of": "text"}', "", "event: task:event", 'data: {"seq": 2}', ""],
    ]

    class Broken(client.Client):
        def stream(self, path: str, silence: float, **headers: str) -> Any:
            asked.append(headers["Last-Event-ID"])
            part = parts.pop(0)
            if isinstance(part, Exception):
                raise part
            return _Answer(part)

    class _Answer:
        def __init__(self, lines: list[str]) -> None:
            self._lines = lines

        def __enter__(self) -> "_Answer":
            return self

        def __exit__(self, *_: object) -> None:
            return

        def iter_lines(self) -> Iterator[str]:
            yield from self._lines
            raise httpx.ReadError("cut")

    environment.setattr(time, "sleep", lambda _: None)
    found = task._events(Broken("http://127.0.0.1:1"), "x")
    assert [next(found)["seq"], next(found)["seq"]] == [1, 2] and asked == ["0", "1", "1"]


def test_words_of_others_move_no_cursor() -> None:
    assert task._plain("a\x1b[2Jb\x9b31m\u202ec\td\n") == "a[2Jb31mc\td\n"
