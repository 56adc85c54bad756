"""What a person prefers survives releases, two tabs at once, and nonsense in the document."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.errors import InvalidInput
from backend.models import User
from backend.services import preferences
from backend.services.news import NewsKind
from backend.services.preferences import Channel, Preferences
from backend.words import Effort, Priority, TaskType, Visibility
from tests.conftest import People


def alice(session: Session, people: People) -> User:
    return session.get_one(User, people.alice.id)


def kept(people: People) -> Preferences:
    with db.transaction() as session:
        return preferences.of(alice(session, people))


def put(people: People, document: str) -> None:
    with db.transaction() as session:
        session.execute(
            text("UPDATE users SET preferences = cast(:it AS jsonb) WHERE id = :id"),
            {"it": document, "id": people.alice.id},
        )


def test_who_chose_nothing_has_the_usual_and_is_told_everything(people: People) -> None:
    assert kept(people) == Preferences()
    assert all(kept(people).notify.wants(event, channel) for event in NewsKind for channel in Channel)


def test_what_is_chosen_stays_and_changes_nothing_else(people: People) -> None:
    with db.transaction() as session:
        preferences.change(session, alice(session, people), priority=Priority.HIGH, effort=Effort.LOW)
    with db.transaction() as session:
        preferences.change(
            session,
            alice(session, people),
            model_id=people.model,
            task_type=TaskType.ASK,
            visibility=Visibility.REPOSITORY,
        )
    assert kept(people) == Preferences(
        people.model, TaskType.ASK, Priority.HIGH, Effort.LOW, Visibility.REPOSITORY, Preferences().notify
    )
    with db.transaction() as session:
        assert preferences.of(session.get_one(User, people.bob.id)) == Preferences()


def test_a_model_that_cannot_be_used_is_refused_and_nothing_changes(people: People) -> None:
    with pytest.raises(InvalidInput), db.transaction() as session:
        preferences.change(session, alice(session, people), model_id=uuid4(), priority=Priority.LOW)
    assert kept(people) == Preferences()


def test_an_event_is_told_only_where_it_is_wanted_and_saying_so_twice_is_once(people: People) -> None:
    for _ in range(2):
        with db.transaction() as session:
            preferences.tell(session, alice(session, people), NewsKind.DONE, Channel.BROWSER, is_wanted=False)
    notify = kept(people).notify
    assert not notify.wants(NewsKind.DONE, Channel.BROWSER)
    assert notify.wants(NewsKind.DONE, Channel.APP) and notify.wants(NewsKind.FAILED, Channel.BROWSER)
    with db.transaction() as session:
        preferences.tell(session, alice(session, people), NewsKind.DONE, Channel.BROWSER, is_wanted=True)
    assert kept(people) == Preferences()


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        '{"colour": "green"}',
        '{"model_id": 7, "task_type": [], "priority": "urgent", "effort": {}, "visibility": null, "notify": "all"}',
        '{"model_id": "x", "task_type": null, "notify": {"app": "done", "browser": 3}}',
    ],
)
def test_what_does_not_fit_is_the_usual(people: People, document: str) -> None:
    put(people, document)
    assert kept(people) == Preferences()


def test_what_is_not_known_is_dropped_with_the_next_change_and_what_fits_is_kept(people: People) -> None:
    put(people, '{"colour": "green", "priority": "low", "notify": {"app": ["failed", "birthday"]}}')
    with db.transaction() as session:
        preferences.change(session, alice(session, people), task_type=TaskType.ASK)
    chosen = kept(people)
    assert (chosen.priority, chosen.task_type, chosen.notify.app) == (
        Priority.LOW,
        TaskType.ASK,
        frozenset({NewsKind.FAILED}),
    )
    with db.transaction() as session:
        assert "colour" not in alice(session, people).preferences


def test_two_tabs_that_change_two_things_at_once_both_stand(people: People) -> None:
    def say(event: NewsKind) -> None:
        with db.transaction() as session:
            preferences.tell(session, alice(session, people), event, Channel.APP, is_wanted=False)

    threads = [threading.Thread(target=say, args=(event,)) for event in NewsKind]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(people).notify.app == frozenset()
