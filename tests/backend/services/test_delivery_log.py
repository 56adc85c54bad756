"""What admins read of GitHub's deliveries, and what trying one again does."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db, redis
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import PullRequest, Task, UserRepositoryAccess, WebhookDelivery
from backend.queue import CHORES, waiting
from backend.services import deliveries, delivery_log
from backend.services.delivery_log import DeliveryEntry, State, Wanted
from backend.settings import get_settings
from jobs import tasks as chores
from jobs.schedule import tidy
from tests import auditing
from tests.backend.services.test_deliveries import POISON, age, body, forget_bell
from tests.backend.services.worker import submit
from tests.conftest import People
from tests.rows import pull_request


@pytest.fixture(autouse=True)
def alice_is_admin(people: People) -> None:
    people.alice.role = "admin"


def store(event: str = "pull_request", payload: dict[str, Any] | None = None) -> str:
    name = str(uuid4())
    with db.transaction() as session:
        deliveries.store(session, name, event, payload if payload is not None else body())
    return name


def listed(people: People, **wanted: Any) -> list[DeliveryEntry]:
    with db.transaction() as session:
        return delivery_log.window(session, people.alice, Wanted(**wanted)).rows


def one(people: People) -> DeliveryEntry:
    [found] = listed(people)
    return found


def again(people: People, id: UUID, **how: Any) -> DeliveryEntry:
    with db.transaction() as session:
        return delivery_log.again(session, people.alice, id, address="192.0.2.1", **how)


def test_each_state_is_told_and_found(people: People) -> None:
    store("ping", {"zen": "Keep it logically awesome."})
    store(payload={"action": "closed"})  # none of GitHub's: ignored, and says why
    store(payload=body() | {"repository": {"id": 11, "full_name": "alice/sample-shop"}})
    chores.apply_deliveries()
    store(payload=body(POISON))
    for _ in range(deliveries.ATTEMPTS):
        age(3600)
        forget_bell()
        chores.apply_deliveries()
    store("push", {})
    counts = {state: len(listed(people, state=state)) for state in State}
    assert counts == {State.WAITING: 1, State.FAILED: 1, State.DONE: 1, State.IGNORED: 2}
    assert listed(people, state=State.FAILED)[0].error == "DataError"
    assert [row.event for row in listed(people, event="ping")] == ["ping"]
    assert [row.repository for row in listed(people, query="SAMPLE")] == ["alice/sample-shop"]
    assert listed(people, query="%") == listed(people, event="\x00") == []


def test_windows_lead_on_and_back(people: People) -> None:
    for number in range(7):
        store("ping", {"n": number})
    seen: list[UUID] = []
    after = None
    while True:
        with db.transaction() as session:
            window = delivery_log.window(session, people.alice, Wanted(), after, size=3)
        seen += [row.id for row in window.rows]
        if window.older is None:
            break
        after = window.older
    assert len(seen) == len(set(seen)) == 7 and not window.is_first
    with db.transaction() as session:
        back = delivery_log.window(session, people.alice, Wanted(), window.newer, size=3)
        first = delivery_log.window(session, people.alice, Wanted(), back.newer, size=3)
    assert [row.id for row in back.rows] == seen[3:6] and first.is_first
    assert [row.id for row in first.rows] == seen[:3]


def test_one_that_broke_gets_its_attempts_back_and_twice_is_once(people: People) -> None:
    store(payload=body(POISON))
    chores.apply_deliveries()
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET attempts = 5"))
    assert again(people, one(people).id).state is State.WAITING
    bells = waiting(CHORES)
    again(people, one(people).id)
    assert auditing.acts() == ["delivery_replayed"] and waiting(CHORES) == bells
    for _ in range(deliveries.ATTEMPTS):  # it fails each time, and is given up again
        age(3600)
        forget_bell()
        chores.apply_deliveries()
    assert (one(people).state, one(people).attempts) == (State.FAILED, deliveries.ATTEMPTS)


def test_what_was_applied_is_applied_again_only_if_that_is_said_and_moves_nothing_back(people: People) -> None:
    old, new = body(5), body(5)
    old["pull_request"] |= {"updated_at": "2026-01-01T00:00:00Z", "state": "open"}
    new["pull_request"] |= {"updated_at": "2026-02-01T00:00:00Z", "state": "closed"}
    store(payload=old)
    known(people)
    chores.apply_deliveries()
    store(payload=new)
    chores.apply_deliveries()
    oldest = listed(people)[-1]
    with pytest.raises(Conflict):
        again(people, oldest.id)
    assert again(people, oldest.id, even_done=True).state is State.WAITING
    chores.apply_deliveries()
    assert [row.state for row in listed(people)] == [State.DONE] * 2
    with db.transaction() as session:
        assert session.exec(select(PullRequest.status)).one() == "closed"


def known(people: People) -> None:
    task_id = submit(people)
    with db.transaction() as session:
        session.add(pull_request(session.get_one(Task, task_id), 7, github_pr_id=5))


def test_what_tells_of_access_is_not_applied_a_second_time(people: People) -> None:
    member = {"action": "removed", "member": {"id": 2, "login": "bob"}, "repository": {"id": 12}}
    store("member", member)
    chores.apply_deliveries()
    with db.transaction() as session:
        session.add(UserRepositoryAccess(user_id=people.bob.id, repository_id=people.shop, access_level="write"))
    with pytest.raises(Conflict, match="A sync asks GitHub"):
        again(people, one(people).id, even_done=True)
    chores.apply_deliveries()
    with db.transaction() as session:
        reaching = select(UserRepositoryAccess).where(UserRepositoryAccess.user_id == people.bob.id)
        assert session.exec(reaching).first() is not None


def test_a_payload_shows_no_secret_and_nothing_unseen_and_is_cut(people: People) -> None:
    token = "ghp_" + "a" * 36
    said = {"hook": {"config": {"secret": "hunter2"}}, "body": f"a\u202eb {token}", "long": ["x" * 1000] * 100}
    store("ping", said)
    with db.transaction() as session:
        shown = delivery_log.payload(session, people.alice, one(people).id)
    assert "hunter2" not in shown and token not in shown and "\u202e" not in shown and "a\\u202eb" in shown
    assert len(shown) < delivery_log.MOST_SHOWN + 100 and "cut here" in shown


def test_payloads_go_after_a_month_and_their_rows_stay(people: People) -> None:
    name, _ = store(), store(payload=body(POISON))
    chores.apply_deliveries()
    age(31 * 86400)
    fresh = store("ping", {"zen": "x"})
    chores.apply_deliveries()
    queue_before = waiting(CHORES)
    tidy()
    assert waiting(CHORES) == queue_before + 1
    chores.empty_old_deliveries()
    kept = {row.delivery_id: row for row in listed(people)}
    assert [row.is_empty for row in kept.values()] == [False, False, True]  # the one that waits keeps its own
    assert not kept[fresh].is_empty and kept[name].is_empty
    with pytest.raises(Conflict, match="no longer kept"):
        again(people, kept[name].id, even_done=True)
    with db.transaction() as session:
        assert delivery_log.payload(session, people.alice, kept[name].id) == ""
        assert not deliveries.store(session, name, "pull_request", body())  # a replay is known by its id
        assert not deliveries.has_old(session)


def test_github_brings_a_payload_back_that_was_removed_before_it_was_applied(people: People) -> None:
    name = store(payload=body(3))
    with db.transaction() as session:
        session.execute(text("UPDATE webhook_deliveries SET attempts = 5"))
    age(31 * 86400)
    chores.empty_old_deliveries()
    assert one(people).is_empty
    with db.transaction() as session:
        deliveries.store(session, name, "pull_request", body(3))
    chores.apply_deliveries()
    assert (one(people).state, one(people).is_empty) == (State.DONE, False)


def test_events_are_told_with_when_they_came_last_and_refused_ones_are_counted(people: People) -> None:
    for event in ("push", "ping", "push"):
        store(event, {})
    for _ in range(3):
        delivery_log.note_refused()
    with db.transaction() as session:
        around = delivery_log.around(session, people.alice)
        newest = session.exec(select(WebhookDelivery.received_at).where(WebhookDelivery.event == "ping")).one()
    assert [one.event for one in around.seen] == ["push", "ping"] and around.seen[1].at == newest
    assert around.refused == 3


def test_with_redis_away_it_is_said_and_nothing_raises(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    delivery_log.note_refused()
    with db.transaction() as session:
        assert delivery_log.around(session, people.alice).refused is None
    assert redis.client(get_settings().resolved_redis_url) is not None


def test_it_is_for_admins(people: People) -> None:
    store()
    id = one(people).id
    asks: list[Any] = [
        lambda s, u: delivery_log.window(s, u, Wanted()),
        delivery_log.around,
        lambda s, u: delivery_log.payload(s, u, id),
        lambda s, u: delivery_log.again(s, u, id),
    ]
    for ask in asks:
        with pytest.raises(Forbidden), db.transaction() as session:
            ask(session, people.bob)
    for ask in (lambda s, u: delivery_log.payload(s, u, uuid4()), lambda s, u: delivery_log.again(s, u, uuid4())):
        with pytest.raises(NotFound), db.transaction() as session:
            ask(session, people.alice)
