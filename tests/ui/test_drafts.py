"""Drafts beneath the composer: saved, opened, thrown away."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from backend import db
from backend.models import Draft
from tests.conftest import People, keep, remote
from tests.ui.conftest import Tab, opened
from tests.ui.test_composer import is_idle, tasks_of

pytestmark = pytest.mark.usefixtures("branches")


def drafted(people: People, *steps: Any) -> tuple[Composer, Drafts, Tab]:
    async def road() -> tuple[Composer, Drafts, Tab]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            for step in steps:
                handler, *args = step(await tab.state(Drafts)) if callable(step) else step
                await tab.fire(handler, *args)
                await tab.until(lambda: is_idle(tab))
                await tab.fire(Drafts.show)
            return await tab.state(Composer), await tab.state(Drafts), tab

    return asyncio.run(road())


def open_draft(title: str, written: str = "") -> Callable[[Drafts], Any]:
    """A click on Open, with this in the box."""
    return lambda kept: (Drafts.open, next(item.id for item in kept.saved if item.title == title), written)


def titles(kept: Drafts) -> list[str]:
    return [item.title for item in kept.saved]


def test_a_saved_draft_is_opened_with_all_that_was_chosen_and_gone_once_it_is_sent(people: People):
    steps = [
        (Composer.pick_repository, str(people.shop)),
        (Composer.pick_branch, "feature/coupons"),
        (Composer.pick_target, "main"),
        (Composer.pick_visibility, "repository"),
        (Composer.pick_type, "ask"),
        (Drafts.save, "Half a thought", "n-1"),
        (Composer.pick_repository, str(people.sample)),
        (Composer.pick_visibility, "private"),
        (Composer.pick_type, "debug"),
    ]
    saved, kept, _ = drafted(people, *steps)
    assert (saved.taken, saved.opened) == ("n-1", "")
    assert [(item.title, item.where) for item in kept.saved] == [("Half a thought", "acme/shop")]
    reopened, _, tab = drafted(people, open_draft("Half a thought"))
    assert "Half a thought" in str(tab.got)
    choice = reopened.choice
    assert (choice.repository, choice.type_name, choice.model) == ("acme/shop", "Ask", "Demo (scripted, no AI)")
    _, kept, _ = drafted(
        people, open_draft("Half a thought"), (Composer.send, {"prompt": "A whole thought", "nonce": "d-1"})
    )
    assert titles(kept) == []
    [task] = tasks_of(people)
    assert (task.branch, task.target_branch, task.visibility) == ("feature/coupons", "main", "repository")


def test_saving_empties_the_box_so_that_the_next_draft_is_another(people: People):
    composer, kept, _ = drafted(people, (Drafts.save, "A", "n-a"), (Drafts.save, "B", "n-b"), (Drafts.save, "B", "n-b"))
    assert titles(kept) == ["B", "A"]
    assert composer.taken == "n-b"


def test_opening_a_draft_keeps_what_stood_in_the_box(people: People):
    _, kept, _ = drafted(people, (Drafts.save, "A", "n-a"), open_draft("A", "Not saved yet"))
    assert titles(kept) == ["Not saved yet", "A"]
    _, kept, _ = drafted(people, open_draft("A"), open_draft("Not saved yet", "A, changed"))
    assert titles(kept) == ["A, changed", "Not saved yet"]


def test_what_stands_in_the_box_is_not_given_up_for_a_draft_that_is_gone(people: People):
    composer, kept, tab = drafted(people, (Drafts.open, str(uuid4()), "Unsaved"))
    assert titles(kept) == [] and composer.opened == ""
    assert "This draft is gone" in str(tab.got) and "asynccoder-fill" not in str(tab.got)


def test_a_draft_keeps_ids_and_opens_without_a_repository_or_model_that_is_out_of_reach(people: People):
    drafted(people, (Composer.pick_repository, str(people.shop)), (Drafts.save, "Mend it", "n-1"))
    with db.transaction() as session:
        [draft] = session.exec(select(Draft))
        assert "acme" not in str(draft.content) and "Demo" not in str(draft.content)
        draft.content = {**draft.content, "model_id": str(uuid4()), "effort": "endless"}
        keep(session, people.alice, remote(11, "alice/sample-shop", "admin"))
    composer, kept, _ = drafted(people, open_draft("Mend it"))
    assert kept.saved[0].where == ""
    assert (composer.choice.repository, composer.choice.branch, composer.branch_options) == ("", "", [])
    assert (composer.choice.model, composer.choice.effort) == ("Demo (scripted, no AI)", "")


def test_discarding_the_draft_in_the_box_leaves_the_text_and_makes_it_no_draft(people: People):
    composer, kept, _ = drafted(
        people, (Drafts.save, "A", "n-a"), open_draft("A"), lambda kept: (Drafts.discard, kept.saved[0].id)
    )
    assert (composer.opened, composer.taken, kept.saved) == ("", "n-a", [])
