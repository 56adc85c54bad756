import asyncio
from typing import Any

import pytest
from sqlmodel import select

from asynccoder_ui.pages.admin_people import AdminPeople
from asynccoder_ui.shell import Shell
from backend import db
from backend.models import CreditTransaction, User
from backend.services import credit_requests
from backend.words import Tier
from tests.conftest import People
from tests.ui.conftest import Tab, opened


async def following(tab: Tab) -> Any:
    visit = await tab.start(AdminPeople.follow)

    async def is_told() -> bool:
        state = await tab.state(AdminPeople)
        return state.is_listed or state.error != ""

    await tab.until(is_told)
    return visit


def visited(people: People, *steps: Any, who: str = "alice", query: str = "") -> AdminPeople:
    async def walk() -> AdminPeople:
        async with opened(people.cookies[who], f"/admin/people?{query}") as tab:
            visit = await following(tab)
            for handler, *args in steps:
                await tab.fire(handler, *args)
            visit.cancel()
            return await tab.state(AdminPeople)

    return asyncio.run(walk())


def row(people: People, login: str) -> User:
    with db.transaction() as session:
        return session.get_one(User, getattr(people, login).id)


def test_an_admin_sees_everyone_and_offers_nothing_that_would_be_refused(people: People):
    seen = visited(people)
    menus = {item.login: item.menu for item in seen.items}
    assert menus == {"alice": "free self", "bob": "free other", "carol": "free other"}
    assert seen.span == "1–3 of 3"
    assert [item.login for item in visited(people, query="q=carol").items] == ["carol"]


def test_others_are_told_that_it_is_for_admins_and_their_deeds_do_nothing(people: People):
    gift = {"person": str(people.carol.id), "credits": "50", "reason": "Mine"}
    carol = str(people.carol.id)
    seen = visited(
        people, (AdminPeople.give, gift), (AdminPeople.act, carol, "tier pro"), (AdminPeople.act, carol, "disable"),
        who="carol",
    )  # fmt: skip
    assert seen.items == [] and seen.error == seen.gift_error == "This is for admins. Ask your admin."
    left = row(people, "carol")
    assert (left.credits, left.subscription_tier, left.disabled_at) == (100, "free", None)


def test_a_gift_is_given_once_however_often_its_form_is_sent(people: People):
    bob = str(people.bob.id)

    async def walk() -> AdminPeople:
        async with opened(people.cookies["alice"], "/admin/people") as tab:
            visit = await following(tab)
            await tab.fire(AdminPeople.begin_gift)
            for amount in ("", "1.5", "-3", "0", "9" * 30):
                await tab.fire(AdminPeople.give, {"person": bob, "credits": amount, "reason": "For the report"})
                assert (await tab.state(AdminPeople)).gift_error
            for _ in range(2):
                await tab.fire(AdminPeople.give, {"person": bob, "credits": " 50 ", "reason": "For the report"})
            visit.cancel()
            return await tab.state(AdminPeople)

    seen = asyncio.run(walk())
    assert next(item.balance for item in seen.items if item.login == "bob") == "150 credits"
    with db.transaction() as session:
        mine = select(CreditTransaction).where(CreditTransaction.user_id == people.bob.id)
        assert [one.amount for one in session.exec(mine) if one.type == "credit"] == [50]


@pytest.mark.parametrize("tier", list(Tier))
def test_the_menu_does_what_it_says_and_the_list_shows_it(people: People, tier: Tier):
    bob = str(people.bob.id)
    seen = visited(people, (AdminPeople.act, bob, f"tier {tier}"), (AdminPeople.act, bob, "disable"))
    item = next(item for item in seen.items if item.login == "bob")
    assert (item.tier, item.is_disabled, item.menu) == (tier, True, f"{tier} disabled")
    assert row(people, "bob").disabled_at is not None
    again = visited(people, (AdminPeople.act, bob, "enable"), (AdminPeople.act, bob, "tier gold"))
    assert next(item for item in again.items if item.login == "bob").menu == f"{tier} other"


def test_only_admins_are_shown_the_way(people: People):
    async def walk(who: str) -> bool:
        async with opened(people.cookies[who]) as tab:
            visit = await tab.start(Shell.follow)

            async def is_listed() -> bool:
                return (await tab.state(Shell)).is_listed

            await tab.until(is_listed)
            visit.cancel()
            return (await tab.state(Shell)).is_admin

    assert [asyncio.run(walk(who)) for who in ("alice", "bob")] == [True, False]


def test_a_request_is_answered_above_the_list_and_its_person_reads_the_answer(people: People):
    with db.transaction() as session:
        credit_requests.ask(session, people.bob, "For the release")
    (item,) = visited(people).requests
    assert (item.name, item.words) == ("Bob", "For the release")
    wrong = {"request": item.id, "credits": "many", "reason": ""}
    assert "whole number" in visited(people, (AdminPeople.grant, wrong)).gift_error
    assert visited(people, (AdminPeople.grant, wrong | {"credits": "7"}), who="carol").gift_error
    assert visited(people, (AdminPeople.decline, wrong)).gift_error == "Say why: the person reads it."
    assert visited(people, (AdminPeople.grant, wrong | {"credits": "7"})).requests == []
    assert row(people, "bob").credits == 107
