"""Announcements: who says what to everybody, from when until when, and who has put it away."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from backend import clock, db
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound
from backend.models import Announcement, Tone, User
from backend.services import announcements
from backend.services.announcements import Draft
from tests import auditing
from tests.conftest import People


def say(people: People, words: str = "We update at noon.", *, key: str = "", **facts: Any) -> Announcement:
    with db.transaction() as session:
        return announcements.announce(session, people.alice, Draft(words, **facts), key=key, address="192.0.2.1")


def read(user: User, **wanted: bool) -> list[str]:
    with db.transaction() as session:
        return [one.words for one in announcements.current(session, user, **wanted)]


def later(**span: float) -> datetime:
    return clock.now() + timedelta(**span)


@pytest.fixture(autouse=True)
def alice_is_admin(people: People) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET role = 'admin' WHERE username = 'alice'"))
    people.alice.role = "admin"


def test_everybody_reads_it_until_they_put_it_away_each_for_themselves(people: People) -> None:
    row = say(people)
    for _ in range(2):
        with db.transaction() as session:
            announcements.dismiss(session, people.bob, row.id)
    assert (read(people.alice), read(people.bob), read(people.carol)) == ([row.words], [], [row.words])
    assert read(people.bob, with_dismissed=True) == [row.words]


def test_the_same_key_is_one_announcement(people: People) -> None:
    assert say(people, key="a").id == say(people, key="a").id != say(people, key="b").id
    assert auditing.acts() == ["announced", "announced"]


def test_it_is_shown_from_its_beginning_until_its_end_and_pages_are_told_of_both(people: People) -> None:
    say(people, "To come.", starts_at=later(hours=1), ends_at=later(hours=2))
    assert read(people.bob) == [] and rung() == 0
    moved("starts_at", -1)
    assert read(people.bob) == ["To come."] and (rung(), rung()) == (1, 0)
    moved("ends_at", -1)
    assert read(people.bob) == [] and (rung(), rung()) == (1, 0)


def rung() -> int:
    with db.transaction() as session:
        return announcements.ring_due(session)


def moved(column: str, seconds: float) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE announcements SET rung_at = rung_at - interval '1 day'"))
        if column == "ends_at":
            session.execute(text("UPDATE announcements SET rung_at = now() - interval '10 s'"))
            session.execute(text("UPDATE announcements SET starts_at = now() - interval '1 hour'"))
        at = {"age": -seconds}
        session.execute(text(f"UPDATE announcements SET {column} = now() - make_interval(secs => :age)"), at)


def test_other_words_are_shown_again_to_who_had_put_it_away_and_another_end_is_not(people: People) -> None:
    row = say(people)
    with db.transaction() as session:
        announcements.dismiss(session, people.bob, row.id)
    change(people, row.id, Draft(row.words, ends_at=later(days=1), starts_at=row.starts_at))
    assert read(people.bob) == []
    change(people, row.id, Draft("We update at one."))
    change(people, row.id, Draft("We update at one."))
    assert read(people.bob) == ["We update at one."]
    assert auditing.acts() == ["announced", "announcement_changed", "announcement_changed"]


def change(people: People, id: UUID, draft: Draft, **facts: Any) -> Announcement:
    with db.transaction() as session:
        return announcements.change(session, people.alice, id, draft, **facts)


def test_of_two_admins_the_slower_one_is_told(people: People) -> None:
    row = say(people)
    change(people, row.id, Draft("First."), seen=row.updated_at)
    with pytest.raises(Conflict):
        change(people, row.id, Draft("Second."), seen=row.updated_at)
    assert read(people.bob) == ["First."]


def test_it_is_ended_once_and_deleted(people: People) -> None:
    now, to_come = say(people, "Now."), say(people, "To come.", starts_at=later(days=1))
    for row in (now, now, to_come):
        with db.transaction() as session:
            announcements.end(session, people.alice, row.id)
    assert read(people.bob) == [] and auditing.acts().count("announcement_ended") == 2
    with db.transaction() as session:
        announcements.dismiss(session, people.bob, now.id)
        announcements.delete(session, people.alice, now.id)
    with pytest.raises(NotFound), db.transaction() as session:
        announcements.delete(session, people.alice, now.id)
    with db.transaction() as session:
        announcements.dismiss(session, people.bob, now.id)  # a tab that has not heard of it yet
    assert auditing.rows()[-1].details["words"] == "Now."


@pytest.mark.parametrize(
    "draft",
    [
        Draft(""),
        Draft(" \n\u202e\x00 ".replace("\x00", "")),
        Draft("x" * 301),
        Draft("x" * 200_000),
        Draft("x", link="javascript:alert(1)"),
        Draft("x", link="https://"),
        Draft("x", link="https://good.example@evil.example/"),
        Draft("x", link="https://[::1"),
        Draft("x", link="https://a b"),
        Draft("x", link="https://x/" + "y" * 500),
        Draft("x", link="https://example.org", link_words="y" * 61),
        Draft("x", starts_at=later(days=400)),
        Draft("x", ends_at=later(days=-1)),
        Draft("x", ends_at=later(days=4000)),
    ],
)
def test_what_cannot_be_said_is_refused_and_nothing_written(people: People, draft: Draft) -> None:
    with pytest.raises(InvalidInput), db.transaction() as session:
        announcements.announce(session, people.alice, draft)
    assert read(people.bob) == [] and auditing.rows() == []


def test_nothing_unseen_stays_in_it_and_a_link_without_words_shows_its_host(people: People) -> None:
    row = say(people, "We\x00 update\n\tat \u202enoon.\u200b", link="https://example.org/why", tone=Tone.WARNING)
    assert (row.words, row.link_words, row.tone) == ("We\ufffd update at noon.", "example.org", "warning")


def test_only_admins_say_anything(people: People) -> None:
    row = say(people)
    deeds: list[Any] = [
        lambda s, u: announcements.announce(s, u, Draft("Mine.")),
        lambda s, u: announcements.change(s, u, row.id, Draft("Mine.")),
        lambda s, u: announcements.end(s, u, row.id),
        lambda s, u: announcements.delete(s, u, row.id),
        lambda s, u: announcements.listing(s, u),
    ]
    for deed in deeds:
        with pytest.raises(Forbidden), db.transaction() as session:
            deed(session, people.bob)
    assert read(people.carol) == ["We update at noon."]


def test_the_newest_three_are_shown(people: People) -> None:
    for number in range(5):
        say(people, f"Number {number}.")
    assert read(people.bob) == ["Number 4.", "Number 3.", "Number 2."]
