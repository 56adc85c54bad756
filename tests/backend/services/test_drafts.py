from uuid import UUID, uuid4

import pytest

from backend import db
from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.models import User
from backend.services import drafts
from tests.conftest import People, keep, remote


def kept(who: User) -> list[str]:
    with db.transaction() as session:
        return [row.title for row in drafts.listing(session, who)]


def save(who: User, prompt: str, opened: drafts.Version | None = None, **more: object) -> UUID:
    with db.transaction() as session:
        return drafts.save(session, who, {"prompt": prompt, **more}, opened)


def opened(who: User, draft_id: UUID) -> drafts.Version:
    with db.transaction() as session:
        return drafts.read(session, who, draft_id)[0]


def test_a_draft_is_its_owners_alone_and_is_replaced_where_it_was_opened(people: People):
    first = save(people.alice, "Mend it\nall", branch="main")
    version = opened(people.alice, first)
    assert save(people.alice, "Mend it well", version) == first
    assert save(people.carol, "Mine", opened(people.alice, first)) != first
    assert kept(people.alice) == ["Mend it well"]
    assert kept(people.carol) == ["Mine"]
    with pytest.raises(NotFound):
        opened(people.carol, first)
    with db.transaction() as session:
        drafts.discard(session, people.carol, first)
    assert kept(people.alice) == ["Mend it well"]
    for _ in range(2):
        with db.transaction() as session:
            drafts.discard(session, people.alice, first)
    assert kept(people.alice) == []


def test_what_another_tab_wrote_into_a_draft_since_is_neither_replaced_nor_used_up(people: People):
    first = save(people.alice, "As it was")
    here = there = opened(people.alice, first)
    save(people.alice, "Changed there", there)
    with db.transaction() as session:
        drafts.use_up(session, people.alice, here)
    save(people.alice, "Changed here", here)
    assert kept(people.alice) == ["Changed here", "Changed there"]
    with db.transaction() as session:
        drafts.use_up(session, people.carol, opened(people.alice, first))
        drafts.use_up(session, people.alice, opened(people.alice, first))
    assert kept(people.alice) == ["Changed here"]


def test_the_same_content_twice_is_one_draft(people: People):
    first = save(people.alice, "Mend it", branch="main")
    assert save(people.alice, " Mend it\n", branch="main") == first
    assert save(people.alice, "Mend it", branch="next") != first


def test_a_draft_names_its_repository_while_the_person_can_reach_it(people: People):
    save(people.alice, "Mend it", repository_id=str(people.shop))
    save(people.alice, "Ask about it", repository_id="none")

    def named() -> list[str]:
        with db.transaction() as session:
            return [row.repository for row in drafts.listing(session, people.alice)]

    assert named() == ["", "acme/shop"]
    with db.transaction() as session:
        keep(session, people.alice, remote(11, "alice/sample-shop", "admin"))
    assert named() == ["", ""]


def test_what_cannot_be_kept_is_refused_with_a_sentence(people: People):
    with pytest.raises(InvalidInput):
        save(people.alice, "  ")
    with pytest.raises(TooLarge):
        save(people.alice, "x" * 70_000)
    save(people.alice, "a\x00b\ud800")
    assert kept(people.alice) == ["a\ufffdb?"]


def test_nobody_keeps_more_than_fifty_and_all_of_them_are_listed(people: People):
    ids = [save(people.alice, f"draft {number}") for number in range(drafts.MOST)]
    with pytest.raises(Conflict):
        save(people.alice, "one more")
    save(people.alice, "changed", opened(people.alice, ids[0]))
    with db.transaction() as session:
        drafts.discard(session, people.alice, uuid4())
    assert len(kept(people.alice)) == drafts.MOST
    assert kept(people.alice)[0] == "changed"
