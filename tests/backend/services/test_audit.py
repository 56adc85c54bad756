"""Every act that is written down, once, with who did it, on what, from where, and without a secret."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session

from backend import clock, db
from backend.errors import Forbidden, InvalidInput
from backend.github.types import Profile, Token
from backend.models import AuditEntry, User
from backend.services import (
    account,
    admin,
    api_tokens,
    audit_reading,
    auth,
    device_grants,
    github_tokens,
    provider_keys,
    repository_settings,
    repository_setup,
    sealing,
    sessions,
)
from backend.services import people as service
from backend.services.api_tokens import Scope
from backend.services.audit_reading import Wanted
from backend.services.repository_settings import DraftPolicy
from backend.settings import get_settings
from backend.words import Act, Tier
from tests.auditing import acts, rows, verified
from tests.conftest import People
from tests.model_server import ScriptedModelServer, Turn

HOME = "192.0.2.7"
SECRET = "s3cret-words-of-alices"
PROFILE = Profile(1, "alice", "Alice", None, None)


def do(work: Callable[..., object], user: User, *arguments: object, **named: object) -> Any:
    """One act of the person's, from home, in a transaction of its own."""
    with db.transaction() as session:
        return work(session, session.get_one(User, user.id), *arguments, address=HOME, **named)


def sign_in(profile: Profile = PROFILE) -> str:
    with db.transaction() as session:
        token = Token(SECRET, SECRET, None, ())
        return auth.sign_in(session, profile, token, "Firefox/128.0 Linux", address=HOME)[1]


def one(act: Act) -> AuditEntry:
    """The only row of this act."""
    (row,) = [row for row in rows() if row.act == act]
    return row


@pytest.fixture(autouse=True)
def whole(database: str) -> Iterator[None]:
    """Whatever a test did, the chain is in order after it, and says no secret."""
    yield
    assert verified().fault is None
    assert all(SECRET not in row.model_dump_json() for row in rows())


@pytest.fixture
def chief(people: People) -> User:
    """Bob as an admin."""
    with db.transaction() as session:
        bob = session.get_one(User, people.bob.id)
        bob.role = "admin"
        return bob


def test_a_browser_comes_and_goes(people: People) -> None:
    cookie = sign_in()
    row = one(Act.SIGN_IN)
    assert (row.user_id, row.login, row.address, row.object_kind) == (people.alice.id, "alice", HOME, "session")
    for _ in range(2):
        with db.transaction() as session:
            auth.sign_out(session, cookie, address=HOME)
    assert acts() == ["sign_in", "sign_out"]
    assert one(Act.SIGN_OUT).object_id == row.object_id


def test_a_first_sign_in_connects_and_the_next_one_only_signs_in(people: People) -> None:
    new = Profile(9, "dana", "Dana", None, None)
    sign_in(new), sign_in(new)
    assert acts() == ["github_connected", "sign_in", "sign_in"]


def test_whoever_is_not_let_in_is_written_down(people: People, environment: pytest.MonkeyPatch) -> None:
    with db.transaction() as session:
        auth.note_refusal(session, Profile(77, "mallory", None, None, None), "not allowed", address=HOME)
        auth.note_refusal(session, PROFILE, "disabled", address=HOME)
    stranger, known = rows()
    assert (stranger.user_id, stranger.login, stranger.object_id) == (None, "mallory", "github:77")
    assert (known.user_id, known.object_id, known.details) == (
        people.alice.id,
        str(people.alice.id),
        {"reason": "disabled"},
    )


def test_sessions_that_are_ended_elsewhere(people: People) -> None:
    sign_in(), sign_in()
    with db.transaction() as session:
        wanted = next(row.id for row in sessions.listing(session, people.alice, people.cookies["alice"])[1:])
    before = len(rows())
    for _ in range(2):
        do(sessions.end, people.alice, wanted)
    for _ in range(2):
        do(sessions.end_others, people.alice, people.cookies["alice"])
    single, others = rows()[before:]
    assert (single.act, single.object_id, single.object_name) == ("session_ended", str(wanted), "Firefox on Linux")
    assert (others.act, others.details, others.object_name) == ("session_ended", {"sessions": 1}, "alice")


def test_a_token_is_made_used_and_revoked(people: People) -> None:
    row, text = do(api_tokens.create, people.alice, "laptop", Scope.READ, 30)
    for address in (HOME, HOME, "192.0.2.8", None, HOME):
        with db.transaction() as session:
            assert api_tokens.bearer(session, text, address=address).address == (address or "unknown")
    for _ in range(2):
        do(api_tokens.revoke, people.alice, row.id)
    assert acts() == ["token_made", "token_used", "token_used", "token_revoked"]
    made, used, elsewhere, revoked = rows()
    assert {one.object_id for one in rows()} == {str(row.id)} and made.details["scope"] == "read"
    assert (used.address, elsewhere.address, revoked.address) == (HOME, "192.0.2.8", HOME)
    assert text not in "".join(one.model_dump_json() for one in rows())


def test_the_use_of_a_token_is_written_down_once_a_day_and_address(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = do(api_tokens.create, people.alice, "laptop", Scope.READ, 30)

    def use(_: object = None) -> None:
        with db.transaction() as session:
            api_tokens.bearer(session, text, address=HOME)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert acts().count("token_used") == 1
    tomorrow = clock.now() + timedelta(days=1, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    use()
    assert acts().count("token_used") == 2


def test_a_token_that_cannot_be_made_leaves_nothing(people: People) -> None:
    with pytest.raises(InvalidInput):
        do(api_tokens.create, people.alice, "", Scope.READ, 30)
    with pytest.raises(Forbidden):
        do(api_tokens.create, people.carol, "mine", Scope.ADMIN, 30)
    assert rows() == []


@pytest.mark.parametrize("allow", [True, False])
def test_a_program_that_is_let_in_or_not(people: People, allow: bool) -> None:
    with db.transaction() as session:
        begun = device_grants.begin(session, "asynccoder on box", "192.0.2.9", Scope.WRITE)
    do(device_grants.answer, people.alice, begun.user_code, allow=allow)
    for _ in range(2):
        with db.transaction() as session:
            device_grants.poll(session, begun.device_code, address="192.0.2.9")
    assert acts() == (["device_allowed", "token_made"] if allow else ["device_refused"])
    answered, *made = rows()
    assert (answered.object_name, answered.address) == ("asynccoder on box", HOME)
    assert answered.details == {"scope": "write", "asked_from": "192.0.2.9"}
    assert [row.address for row in made] == (["192.0.2.9"] if allow else [])
    assert begun.user_code not in answered.model_dump_json()


def test_a_granted_token_that_there_is_no_place_for_is_not_written_down(people: People) -> None:
    with db.transaction() as session:
        begun = device_grants.begin(session, "box", HOME, Scope.WRITE)
    do(device_grants.answer, people.alice, begun.user_code, allow=True)
    for number in range(api_tokens.MOST):
        do(api_tokens.create, people.alice, str(number), Scope.READ, 30)
    with db.transaction() as session:
        assert device_grants.poll(session, begun.device_code) is device_grants.Refused.DENIED
    assert acts().count("token_made") == api_tokens.MOST


def test_github_is_let_go_and_connected_again(people: People) -> None:
    for _ in range(2):
        do(account.disconnect_github, people.alice)
    with db.transaction() as session:
        for _ in range(2):
            auth.reconnect(session, people.alice.id, PROFILE, Token(SECRET, None, None, ()), address=HOME)
    assert acts() == ["github_disconnected", "github_connected"]
    for _ in range(2):
        github_tokens.forget(people.alice.id, SECRET)
    assert acts()[2:] == ["github_disconnected"]
    assert (rows()[2].login, rows()[2].object_name) == ("server", "alice")


def test_whoever_is_no_longer_allowed(people: People) -> None:
    for _ in range(2):
        with db.transaction() as session:
            auth.shut_out(session, people.carol.id)
    assert acts() == ["shut_out"] and rows()[0].details == {"sessions": 1, "api_tokens": 0}


def test_an_account_that_is_deleted_keeps_its_login_in_the_log(people: People) -> None:
    do(account.delete_account, people.carol, "carol")
    row = one(Act.ACCOUNT_DELETED)
    assert (row.login, row.object_name, row.user_id) == ("carol", "carol", people.carol.id)


def test_a_key_of_ones_own_comes_and_goes(people: People, environment: pytest.MonkeyPatch) -> None:
    with ScriptedModelServer([Turn("ok")]) as server:
        environment.setenv("ANTHROPIC_BASE_URL", server.url)
        get_settings.cache_clear()
        provider_keys.keep(people.alice.id, "anthropic", SECRET, address=HOME)
    for _ in range(2):
        do(provider_keys.remove, people.alice, "anthropic")
    assert acts() == ["provider_key_added", "provider_key_removed"]
    assert {(row.login, row.object_id, row.address) for row in rows()} == {("alice", "anthropic", HOME)}


def test_a_repositorys_settings_set_up_and_secrets(people: People) -> None:
    settings = {"test_command": f"pytest --token {SECRET}", "draft_policy": DraftPolicy.READY}
    for _ in range(2):
        do(repository_settings.save, people.alice, people.sample, **settings)
        do(repository_setup.save, people.alice, people.sample, script=f"login {SECRET}", environment="A=b")
    do(repository_setup.save, people.alice, people.sample, script=f"login {SECRET}", environment=f"A={SECRET}")
    do(repository_setup.keep_secret, people.alice, people.sample, "NPM_TOKEN", SECRET)
    for _ in range(2):
        do(repository_setup.remove_secret, people.alice, people.sample, "NPM_TOKEN")
    assert [(row.act, row.object_name, row.details) for row in rows()] == [
        ("repository_settings_changed", "alice/sample-shop", {"changed": ["test_command", "draft_policy"]}),
        ("setup_changed", "alice/sample-shop", {"changed": ["setup_script", "environment"]}),
        ("setup_changed", "alice/sample-shop", {"changed": ["environment"]}),
        ("secret_changed", "alice/sample-shop NPM_TOKEN", {}),
        ("secret_removed", "alice/sample-shop NPM_TOKEN", {}),
    ]


def test_what_an_admin_does_with_people(people: People, chief: User) -> None:
    carol = people.carol.id
    sign_in(Profile(3, "carol", None, None, None))
    before = len(rows())
    deeds: list[Callable[[Session, User], object]] = [
        partial(service.set_tier, person_id=carol, tier=Tier.PRO, address=HOME),
        partial(service.give, person_id=carol, amount=5, reason="why not", key="k", address=HOME),
        partial(service.disable, person_id=carol, address=HOME),
        partial(service.enable, person_id=carol, address=HOME),
        partial(service.sign_out, person_id=carol, address=HOME),
    ]
    for deed in deeds:
        for _ in range(2):
            with db.transaction() as session:
                deed(session, chief)
    assert acts()[before:] == ["tier_changed", "credits_granted", "person_disabled", "session_ended", "person_enabled"]
    assert {(row.login, row.object_name, row.address) for row in rows()[before:]} == {("bob", "carol", HOME)}
    assert one(Act.TIER_CHANGED).details == {"before": "free", "now": "pro"}
    assert one(Act.CREDITS_GRANTED).details["credits"] == 5
    for deed in deeds:
        with pytest.raises(Forbidden), db.transaction() as session:
            deed(session, people.carol)
    assert len(rows()) == before + 5


def test_what_the_operator_does_by_hand(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ASYNCCODER_ADMINS", "bob")
    get_settings.cache_clear()
    with db.transaction() as session:
        admin.grant(session, "carol", 7, "For the pilot")
        admin.make_admin(session, "bob", get_settings())
    sealing.seal_again(get_settings())
    with db.transaction() as session:
        admin.make_admin(session, "bob", get_settings())
    assert acts() == ["credits_granted", "role_changed", "keys_rotated"]
    assert {(row.user_id, row.login, row.address) for row in rows()} == {(None, "operator", "command line")}


def test_the_log_is_read_by_admins_alone(people: People, chief: User) -> None:
    sign_in()
    for person in (people.carol, people.bob):
        with pytest.raises(Forbidden), db.transaction() as session:
            audit_reading.listing(session, person, Wanted())
        with pytest.raises(Forbidden), db.transaction() as session:
            audit_reading.verify(session, person)
    with db.transaction() as session:
        assert audit_reading.listing(session, chief, Wanted()).rows
        assert audit_reading.verify(session, chief).fault is None


def test_it_is_listed_newest_first_in_slices_and_narrowed(people: People, chief: User) -> None:
    for number in range(7):
        do(api_tokens.create, people.alice if number % 2 else people.carol, f"t{number}", Scope.READ, 30)
    middle = rows()[3]

    def seqs(**wanted: object) -> list[int]:
        with db.transaction() as session:
            return [row.seq for row in audit_reading.listing(session, chief, Wanted(**wanted)).rows]  # type: ignore[arg-type]

    assert seqs(actor="alice") == [6, 4, 2] and seqs(actor="mallory") == [] and seqs(act=Act.SIGN_IN) == []
    assert seqs(object="t3") == [4] == seqs(object=middle.object_id)
    assert seqs(since=middle.at) == [7, 6, 5, 4] and seqs(until=middle.at) == [3, 2, 1]
    assert seqs(actor="alice", until=middle.at, act=Act.TOKEN_MADE) == [2]
    found, after = [], None
    while True:
        with db.transaction() as session:
            slice = audit_reading.listing(session, chief, Wanted(), after, size=3)
        found += [row.seq for row in slice.rows]
        do(api_tokens.create, people.alice, "meanwhile", Scope.READ, 30)
        if (after := slice.last) is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]
