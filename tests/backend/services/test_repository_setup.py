"""A repository's set-up: changed by who may push, read by who can see it, its secrets by nobody."""

import json
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from backend import db
from backend.errors import Forbidden, InvalidInput, NotFound, RunFailed
from backend.models import RepositorySettings, User
from backend.services import repository_settings, repository_setup, sealing
from backend.services.repository_settings import DraftPolicy
from backend.services.repository_setup import LEAST_SECRET, MOST_NAMES, MOST_SCRIPT, MOST_SECRET, MOST_VALUE, SetupRow
from backend.settings import get_settings
from backend.words import Failure
from tests.conftest import People, keep, remote

TOKEN = "npm_thirty-six-characters-of-a-token"


def save(user: User, repository: UUID, script: str = "", environment: str = "") -> None:
    with db.transaction() as session:
        repository_setup.save(session, user, repository, script=script, environment=environment)


def put(user: User, repository: UUID, name: str = "NPM_TOKEN", value: str = TOKEN) -> None:
    with db.transaction() as session:
        repository_setup.keep_secret(session, user, repository, name, value)


def drop(user: User, repository: UUID, name: str) -> None:
    with db.transaction() as session:
        repository_setup.remove_secret(session, user, repository, name)


def read(user: User, repository: UUID) -> SetupRow:
    with db.transaction() as session:
        return repository_setup.read(session, user, repository)


def test_who_may_push_sets_it_up_and_a_worker_gets_all_of_it(people: People) -> None:
    assert read(people.bob, people.shop) == SetupRow("", "", [], can_change=True)
    save(people.bob, people.shop, " npm ci\r\nmake tools\n", "TZ=UTC\n\n  A=x=y \nEMPTY=")
    put(people.alice, people.shop)
    seen = read(people.bob, people.shop)
    assert (seen.script, seen.environment) == ("npm ci\nmake tools", "A=x=y\nEMPTY=\nTZ=UTC")
    assert [secret.name for secret in seen.secrets] == ["NPM_TOKEN"]
    with db.transaction() as session:
        setup = repository_setup.opened(session, people.shop)
    assert (setup.environment, setup.secrets) == ({"A": "x=y", "EMPTY": "", "TZ": "UTC"}, {"NPM_TOKEN": TOKEN})
    assert TOKEN not in repr(setup)


def test_a_secret_is_kept_sealed_replaced_and_forgotten(people: People) -> None:
    put(people.bob, people.shop, value="the first value of it")
    put(people.bob, people.shop)
    with db.transaction() as session:
        kept = session.get_one(RepositorySettings, people.shop).secrets
        assert TOKEN not in json.dumps(kept)
        assert repository_setup.opened(session, people.shop).secrets == {"NPM_TOKEN": TOKEN}
    for _ in range(2):
        drop(people.bob, people.shop, "NPM_TOKEN")
    assert read(people.bob, people.shop).secrets == []


def test_strangers_get_nothing_and_readers_change_nothing(people: People) -> None:
    with db.transaction() as session:
        keep(session, people.bob, remote(12, "acme/shop", "read"))
    put(people.alice, people.shop)
    assert not read(people.bob, people.shop).can_change
    for user, refusal in ((people.bob, Forbidden), (people.carol, NotFound)):
        with pytest.raises(refusal):
            save(user, people.shop, "curl evil.example")
        with pytest.raises(refusal):
            put(user, people.shop)
        with pytest.raises(refusal):
            drop(user, people.shop, "NPM_TOKEN")
    with pytest.raises(NotFound):
        read(people.carol, people.shop)
    assert [secret.name for secret in read(people.alice, people.shop).secrets] == ["NPM_TOKEN"]


@pytest.mark.parametrize(
    ("script", "variables"),
    [
        ("x" * (MOST_SCRIPT + 1), ""),
        ("echo \x00", ""),
        ("echo \x1b[2J", ""),
        ("echo \ud800", ""),
        ("", "no equals sign"),
        ("", "=value"),
        ("", "1ST=value"),
        ("", "A B=value"),
        ("", "Ä=value"),
        ("", "asynccoder_command=value"),
        ("", "A=1\nA=2"),
        ("", "A=\x00"),
        ("", "A=" + "x" * (MOST_VALUE + 1)),
        ("", "\n".join(f"A{number}=1" for number in range(MOST_NAMES + 1))),
        ("", "\n".join(f"A{number}=" + "x" * MOST_VALUE for number in range(11))),
    ],
)
def test_what_cannot_be_run_is_refused_and_keeps_what_was(people: People, script: str, variables: str) -> None:
    save(people.alice, people.shop, "make", "A=1")
    with pytest.raises(InvalidInput):
        save(people.alice, people.shop, script, variables)
    seen = read(people.alice, people.shop)
    assert (seen.script, seen.environment) == ("make", "A=1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", TOKEN),
        ("NPM-TOKEN", TOKEN),
        ("NPM\x00TOKEN", TOKEN),
        ("X" * 101, TOKEN),
        ("ASYNCCODER_SECRET_KEYS", TOKEN),
        ("TOKEN", "x" * (LEAST_SECRET - 1)),
        ("TOKEN", "x" * (MOST_SECRET + 1)),
        ("TOKEN", "with\x00a NUL in it"),
        ("TOKEN", "of two\nlines of text"),
        ("TOKEN", " blanks around it "),
    ],
)
def test_a_secret_that_no_script_could_use_is_refused(people: People, name: str, value: str) -> None:
    with pytest.raises(InvalidInput):
        put(people.alice, people.shop, name, value)
    assert read(people.alice, people.shop).secrets == []


def test_a_name_is_a_variable_or_a_secret_and_never_both(people: People) -> None:
    put(people.alice, people.shop)
    with pytest.raises(InvalidInput):
        save(people.alice, people.shop, environment="NPM_TOKEN=here")
    save(people.alice, people.shop, environment="OTHER=here")
    with pytest.raises(InvalidInput):
        put(people.alice, people.shop, "OTHER")


def test_a_change_of_the_other_settings_leaves_the_set_up_alone(people: People) -> None:
    save(people.alice, people.sample, "make tools", "A=1")
    put(people.alice, people.sample)
    with db.transaction() as session:
        repository_settings.save(
            session, people.alice, people.sample, test_command="make test", draft_policy=DraftPolicy.DRAFT
        )
    seen = read(people.alice, people.sample)
    assert (seen.script, seen.environment, len(seen.secrets)) == ("make tools", "A=1", 1)


def test_a_rotated_key_opens_the_secrets_and_a_lost_one_is_the_scripts_failure(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    put(people.alice, people.shop)
    old = get_settings().generated_key("secret-key")
    new = Fernet.generate_key().decode()
    environment.setenv("ASYNCCODER_SECRET_KEYS", f"{new} {old}")
    get_settings.cache_clear()
    assert sealing.seal_again(get_settings()) >= 1
    environment.setenv("ASYNCCODER_SECRET_KEYS", new)
    get_settings.cache_clear()
    with db.transaction() as session:
        assert repository_setup.opened(session, people.shop).secrets == {"NPM_TOKEN": TOKEN}
    environment.setenv("ASYNCCODER_SECRET_KEYS", Fernet.generate_key().decode())
    get_settings.cache_clear()
    with db.transaction() as session, pytest.raises(RunFailed) as failed:
        repository_setup.opened(session, people.shop)
    assert failed.value.failure is Failure.SETUP_FAILED


def test_a_sealed_secret_copied_to_another_repository_does_not_open(people: People) -> None:
    put(people.alice, people.shop)
    with db.transaction() as session:
        stolen = session.get_one(RepositorySettings, people.shop).secrets
        session.add(RepositorySettings(repository_id=people.sample, secrets=stolen))
    with db.transaction() as session, pytest.raises(RunFailed):
        repository_setup.opened(session, people.sample)
