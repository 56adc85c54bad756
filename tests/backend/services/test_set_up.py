"""The set-up step of a run: true git, true jail, a model that says which commands to run."""

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import AiModel, Artifact, CreditTransaction, TaskEvent, User
from backend.services import credits, provider_keys, repositories, repository_setup, set_up, tasks
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Phase, Priority, Status, TaskType
from tests.backend.sandbox.conftest import KINDS
from tests.backend.sandbox.test_proxy import ASK, index
from tests.backend.services.road import hand_to_the_next, run_of, signed_in, started, task_of, work
from tests.hub import LocalHub
from tests.model_server import Call, ScriptedModelServer, Turn

__all__ = ["index"]  # a fixture
SHOP = "alice/sample-shop"
SECRET = "s3cret/value+of-the-registry"
FINISH = Call("finish", {"title": "Note it", "summary": "Noted."}, id="toolu_end")


def command(line: str, name: str = "toolu_command") -> Turn:
    return Turn(calls=[Call("run_command", {"command": line}, id=name)])


@dataclass(frozen=True)
class Bench:
    """Alice, her repository, and the model's server."""

    alice: UUID
    repository: UUID
    server: ScriptedModelServer

    def prepare(self, script: str, environment: str = "", secret: str = "") -> None:
        with db.transaction() as session:
            user = session.get_one(User, self.alice)
            repository_setup.save(session, user, self.repository, script=script, environment=environment)
            if secret:
                repository_setup.keep_secret(session, user, self.repository, "REGISTRY_TOKEN", secret)

    def send(self, *turns: Turn, task_type: TaskType = TaskType.ASYNC) -> UUID:
        self.server.script = [*turns, Turn(calls=[FINISH])]
        self.server.received.clear()
        with db.transaction() as session:
            model = session.exec(select(AiModel.id).where(AiModel.name == "claude-sonnet-4-6")).one()
        return tasks.send(
            self.alice, tasks.Draft(self.repository, "main", None, model, task_type, Priority.MEDIUM, "Note it")
        )


@pytest.fixture
def bench(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[Bench]:
    with ScriptedModelServer([Turn("ok")]) as server:
        environment.setenv("ANTHROPIC_BASE_URL", server.url)
        environment.setenv("ASYNCCODER_PACKAGE_HOSTS", "none")
        get_settings.cache_clear()
        alice = signed_in(hub, "alice")
        provider_keys.keep(alice, "anthropic", "sk-anthropic-a-key-of-alices-own")
        with db.transaction() as session:
            listed = repositories.listing(session, session.get_one(User, alice))
        server.received.clear()
        yield Bench(alice, next(row.id for row in listed if row.full_name == SHOP), server)


def entries(task_id: UUID) -> list[TaskEvent]:
    with db.transaction() as session:
        return list(session.exec(select(TaskEvent).where(TaskEvent.task_id == task_id).order_by(text("seq"))))


def results(task_id: UUID, name: str) -> list[dict[str, Any]]:
    kind = EventKind.TOOL_RESULT
    return [one.payload for one in entries(task_id) if one.kind == kind and one.payload["name"] == name]


def all_that_is_kept() -> bytes:
    """Every row of the database that a run writes, unpacked."""
    with db.transaction() as session:
        rows = [str(row).encode() for row in session.execute(text("SELECT payload::text FROM task_events"))]
        rows += [
            str(row).encode() for row in session.execute(text("SELECT row_to_json(task_results) FROM task_results"))
        ]
        rows += [str(row).encode() for row in session.execute(text("SELECT row_to_json(task_runs) FROM task_runs"))]
        packed = [*session.exec(select(TaskEvent.raw)), *session.exec(select(Artifact.content))]
    return b"\n".join([*rows, *(_unpacked(one) for one in packed if one)])


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return content


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_runs_first_and_what_it_adds_is_there_for_the_model_and_the_tests_alone(
    hub: LocalHub, bench: Bench, environment: pytest.MonkeyPatch, kind: str
) -> None:
    environment.setenv("ASYNCCODER_SANDBOX", kind)
    get_settings.cache_clear()
    bench.prepare(
        "mkdir -p .venv made && echo tool > .venv/tool && echo generated > made/config\n"
        'echo changed >> README.md; echo "in $MODE with $REGISTRY_TOKEN" && echo "${REGISTRY_TOKEN:0:4}"',
        "MODE=testing",
        SECRET,
    )
    with db.transaction() as session:
        check = 'test "$MODE" = testing && test -f .venv/tool && test -z "$REGISTRY_TOKEN" && echo "Ran 1 test in 0s"'
        session.execute(text("UPDATE repository_settings SET test_command = :check"), {"check": check})
    task_id = bench.send(
        command("cat .venv/tool made/config; env; cat README.md | tail -n 1; cat /proc/1/environ"),
        command("echo mine > made/mine; echo note > NOTES.md", "toolu_write"),
    )
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED), entries(task_id)[-1].payload
    assert run.evidence is not None and run.evidence["verdict"] == "verified", run.evidence
    kinds = [(one.kind, one.payload.get("name")) for one in entries(task_id)]
    assert kinds.index(("tool_result", "set_up")) < kinds.index(("workspace", None)) < kinds.index(("model_turn", None))
    [said] = results(task_id, "set_up")
    told = "(no network: no package hosts are configured)"
    told = told if kind == "bubblewrap" else f"(no network: the jail {kind} has none to give)"
    assert (said["text"], said["exit_code"], said["is_error"]) == (
        f"{told}\nin testing with [REGISTRY_TOKEN]\ns3cr",
        0,
        False,
    )
    seen = results(task_id, "run_command")[0]["text"]
    assert "tool\ngenerated" in seen and "MODE=testing" in seen
    assert "REGISTRY_TOKEN" not in seen and "changed" not in seen
    with db.transaction() as session:
        files = [row.path for row in tasks.diff(session, session.get_one(User, bench.alice), task_id)]
    assert sorted(files) == ["NOTES.md", "made/mine"]
    assert SECRET.encode() not in all_that_is_kept()
    assert SECRET not in str([one.body for one in bench.server.received])


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo about to fail; false; echo never", "exit code 1"),
        ("echo registry=$REGISTRY_TOKEN > .npmrc", "left a secret"),
        ("mkdir -p deep/er && echo $REGISTRY_TOKEN > deep/er/.hidden && chmod 000 deep/er/.hidden", "left a secret"),
        ("git config remote.x.url https://u:$REGISTRY_TOKEN@example.org", "left a secret"),
    ],
)
def test_a_script_that_fails_or_leaves_a_secret_ends_the_run_which_costs_nothing(
    hub: LocalHub, bench: Bench, script: str, words: str
) -> None:
    bench.prepare(script, secret=SECRET)
    task_id = bench.send(command("true"))
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.failure, run.attempt) == (Status.FAILED, Failure.SETUP_FAILED, 1)
    assert bench.server.received == [] and not run.charged
    [said] = results(task_id, "set_up")
    assert said["is_error"] and words in said["text"] and "never" not in said["text"]
    assert words in next(one.payload["text"] for one in entries(task_id) if one.kind == EventKind.ENDED)
    assert SECRET.encode() not in all_that_is_kept()
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        assert session.exec(select(CreditTransaction).where(CreditTransaction.type == "debit")).all() == []


def test_a_script_that_takes_too_long_is_ended(bench: Bench, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(set_up, "SECONDS", 1)
    bench.prepare("echo begun; sleep 60")
    task_id = bench.send(command("true"))
    assert work() == 0
    assert run_of(task_id).failure == Failure.SETUP_FAILED
    [said] = results(task_id, "set_up")
    assert "\nbegun" in said["text"] and "stopped after 1 s" in said["text"]


def test_the_script_alone_reaches_a_package_host_and_no_other(
    bench: Bench, environment: pytest.MonkeyPatch, index: str
) -> None:
    environment.setenv("ASYNCCODER_PACKAGE_HOSTS", index)
    get_settings.cache_clear()
    asked = f"for url in {index}/simple 127.0.0.3:9/; do python3 .ask.py http://$url; done"
    bench.prepare(f"cat > .ask.py <<'END'\n{ASK}\nEND\n{asked}")
    task_id = bench.send(command(f"python3 .ask.py http://{index}/simple; env | grep -i proxy; ls -A"))
    assert work() == 0
    told = results(task_id, "set_up")[0]["text"].splitlines()
    assert told[:3] == [f"(network: {index})", "(refused: 127.0.0.3:9)", "/simple close None"] and "403" in told[3]
    said = results(task_id, "run_command")[0]["text"]
    assert "/simple" not in said and "urlopen error" in said and "PROXY" not in said.upper()
    assert ".asynccoder" not in said, "nothing of ours is left lying around"


def test_what_it_added_is_kept_while_all_that_it_depends_on_is_the_same(hub: LocalHub, bench: Bench) -> None:
    def set_up_again(environment: str = "") -> str:
        bench.prepare("mkdir .venv; echo $MODE > .venv/tool; date +%s%N > .venv/made; sleep 0.01", environment)
        with db.transaction() as session:
            session.execute(text("UPDATE repository_settings SET test_command = 'test -f .venv/made'"))
        task_id = bench.send(command("cat .venv/*; git status --porcelain; echo note > NOTES.md"))
        assert work() == 0
        evidence = run_of(task_id).evidence
        assert evidence is not None and evidence["exit_code"] == 0
        said = results(task_id, "set_up")[0]["text"]
        return "kept " + results(task_id, "run_command")[0]["text"] if "kept from" in said else said

    assert "kept" not in set_up_again()
    hub.commit("alice", SHOP, "README.md", lambda old: old + "Another line.")
    assert set_up_again().startswith("kept"), "no file that it depends on"
    assert "kept" not in set_up_again("MODE=other")
    for kept in (get_settings().data_dir / "setups").iterdir():
        kept.write_bytes(b"no archive")
    assert "kept" not in set_up_again(), "what is broken is made again"


def test_a_question_runs_no_script(bench: Bench) -> None:
    bench.prepare("exit 1", secret=SECRET)
    task_id = bench.send(task_type=TaskType.ASK)
    assert work() == 0
    assert run_of(task_id).outcome == Outcome.ANSWERED and results(task_id, "set_up") == []


def test_a_later_run_sets_up_without_what_the_model_wrote(hub: LocalHub, bench: Bench) -> None:
    bench.prepare("sh tools/prepare.sh 2>/dev/null || echo nothing of the model here", secret=SECRET)
    task_id = bench.send(command("mkdir tools; echo 'echo $REGISTRY_TOKEN | rev' > tools/prepare.sh"))
    assert work() == 0
    bench.server.script = [command("cat tools/prepare.sh > again.txt"), Turn(calls=[FINISH])]
    bench.server.received.clear()
    with db.transaction() as session:
        tasks.follow_up(session, session.get_one(User, bench.alice), task_id, "Once more.")
    assert work() == 0
    run = run_of(task_id)
    assert (run.number, run.status) == (2, Status.COMPLETED), entries(task_id)[-1].payload
    assert [said["text"].splitlines()[-1] for said in results(task_id, "set_up")] == ["nothing of the model here"] * 2
    with db.transaction() as session:
        files = [row.path for row in tasks.diff(session, session.get_one(User, bench.alice), task_id)]
    assert sorted(files) == ["again.txt", "tools/prepare.sh"], "the run's own files are there again"


def test_changes_that_hold_a_secret_are_neither_pushed_nor_kept(hub: LocalHub, bench: Bench) -> None:
    bench.prepare("", secret=SECRET)
    task_id = bench.send(command(f"echo 'it was {SECRET[:6]}''{SECRET[6:]}' > NOTES.md"))
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.failure) == (Status.FAILED, Failure.SECRET_FOUND)
    assert hub.pulls("alice", SHOP) == []
    with db.transaction() as session:
        assert "patch" not in session.exec(select(Artifact.kind)).all()


def test_a_stop_ends_the_script_at_once(hub: LocalHub, bench: Bench) -> None:
    bench.prepare("echo begun; sleep 60")
    task_id = bench.send(command("true"))
    worker = started()
    try:
        until(lambda: task_of(task_id).reason == set_up.REASON)
        with db.transaction() as session:
            tasks.cancel(session, session.get_one(User, bench.alice), task_id)
        worker.join(30)
        assert worker.exitcode == 0
    finally:
        worker.kill()
    run = run_of(task_id)
    assert (run.status, run.failure, run.charged or 0) == (Status.CANCELLED, None, 0)
    assert bench.server.received == []


def test_a_worker_killed_in_the_script_leads_to_an_attempt_that_runs_it_again(hub: LocalHub, bench: Bench) -> None:
    bench.prepare("echo begun; sleep 1; echo over")
    task_id = bench.send(command("echo note > NOTES.md"))
    worker = started()
    until(lambda: any(one.payload.get("name") == "set_up" for one in entries(task_id)))
    worker.kill()
    worker.join()
    hand_to_the_next(task_id)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 2)
    assert [said["is_error"] for said in results(task_id, "set_up")] == [True, False]
    assert task_of(task_id).phase == Phase.ENDED


def until(holds: Any) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to it")
