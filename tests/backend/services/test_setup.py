"""The deployment's own parts: how each is found, what hangs or is away, since when, and who may read it."""

import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import clock, db, redis
from backend.errors import Forbidden, Misconfigured
from backend.models import Machine, PartState
from backend.services import audit, setup, sweeps
from backend.services.setup import Finding, Look, Looker
from backend.services.setup.finding import ok
from backend.settings import Settings, get_settings
from backend.words import Act, ObjectKind
from tests.conftest import People, forget_settings
from tests.model_server import Refuse, ScriptedModelServer, Turn


def look(**how: bool) -> dict[str, Finding]:
    return {one.name: one for one in Looker().look(get_settings(), **how)}


def states(*names: str) -> list[PartState]:
    found = look()
    return [found[name].state for name in names]


def kept(*found: Finding) -> None:
    with db.transaction() as session:
        setup.record(session, found)


def shown(people: People) -> dict[str, setup.Part]:
    with db.transaction() as session:
        return {one.name: one for one in setup.read(session, people.alice).parts}


def test_a_deployment_without_processes_says_which_are_missing_and_how_to_start_them(people: People) -> None:
    found = look()
    for name, command in {
        "run workers": "asynccoder worker runs",
        "chore worker": "asynccoder worker chores",
        "scheduler": "asynccoder scheduler",
    }.items():
        assert (found[name].state, found[name].command) == (PartState.BROKEN, command)
    well = [name for name, one in found.items() if one.state is PartState.OK]
    assert {"settings", "database", "schema", "clock", "ledger", "redis", "keys", "sealed secrets", "disk"} <= {*well}
    assert found["sandbox"].words == "no worker has told of its own yet"
    assert found["GitHub"].state is PartState.NOT_SET_UP and found["demo's GitHub"].state is PartState.BROKEN
    assert found["database"].words.startswith("PostgreSQL ")
    assert "run workers" not in look(is_live=False), "before they are started they are not missed"


def test_the_scheduler_is_known_by_its_lock_and_by_its_sweeps(people: People) -> None:
    with db.engine().connect() as other:
        other.execute(text("SELECT pg_advisory_lock(:key)"), {"key": sweeps.LOCK})
        assert states("scheduler") == [PartState.OK], "it has just begun"
        sweeps.tell()
        assert look()["scheduler"].at is not None
        other.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": sweeps.LOCK})
    assert states("scheduler") == [PartState.BROKEN]


def test_each_machine_tells_of_its_own_sandbox_and_disk_and_a_silent_one_is_missed(people: People) -> None:
    gone = clock.now() - timedelta(hours=1)
    with db.transaction() as session:
        session.add(_machine("one", sandbox="bubblewrap", sandbox_probes=17))
        session.add(_machine("two", sandbox="none", free=get_settings().least_free - 1))
        session.add(_machine("three", sandbox_trouble="it can see /etc/shadow", sandbox_fix="Update it.", free=1))
        session.add(_machine("four", sandbox="bubblewrap", seen_at=gone))
        session.add(_machine("five", seen_at=clock.now() - timedelta(days=8)))
    found = {one.key: one for one in Looker().look(get_settings())}
    told = {place.partition(":")[0]: one for (name, place), one in found.items() if name == "sandbox"}
    assert {host: one.state for host, one in told.items()} == {
        "one": PartState.OK,
        "two": PartState.ATTENTION,
        "three": PartState.BROKEN,
        "four": PartState.ATTENTION,
    }
    assert told["three"].fix == "Update it." and told["four"].at == gone
    disks = {place.partition(":")[0]: one.state for (name, place), one in found.items() if name == "disk"}
    assert (disks["one"], disks["two"], disks["three"]) == (PartState.OK, PartState.ATTENTION, PartState.BROKEN)
    assert "four" not in disks


def _machine(host: str, **told: object) -> Machine:
    return Machine(host=host, data_dir="/data", **{"free": 2**40, "total": 2**41, **told})  # type: ignore[arg-type]


def test_a_webhook_that_waits_or_was_given_up_wants_attention(people: People) -> None:
    assert states("webhook") == [PartState.NOT_SET_UP]
    with db.transaction() as session:
        _deliver(session, "one", "now()")
    found = look()["webhook"]
    assert found.state is PartState.OK and found.at is not None
    with db.transaction() as session:
        _deliver(session, "two", "now() - interval '5 minutes'")
    assert look()["webhook"].words == "1 deliveries wait for over a minute"
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET attempts = 5 WHERE delivery_id = 'two'"))
    assert look()["webhook"].words == "1 deliveries could not be applied"


def _deliver(session: Session, name: str, at: str) -> None:
    done = "now()" if name == "one" else "NULL"
    session.execute(
        text(
            "INSERT INTO webhook_deliveries (delivery_id, event, received_at, processed_at)"
            f" VALUES (:name, 'push', {at}, {done})"
        ),
        {"name": name},
    )


def test_a_backup_that_was_made_is_known_until_it_is_old(people: People) -> None:
    assert states("backup") == [PartState.NOT_SET_UP]
    with db.transaction() as session:
        made = audit.Object(ObjectKind.DEPLOYMENT, "backup", "a backup")
        audit.record(session, Act.BACKUP_MADE, audit.OPERATOR, made)
    assert states("backup") == [PartState.OK]


def test_a_key_that_the_provider_takes_refuses_or_cannot_be_asked_about(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    assert look()["models"].words == "only the scripted stand-in"
    refusal = Refuse(401, "invalid_api_key", "Incorrect API key provided: sk-dep***key")
    with ScriptedModelServer([Turn()]) as server, ScriptedModelServer([refusal]) as refusing:
        environment.setenv("OPENAI_API_KEY", "sk-deployment-key")
        environment.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        environment.setenv("ANTHROPIC_API_KEY", "sk-ant-nobody-answers")
        environment.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
        environment.setenv("COMPATIBLE_BASE_URL", f"{refusing.url}/v1")
        forget_settings()
        found = look()
        assert found["compatible server"].fix == "Name them in COMPATIBLE_MODELS."
        environment.setenv("COMPATIBLE_MODELS", "llama")
        forget_settings()
        environment.setenv("GEMINI_API_KEY", "AIza-of-nobody")
        environment.setenv("GEMINI_BASE_URL", server.url)
        forget_settings()
        both = look()
        refused = both["compatible server"]
        assert both["Google"].state is PartState.OK
        [asked] = server.received[:1]
        assert "AIza-of-nobody" in {one.headers.get("x-goog-api-key") for one in server.received}
    assert found["OpenAI"].state is PartState.OK and "models" not in found
    assert (asked.path, asked.headers["authorization"]) == ("/v1/models", "Bearer sk-deployment-key")
    unheard = found["Anthropic"]
    assert (unheard.state, unheard.words) == (PartState.ATTENTION, "it does not answer (ConnectError)")
    assert (refused.state, refused.words) == (PartState.BROKEN, "it refuses the key (401)")
    assert "sk-" not in f"{found} {both}" and "AIza" not in str(both)


def test_no_password_of_a_setting_stands_in_any_text(database: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://me:pass-word-1@127.0.0.1:1/none")
    environment.setenv("REDIS_URL", "redis://:pass-word-2@127.0.0.1:1/0")
    environment.setenv("ASYNCCODER_SECRET_KEYS", "pass-word-3")
    forget_settings()
    looks = [Look(("mine",), lambda settings: [ok("mine", f"at {settings.database_url} with {settings.redis_url}")])]
    [mine] = Looker(looks).look(get_settings())
    assert mine.words == "at postgresql://me:…@127.0.0.1:1/none with redis://:…@127.0.0.1:1/0"
    assert "pass-word" not in str(look())


def test_servers_that_are_away_hide_nothing_that_can_be_known_without_them(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    forget_settings()
    found = look()
    assert found["redis"].state is PartState.BROKEN and "unset REDIS_URL" in found["redis"].fix
    assert (found["run workers"].state, found["run workers"].words) == (
        PartState.ATTENTION,
        "not known: Redis cannot be asked",
    )
    assert found["database"].state is PartState.OK and found["scheduler"].state is PartState.BROKEN
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_settings()
    found = look()
    assert found["database"].state is PartState.BROKEN
    assert found["schema"].words == found["webhook"].words == "not known: the database cannot be asked"
    assert found["disk"].state is found["keys"].state is PartState.OK


def test_a_look_that_hangs_is_told_once_and_begun_once_and_one_that_breaks_hides_no_other(database: str) -> None:
    begun, go = list[int](), threading.Event()

    def hangs(_: Settings) -> Iterator[Finding]:
        begun.append(1)
        go.wait(20)
        yield ok("slow", "came back")

    def breaks(_: Settings) -> Iterable[Finding]:
        raise ValueError("a secret may stand here")

    def refuses(_: Settings) -> Iterable[Finding]:
        raise Misconfigured("It is wrong.", fix="Mend it.")

    looker = Looker([
        Look(("slow",), hangs, patience=0.05),
        Look(("broken",), breaks),
        Look(("refused",), refuses),
        Look(("well",), lambda _: [ok("well", "fine")]),
    ])  # fmt: skip
    for _ in range(2):
        slow, broken, refused, well = looker.look(get_settings())
        assert (slow.state, slow.words) == (PartState.BROKEN, "no answer within 0 s")
        assert broken.words == "could not be looked at (ValueError)"
        assert (refused.words, refused.fix, well.state) == ("It is wrong.", "Mend it.", PartState.OK)
    go.set()
    assert begun == [1]


def test_an_answer_is_remembered_for_as_long_as_it_lasts_unless_it_is_asked_anew(database: str) -> None:
    asked = list[int]()

    def count(_: Settings) -> Iterable[Finding]:
        asked.append(1)
        return [ok("counted", str(len(asked)))]

    looker = Looker([Look(("counted",), count, lasting=600)])
    assert [looker.look()[0].words, looker.look()[0].words, looker.look(anew=True)[0].words] == ["1", "1", "2"]


def test_since_moves_with_the_state_alone_and_what_is_not_seen_any_more_is_not_shown(people: People) -> None:
    kept(ok("one", "well"), ok("two", "well"))
    with db.transaction() as session:
        session.execute(text("UPDATE setup_parts SET since = now() - interval '1 hour'"))
    before = shown(people)
    kept(ok("one", "better"), Finding("two", PartState.BROKEN, "away", "Mend it.", "mend"))
    after = shown(people)
    assert after["one"].since == before["one"].since and after["one"].words == "better"
    assert after["two"].since > before["two"].since and after["two"].fix == "Mend it."
    with db.transaction() as session:
        assert setup.broken(session, people.alice) == 1 and setup.broken(session, people.bob) == 0
        session.execute(text("UPDATE setup_parts SET seen_at = now() - interval '6 minutes' WHERE name = 'two'"))
        assert setup.broken(session, people.alice) == 0
        session.execute(text("UPDATE setup_parts SET seen_at = now() - interval '2 days' WHERE name = 'two'"))
    assert set(shown(people)) == {"one"}
    kept(ok("one", "better"), ok("disk", "large", place="here"), ok("disk", "large", place="there"))
    kept(ok("one", "better"), ok("disk", "large", place="here"))
    with db.transaction() as session:
        places = session.execute(text("SELECT place FROM setup_parts ORDER BY place")).scalars().all()
    assert places == ["", "here", "there"], "another web process may see what this one does not"


def test_what_was_found_is_kept_whatever_words_it_has_and_what_is_not_new_is_not_written(
    people: People, statements: list[str]
) -> None:
    kept(Finding("odd", PartState.BROKEN, "NUL \x00 and \ud800" + "x" * 10_000))
    assert len(shown(people)["odd"].words) <= 500
    with db.transaction() as session:
        before = session.execute(text("SELECT xmin::text FROM setup_parts")).scalar_one()
    kept(Finding("odd", PartState.BROKEN, "NUL \x00 and \ud800" + "x" * 10_000))
    with db.transaction() as session:
        assert session.execute(text("SELECT xmin::text FROM setup_parts")).scalar_one() == before


def test_only_admins_read_it(people: People) -> None:
    for person in (people.bob, people.carol):
        with pytest.raises(Forbidden), db.transaction() as session:
            setup.read(session, person)


def test_without_redis_what_was_found_is_kept_all_the_same(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    redis.client.cache_clear()
    get_settings.cache_clear()
    setup.check()
    assert shown(people)["redis"].state is PartState.BROKEN
