"""`asynccoder replay`: a task's recorded turns again, in the jail, without its model."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from backend import db
from backend.cli import app
from backend.models import User
from backend.services import export
from tests.backend.services.road import signed_in, submit, work
from tests.conftest import forget_settings
from tests.git_server import git
from tests.hub import LocalHub


def replay(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["replay", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def exported(user_id: UUID, task_id: UUID, path: Path) -> Path:
    with db.transaction() as session:
        facts = export.read(session, session.exec(select(User).where(User.id == user_id)).one(), task_id)
    path.write_text("".join(export.as_lines(facts)))
    return path


def altered(path: Path, was: str, now: str) -> Path:
    words = path.read_text()
    assert was in words
    path.write_text(words.replace(was, now))
    return path


def test_a_demo_task_replays_to_the_same_and_where_the_checkout_differs_it_says_so(
    hub: LocalHub, database: str, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    alice = signed_in(hub, "alice")
    task_id = submit(alice)
    assert work() == 0
    file = exported(alice, task_id, tmp_path / "task.jsonl")
    repo = tmp_path / "clone"
    git(tmp_path, "clone", "-q", hub.as_person("alice").clone_url("alice/sample-shop"), str(repo))
    environment.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")  # it needs none
    forget_settings()
    assert "Run 1: equal. 6 results" in replay(file, "--repo", repo).stdout
    told = json.loads(replay(file, "--repo", repo, "--json").stdout)
    assert told["result"] == "equal" and told["runs"][0]["steps"] == 6

    # The same files, but for one: another commit, which the record is made to begin at.
    base = str(run_of_base(file))
    (repo / "shop/totals.py").write_text((repo / "shop/totals.py").read_text().replace("Totals", "Sums"))
    git(repo, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qam", "Altered")
    head = git(repo, "rev-parse", "HEAD")
    other = altered(exported_copy(file, tmp_path / "other.jsonl"), base, head)
    said = replay(other, "--repo", repo, code=1).stdout
    assert "Run 1: differs." in said and "step 2, read_file shop/totals.py" in said
    assert json.loads(replay(other, "--repo", repo, "--json", code=1).stdout)["result"] == "differs"

    # A turn that edits otherwise: what came of it differs as well.
    edited = altered(exported_copy(file, tmp_path / "edited.jsonl"), "round(line.net, 2)", "round(line.net, 3)")
    assert "step 4, edit_file shop/totals.py" in replay(edited, "--repo", repo, code=1).stdout
    missing = altered(exported_copy(file, tmp_path / "missing.jsonl"), base, "0" * 40)
    assert "does not hold" in replay(missing, "--repo", repo, code=2).output
    assert "has no run 2" in replay(file, "--repo", repo, "--run", "2", code=2).output
    environment.setenv("ASYNCCODER_SANDBOX", "none")
    forget_settings()
    assert "in a jail alone" in replay(file, "--repo", repo, code=2).output


def run_of_base(file: Path) -> str:
    return str(json.loads(file.read_text().split("\n", 1)[0])["runs"][0]["base_sha"])


def exported_copy(file: Path, path: Path) -> Path:
    path.write_text(file.read_text())
    return path


HEAD = '{"format":"asynccoder-task","version":1,"task":{"type":"debug"},"runs":[{"number":1}]}\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no task"),
        ("\x00\x01", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]\n", "no entry"),
        ('{"format":"other"}\n', "no task"),
        (HEAD.replace('"version":1', '"version":2'), "version 2"),
        ('{"format":"asynccoder-task","version":1}\n', "lacks"),
        (HEAD, "breaks off"),
        (HEAD + '{"end":3}\n', "breaks off"),
        (HEAD + '{"seq":1}\n', "Line 2"),
        (HEAD + '{"kind":"nonsense","run":1,"payload":{}}\n', "Line 2"),
        (HEAD + '{"end":0}\n', "never began"),
    ],
)
def test_a_file_that_is_none_is_said_so(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "file.jsonl"
    file.write_text(content)
    assert said in replay(file, code=2).output
    assert json.loads(replay(file, "--json", code=2).stdout)["result"] == "cannot"


def test_a_file_that_is_not_there_cannot_be_replayed(tmp_path: Path) -> None:
    assert "No such file" in replay(tmp_path / "none", code=2).output
