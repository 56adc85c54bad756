"""Backup and restore, rehearsed: what was there is there again, and can be read."""

import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import func, select
from typer.testing import CliRunner

from backend import crypto, db, embedded
from backend.cli import app
from backend.errors import AsyncCoderError, Conflict, Misconfigured
from backend.models import CreditTransaction, PartState, Task, TaskEvent, User
from backend.services import credits, tasks
from backend.services.setup import Looker
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People, forget_settings


def asynccoder(*words: str) -> str:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_backup_is_written_down_and_known_to_the_setup_page(deployed: People, tmp_path: Path) -> None:
    asynccoder("backup", str(tmp_path / "one"))
    found = {one.name: one for one in Looker().look()}
    assert found["backup"].state is PartState.OK and found["backup"].at is not None


def refused(*words: str) -> AsyncCoderError:
    with pytest.raises(AsyncCoderError) as error:
        CliRunner().invoke(app, list(words), catch_exceptions=False)
    return error.value


@pytest.fixture
def deployed(people: People) -> People:
    """A deployment that somebody has begun to use."""
    asynccoder("migrate")
    return people


def submit(people: People, prompt: str = "Fix the rounding") -> None:
    with db.transaction() as session:
        draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, prompt)
        tasks.submit(session, people.alice, draft)


def facts() -> dict[str, object]:
    """What a restored deployment must know again."""
    with db.transaction() as session:
        held = session.exec(select(func.sum(CreditTransaction.held_delta))).one()
        return {
            "prompts": session.exec(select(Task.prompt).order_by(Task.prompt)).all(),
            "events": session.exec(select(func.count()).select_from(TaskEvent)).one(),
            "ledger": session.exec(select(func.count()).select_from(CreditTransaction)).one(),
            "held": int(held),
            "unbalanced": credits.unbalanced(session),
            "tokens": [
                crypto.unseal(get_settings(), user.id, user.github_access_token or "")
                for user in session.exec(select(User).order_by(User.username))
            ],
        }


@pytest.fixture
def elsewhere(new_database: Callable[[], str], environment: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Goes to another machine: an empty database, and a data dir of its own."""

    def go() -> None:
        environment.setenv("DATABASE_URL", new_database())
        environment.setenv("ASYNCCODER_DATA_DIR", str(tmp_path / "other"))
        forget_settings()

    return go


def test_tasks_ledger_and_tokens_are_there_again_on_another_machine(
    deployed: People, elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    submit(deployed)
    asynccoder("keys", "rotate")  # a backup in the middle of a rotation opens too
    file, before = tmp_path / "a.backup", facts()
    assert before["unbalanced"] == [] and before["held"]
    assert "demo" in asynccoder("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    submit(deployed, "Came after it")
    elsewhere()
    assert "3 secrets open" in asynccoder("restore", str(file))
    assert facts() == before
    key = get_settings().data_dir / "keys" / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    submit(deployed, "Goes on")  # the ledger still refuses what it must, and takes what it may
    with pytest.raises(Exception, match="append-only"), db.transaction() as session:
        session.connection().exec_driver_sql("UPDATE credit_transactions SET amount = 1")


def test_what_a_database_holds_is_given_up_by_word_alone(
    deployed: People, elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    file = tmp_path / "a.backup"
    asynccoder("backup", str(file))
    before = facts()
    elsewhere()
    asynccoder("migrate")
    own = get_settings().generated_key("secret-key", lambda: "b" * 43 + "=")
    db.dispose()
    assert "--replace" in str(refused("restore", str(file)))
    asynccoder("restore", str(file), "--replace")
    assert facts() == before
    assert (get_settings().data_dir / "keys" / "secret-key").read_text().split()[-1] == own


def test_nothing_is_replaced_while_something_serves(
    deployed: People, elsewhere: Callable[[], None], tmp_path: Path
) -> None:
    file = tmp_path / "a.backup"
    asynccoder("backup", str(file))
    elsewhere()
    asynccoder("migrate")
    with db.engine().connect():
        assert "in use" in str(refused("restore", str(file), "--replace"))


def test_a_backup_that_is_there_already_stays_as_it_is(people: People, tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    file.write_text("precious")
    assert isinstance(refused("backup", str(file)), Conflict)
    assert file.read_text() == "precious" and [one.name for one in tmp_path.iterdir() if ".backup-" in one.name] == []


def test_a_backup_of_a_newer_version_or_another_mode_and_what_is_no_backup_are_refused(
    deployed: People, elsewhere: Callable[[], None], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, newer, wrong = tmp_path / "a.backup", tmp_path / "newer.backup", tmp_path / "wrong.backup"
    asynccoder("backup", str(file))
    with tarfile.open(file) as old, tarfile.open(newer, "w") as new:
        found = old.extractfile("manifest.json")
        assert found
        (tmp_path / "manifest.json").write_text(json.dumps({**json.loads(found.read()), "revision": "9999"}))
        new.add(tmp_path / "manifest.json", "manifest.json")
    wrong.write_bytes(os.urandom(500))
    elsewhere()
    assert "newer version" in str(refused("restore", str(newer)))
    assert "no backup" in str(refused("restore", str(wrong)))
    for name in ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_WEBHOOK_SECRET", "ASYNCCODER_ADMINS"):
        environment.setenv(name, "x")
    forget_settings()
    assert "demo" in str(refused("restore", str(file)))


def test_without_the_keys_of_its_time_a_restored_deployment_says_so(
    deployed: People, elsewhere: Callable[[], None], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = (get_settings().data_dir / "keys" / "secret-key").read_text().strip()
    environment.setenv("ASYNCCODER_SECRET_KEYS", key)
    forget_settings()
    file = tmp_path / "a.backup"
    assert "Keep ASYNCCODER_SECRET_KEYS" in asynccoder("backup", str(file))
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["manifest.json", "database.dump"]
    elsewhere()
    environment.setenv("ASYNCCODER_SECRET_KEYS", asynccoder("keys", "make").strip())
    forget_settings()
    error = refused("restore", str(file))
    assert "3 secrets open with none" in str(error) and isinstance(error, Misconfigured)


def test_the_embedded_database_is_backed_up_and_restored_while_nothing_runs(
    environment: pytest.MonkeyPatch, redis_url: str, tmp_path: Path
) -> None:
    environment.setenv("REDIS_URL", redis_url)
    forget_settings()
    with embedded.started(embedded.postgres(get_settings())):
        embedded.write_urls(get_settings())
        asynccoder("migrate")
        db.dispose()
    embedded.forget(get_settings())
    file = tmp_path / "a.backup"
    asynccoder("backup", str(file))
    db.dispose()
    assert "--replace" in str(refused("restore", str(file)))
    assert "restored" in asynccoder("restore", str(file), "--replace")
    assert not get_settings().servers_file.exists()
