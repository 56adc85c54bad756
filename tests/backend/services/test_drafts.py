from uuid import uuid4

import pytest

from backend import db
from backend.errors import Conflict, InvalidInput, TooLarge
from backend.models import User
from backend.services import drafts
from tests.conftest import People


def kept(who: User) -> list[str]:
    with db.transaction() as session:
        return [row.title for row in drafts.listing(session, who)]


def save(who: User, prompt: str, **more: object) -> None:
    with db.transaction() as session:
        drafts.save(session, who, {"prompt": prompt, **more})


def test_a_draft_is_its_owners_alone_and_is_replaced_where_it_was_opened(people: People):
    with db.transaction() as session:
        first = drafts.save(session, people.alice, {"prompt": "Mend it\nall", "branch": "main"})
    with db.transaction() as session:
        assert drafts.save(session, people.alice, {"prompt": "Mend it well"}, first) == first
        assert drafts.save(session, people.carol, {"prompt": "Mine"}, first) != first
    assert kept(people.alice) == ["Mend it well"]
    assert kept(people.carol) == ["Mine"]
    with db.transaction() as session:
        drafts.discard(session, people.carol, first)
    assert kept(people.alice) == ["Mend it well"]
    for _ in range(2):
        with db.transaction() as session:
            drafts.discard(session, people.alice, first)
    assert kept(people.alice) == []


def test_what_cannot_be_kept_is_refused_with_a_sentence(people: People):
    with pytest.raises(InvalidInput):
        save(people.alice, "  ")
    with pytest.raises(TooLarge):
        save(people.alice, "x" * 70_000)
    save(people.alice, "a\x00b\ud800")
    assert kept(people.alice) == ["a\ufffdb?"]


def test_nobody_keeps_more_than_fifty(people: People):
    for number in range(drafts.MOST):
        save(people.alice, f"draft {number}")
    with pytest.raises(Conflict):
        save(people.alice, "one more")
    with db.transaction() as session:
        newest = drafts.listing(session, people.alice, 1)[0]
        drafts.save(session, people.alice, {"prompt": "changed"}, newest.id)
        drafts.discard(session, people.alice, uuid4())
