"""The commands beside `up`, in this process, as a person types them."""

import json
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from sqlmodel import delete, func, select
from typer.testing import CliRunner, Result

from backend import crypto, db, events, schema
from backend.cli import app
from backend.errors import AsyncCoderError, InvalidInput, Misconfigured, NotFound
from backend.models import AiModel, Deployment, PullRequest, Repository, Task, User, UserRepositoryAccess
from backend.services import credits, ledger, tasks
from backend.settings import PROJECT_DIR, get_settings
from tests.auditing import Tamper
from tests.backend.engine.scripted import SAMPLE
from tests.conftest import People, forget_settings
from tests.hub import LocalHub
from tests.ports import free_port_pair


def asynccoder(*arguments: str) -> Result:
    """Runs a command that must work."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result


def refusal(*arguments: str) -> AsyncCoderError:
    """Runs a command that must refuse; `main` shows what it raises as one sentence and its fix."""
    with pytest.raises(AsyncCoderError) as refused:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return refused.value


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample repository with its one bug."""
    root = tmp_path / "sample"
    for name, text in SAMPLE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "The shop"]):
        subprocess.run([*git, *words], check=True)
    return root


def test_help_names_every_command() -> None:
    listed = asynccoder("--help").output
    for name in [
        "up",
        "web",
        "worker",
        "scheduler",
        "migrate",
        "seed",
        "doctor",
        "run",
        "sandbox",
        "keys",
        "admin",
        "backup",
    ]:
        assert f" {name} " in listed


def test_migrate_makes_the_schema_marks_the_mode_and_fills_in_the_models(
    new_database: Callable[[], str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_URL", new_database())
    forget_settings()
    for _ in range(2):
        assert "current" in asynccoder("migrate").output
    with db.transaction() as session:
        assert session.exec(select(Deployment.mode)).all() == ["demo"]
        assert "demo-scripted" in session.exec(select(AiModel.name)).all()


def test_a_demos_database_is_refused_by_a_real_deployment(database: str, environment: pytest.MonkeyPatch) -> None:
    asynccoder("migrate")
    for name in ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_WEBHOOK_SECRET", "ASYNCCODER_ADMINS"):
        environment.setenv(name, "x")
    forget_settings()
    assert "demo" in str(refusal("migrate"))


def test_a_schema_of_a_newer_version_is_refused(
    new_database: Callable[[], str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_URL", new_database())
    forget_settings()
    asynccoder("migrate")
    with db.transaction() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in getattr(refusal("migrate"), "fix", "")


def test_a_database_that_is_away_is_one_sentence(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_settings()
    assert "does not answer" in str(refusal("migrate"))


def test_keys_are_rotated_and_what_was_sealed_opens_with_the_new_one_alone(people: People) -> None:
    settings = get_settings()
    file = settings.data_dir / "keys" / "secret-key"
    before = file.read_text().split()
    assert "3 secrets" in asynccoder("keys", "rotate").output
    after = file.read_text().split()
    assert after[1] == before[0] and len(after) == 2
    assert "removed" in asynccoder("keys", "retire").output
    assert file.read_text().split() == after[:1]
    with db.transaction() as session:
        alice = session.exec(select(User).where(User.username == "alice")).one()
        assert crypto.unseal(settings, alice.id, alice.github_access_token or "") == "gho_alice"


def test_the_oldest_key_goes_with_the_second_rotation(people: People) -> None:
    file = get_settings().data_dir / "keys" / "secret-key"
    first = file.read_text().strip()
    asynccoder("keys", "rotate")
    asynccoder("keys", "rotate")
    assert first not in file.read_text()


def test_keys_in_the_environment_are_the_operators_to_change(people: People, environment: pytest.MonkeyPatch) -> None:
    old = (get_settings().data_dir / "keys" / "secret-key").read_text().strip()
    environment.setenv("ASYNCCODER_SECRET_KEYS", old)
    forget_settings()
    assert "keys make" in getattr(refusal("keys", "rotate"), "fix", "")
    new = asynccoder("keys", "make").output.strip()
    environment.setenv("ASYNCCODER_SECRET_KEYS", f"{new},{old}")
    forget_settings()
    asynccoder("keys", "rotate")
    environment.setenv("ASYNCCODER_SECRET_KEYS", new)
    forget_settings()
    with db.transaction() as session:
        bob = session.exec(select(User).where(User.username == "bob")).one()
        assert crypto.unseal(get_settings(), bob.id, bob.github_access_token or "") == "gho_bob"


def test_granted_credits_stand_in_the_ledger(people: People) -> None:
    assert "alice has 150 credits" in asynccoder("admin", "grant", "alice", "50", "--reason", "For the pilot").output
    with db.transaction() as session:
        alice = session.get(User, people.alice.id)
        assert alice is not None and credits.balance(session, alice).credits == 150
        assert ledger.entries(session, alice).rows[0].description == "For the pilot"
        assert credits.unbalanced(session) == []


def test_credits_are_not_taken_nor_given_to_strangers(people: People) -> None:
    assert isinstance(refusal("admin", "grant", "alice", "0"), InvalidInput)
    assert isinstance(refusal("admin", "grant", "mallory", "5"), NotFound)


def test_the_operator_prices_a_model_limits_it_and_reads_the_list_anew(people: People) -> None:
    name = "openai/gpt-5.1"
    asynccoder("admin", "model", name, "--off", "--price", "1,2,0.5,1.25", "--margin", "12.5", "--tiers", "pro")
    [line] = [line for line in asynccoder("admin", "models", "--refresh").output.splitlines() if name in line]
    assert line.split() == f"off {name} $1 in, $2 out per million tokens · margin 12.5 % · Only for pro.".split()
    asynccoder("admin", "model", name, "--on", "--list-price", "--tiers", "all")
    assert "$1.25 in, $10 out" in asynccoder("admin", "models").output
    for wrong in (["--price", "1"], ["--price", "1,-2"], ["--margin", "-1"], ["--tiers", "gold"]):
        assert isinstance(refusal("admin", "model", name, *wrong), InvalidInput)
    assert isinstance(refusal("admin", "model", "openai/none", "--off"), NotFound)
    assert {line.split()[3] for line in asynccoder("admin", "audit").output.splitlines()} == {"operator"}


def test_run_wants_a_price_for_a_model_that_the_list_does_not_know(sample: Path) -> None:
    run = ("run", "--repo", str(sample), "--model", "compatible/ours", "x")
    assert "--price 0.5,1.5" in (refusal(*run).fix or "")  # type: ignore[attr-defined]  # it is Misconfigured
    assert isinstance(refusal(*run, "--price", "0.5"), InvalidInput)


def test_only_whom_the_settings_name_is_made_an_admin(people: People, environment: pytest.MonkeyPatch) -> None:
    assert "ASYNCCODER_ADMINS" in getattr(refusal("admin", "make", "bob"), "fix", "")
    environment.setenv("ASYNCCODER_ADMINS", "alice bob")
    forget_settings()
    asynccoder("admin", "make", "bob")
    assert [line.split()[:2] for line in asynccoder("admin", "people").output.splitlines()] == [
        ["alice", "admin"],
        ["bob", "admin"],
        ["carol", "member"],
    ]


def test_a_seeded_demo_is_believable_and_its_ledger_is_right(people: People, hub: LocalHub) -> None:
    assert "24 tasks" in asynccoder("seed", "--tasks", "24").output
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        assert session.exec(select(func.count()).select_from(Task)).one() == 24
        assert session.exec(select(func.count(func.distinct(Task.title)))).one() == 24
        alice = session.get(User, people.alice.id)
        assert alice is not None
        for group in tasks.sidebar(session, alice).groups:
            for row in group.rows:
                page = tasks.page(session, alice, row.id)
                assert len(events.since(session, row.id, 0)) > 3
                assert bool(page.file_count) == bool(page.pull_request)
        assert session.exec(select(func.max(Task.created_at))).one() < session.exec(select(func.now())).one()


def test_the_pull_requests_of_a_seeded_demo_open_on_its_github_and_its_bug_is_still_there(
    people: People, hub: LocalHub
) -> None:
    asynccoder("seed", "--tasks", "24")
    alice = hub.as_person("alice")
    main = "/repos/alice/sample-shop/branches/main"
    before = alice.get(main).json()["commit"]["sha"]
    with db.transaction() as session:
        rows = session.exec(select(PullRequest, Repository.full_name).join(Repository)).all()
    assert len(rows) > 5
    for row, full_name in rows:
        told = alice.get(f"/repos/{full_name}/pulls/{row.pr_number}").json()
        assert (told["id"], told["title"], told["html_url"]) == (row.github_pr_id, row.title, row.url)
        assert (told["head"]["ref"], told["head"]["sha"]) == (row.source_branch, row.head_sha)
        assert (told["state"], bool(told["merged_at"])) == ("closed", row.merged_at is not None)
        assert told["commits"] == told["changed_files"] == 1
        page = hub.http.get(row.url)
        assert page.status_code == 200 and row.title in unescape(page.text)
    asynccoder("seed", "--tasks", "6")
    (open_one,) = alice.get("/repos/acme/shop/pulls").json()
    assert (open_one["user"]["login"], open_one["state"], open_one["head"]["ref"]) == (
        *("bob", "open"),
        "single-item-returns",
    )
    assert alice.get(main).json()["commit"]["sha"] == before


def test_seeding_with_the_demos_github_away_says_what_to_do_and_writes_nothing(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_PORT", str(free_port_pair()))
    forget_settings()
    assert "asynccoder up" in getattr(refusal("seed"), "fix", "")
    with db.transaction() as session:
        assert session.exec(select(func.count()).select_from(Task)).one() == 0


def test_seeding_before_anybodys_repositories_were_read_says_so(people: People) -> None:
    with db.transaction() as session:
        session.execute(delete(UserRepositoryAccess))
    assert "has not read their repositories" in str(refusal("seed"))


def test_seeding_without_anyone_to_seed_for_says_what_to_do(database: str) -> None:
    asynccoder("migrate")
    assert "sign in as alice" in getattr(refusal("seed"), "fix", "")


def test_run_mends_the_sample_in_a_copy_and_prints_the_diff(sample: Path, environment: pytest.MonkeyPatch) -> None:
    done = asynccoder("run", "--repo", str(sample), "--model", "demo/demo-scripted", "The totals are wrong")
    assert done.exit_code == 0
    assert done.stdout.startswith("diff --git a/shop/totals.py b/shop/totals.py")
    assert "scripted demo model" in done.stderr
    assert (sample / "shop" / "totals.py").read_text() == SAMPLE["shop/totals.py"]


def test_run_speaks_json_lines_on_demand(sample: Path, environment: pytest.MonkeyPatch) -> None:
    done = asynccoder("run", "--json", "--repo", str(sample), "--model", "demo/demo-scripted", "--type", "ask", "What?")
    *log, ending = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"model_turn", "tool_result"} <= {entry["kind"] for entry in log}
    assert ending["kind"] == "finished" and ending["patch"] == ""


def test_run_refuses_what_it_cannot_do(tmp_path: Path, sample: Path, environment: pytest.MonkeyPatch) -> None:
    repo = str(sample)
    assert "not a git repository" in str(refusal("run", "--repo", str(tmp_path / "no"), "--model", "demo/x", "y"))
    assert "PROVIDER/NAME" in str(refusal("run", "--repo", repo, "--model", "demo", "y"))
    assert isinstance(refusal("run", "--repo", repo, "--model", "nobody/x", "y"), Misconfigured)
    assert "ANTHROPIC_API_KEY" in getattr(refusal("run", "--repo", repo, "--model", "anthropic/x", "y"), "fix", "")


def test_a_command_runs_in_the_jail_and_its_exit_code_comes_back(environment: pytest.MonkeyPatch) -> None:
    done = asynccoder("sandbox", "--", "sh", "-c", "echo inside; ls /root/.ssh 2>/dev/null; exit 7")
    assert done.exit_code == 7
    assert done.stdout == "inside\n"


def test_a_jail_without_a_command_says_how(environment: pytest.MonkeyPatch) -> None:
    assert "asynccoder sandbox --" in str(refusal("sandbox"))


def test_doctor_finds_a_running_deployment_well(people: People) -> None:
    done = asynccoder("doctor")
    assert "WRONG" not in done.output, done.output
    assert done.exit_code == 0
    for name in ("database", "schema", "ledger", "redis", "sandbox here", "keys"):
        assert f"ok     {name}" in done.output


def test_doctor_says_when_the_database_takes_too_few_connections_for_so_many_runs(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_WORKERS", "5000")
    forget_settings()
    done = asynccoder("doctor")
    assert "WRONG  connections" in done.output and "Set max_connections of PostgreSQL to 10070" in done.output


def test_doctor_says_what_is_wrong_and_how_to_mend_it(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    environment.setenv("ASYNCCODER_SECRET_KEYS", "no-key")
    environment.setenv("ASYNCCODER_PUBLIC_URL", "https://coder.example.org")
    forget_settings()
    done = asynccoder("doctor")
    assert done.exit_code == 1
    for name, fix in (("database", "unset DATABASE_URL"), ("keys", "Make one with"), ("settings", "GITHUB_CLIENT_ID")):
        assert f"WRONG  {name}" in done.output
        assert fix in done.output


def test_the_newest_migration_is_known_without_alembic(tmp_path: Path, migrated: str) -> None:
    for name, text in {
        "1_first.py": 'revision = "a1"\ndown_revision = None\n',
        "2_then.py": 'revision: str = "b2"\ndown_revision: str | None = "a1"\n',
        "3_last.py": "revision = 'c3'\ndown_revision = 'b2'\n",
    }.items():
        (tmp_path / name).write_text(text)
    assert schema.head(tmp_path) == "c3"
    assert schema.is_at_head(migrated)


def test_a_database_without_our_tables_or_without_an_answer_is_not_at_head(new_database: Callable[[], str]) -> None:
    assert not schema.is_at_head(new_database())
    assert not schema.is_at_head("postgresql://nobody@127.0.0.1:1/none")


def test_the_web_process_refuses_a_database_without_its_schema(
    new_database: Callable[[], str], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_URL", new_database())
    done = subprocess.run([sys.executable, "-m", "backend.serve"], cwd=PROJECT_DIR, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Run: asynccoder migrate")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["web", "worker", "scheduler", "migrate"])
def test_a_process_without_its_servers_says_what_to_do(name: str, environment: pytest.MonkeyPatch) -> None:
    forget_settings()
    assert "make up" in getattr(refusal(name), "fix", "")


def test_the_audit_log_is_listed_verified_and_taken_away(people: People, tamper: Tamper) -> None:
    asynccoder("admin", "grant", "alice", "50")
    asynccoder("admin", "grant", "bob", "5")
    newest, oldest = asynccoder("admin", "audit").output.splitlines()
    assert newest.split()[0] == "2" and "operator" in newest and "credits_granted person bob" in newest
    assert "command line" in oldest and len(asynccoder("admin", "audit", "--limit", "1").output.splitlines()) == 1
    lines = [json.loads(line) for line in asynccoder("admin", "audit", "--export", "json").output.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2]
    assert asynccoder("admin", "audit", "--export", "csv").output.startswith("seq,at,user_id,login,act,")
    assert asynccoder("admin", "audit", "--verify").output.startswith("2 rows are in order.")
    tamper("DELETE FROM audit_log WHERE seq = 2")
    assert "Row 2 is missing" in str(refusal("admin", "audit", "--verify"))
