"""The page of the audit log: whose rows are shown, what the look at the chain says, and what is taken away."""

import asyncio
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from asynccoder_ui.pages.admin_audit import AdminAudit
from asynccoder_ui.pages.admin_people import AdminPeople
from backend import db
from backend.api.app import app
from backend.services import audit
from backend.settings import get_settings
from backend.words import Act, ObjectKind
from tests import auditing
from tests.auditing import Tamper
from tests.conftest import People
from tests.ui.conftest import Tab, opened

ADMINS_ONLY = "This is for admins. Ask your admin."


def write(people: People, count: int, act: Act = Act.TOKEN_MADE, name: str = "laptop") -> None:
    for number in range(count):
        with db.transaction() as session:
            thing = audit.Object(ObjectKind.TOKEN, str(number), name)
            audit.record(session, act, audit.by(people.bob, "192.0.2.7"), thing, scope="read")


async def followed(tab: Tab) -> "asyncio.Task[None]":
    visit = await tab.start(AdminAudit.follow)

    async def is_told() -> bool:
        state = await tab.state(AdminAudit)
        return state.is_listed or state.error != ""

    await tab.until(is_told)
    return visit


def visited(people: People, *steps: Any, who: str = "alice", address: str = "/admin/audit") -> AdminAudit:
    async def walk() -> AdminAudit:
        async with opened(people.cookies[who], address) as tab:
            visit = await followed(tab)
            for handler, *args in steps:
                await tab.fire(handler, *args)
            visit.cancel()
            return await tab.state(AdminAudit)

    return asyncio.run(walk())


def test_its_windows_lead_to_the_next_and_back(people: People):
    write(people, 120)
    first = visited(people)
    assert first.items[0].seq == "120" and len(first.items) == 50 and first.earlier == ""
    second = visited(people, address=first.later)
    assert second.items[0].seq == "70" and second.earlier == "/admin/audit"
    last = visited(people, address=second.later)
    assert (len(last.items), last.later) == (20, "")
    assert [item.seq for item in visited(people, address=last.earlier).items] == [item.seq for item in second.items]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("person=bob", 3),
        ("person=alice", 0),
        ("act=sign_out", 1),
        ("days=7&q=LAPT", 2),
        ("q=192.0.2", 3),
        ("q=%25", 0),
        ("act=nonsense&days=-1&page=%00&person=&q=", 3),
        ("page=99999999999999999999999", 3),
        ("q=%00&person=%00", 0),
    ],
)
def test_filters_narrow_it_and_garbage_narrows_nothing(people: People, query: str, shown: int):
    write(people, 2)
    write(people, 1, Act.SIGN_OUT, "phone")
    seen = visited(people, address=f"/admin/audit?{query}")
    assert (len(seen.items), seen.error) == (shown, "")


def test_a_whole_chain_is_said_to_be_whole_and_a_changed_row_is_named(people: People, tamper: Tamper):
    write(people, 7)
    whole = visited(people, (AdminAudit.verify,))
    assert (whole.verdict.tone, whole.verdict.words, whole.is_verifying) == ("ok", "7 rows, unbroken.", False)
    assert whole.verdict.hash == auditing.rows()[-1].hash
    tamper("UPDATE audit_log SET login = 'mallory' WHERE seq = 4")
    changed = visited(people, (AdminAudit.verify,)).verdict
    assert (changed.tone, changed.words) == ("bad", "Row 4 was changed. Before it, 3 rows are in order.")
    tamper("DELETE FROM audit_log WHERE seq = 2")
    assert visited(people, (AdminAudit.verify,)).verdict.words.startswith("Row 2 is missing.")


def test_others_see_nothing_of_it(people: People):
    write(people, 2)
    seen = visited(people, (AdminAudit.verify,), (AdminAudit.search_people, "a"), who="bob")
    assert (seen.items, seen.people, seen.error, seen.verdict.words) == ([], [], ADMINS_ONLY, ADMINS_ONLY)


def test_it_is_taken_away_with_the_pages_filters(people: People):
    write(people, 2)
    write(people, 1, Act.SIGN_OUT, '=cmd|"x"')
    seen = visited(people, address="/admin/audit?act=sign_out")
    with TestClient(app, base_url=get_settings().origin) as browser:
        browser.cookies.set(get_settings().session_cookie, people.cookies["alice"])
        lines = browser.get(seen.json_href).text.splitlines()
        table = browser.get(seen.csv_href).text.splitlines()
        assert browser.get("/files/audit.xml").status_code == 422
    assert [json.loads(line)["seq"] for line in lines] == [3] and len(table) == 2 and "'=cmd" in table[1]


def test_what_an_admin_does_on_a_page_is_written_down_with_where_they_were(people: People):
    async def walk() -> None:
        async with opened(people.cookies["alice"], "/admin/people") as tab:
            tab.headers = {"asgi-scope-client": "127.0.0.1", "x-forwarded-for": "198.51.100.1, 203.0.113.9"}
            await tab.fire(AdminPeople.act, str(people.bob.id), "tier pro")

    asyncio.run(walk())
    assert [(row.act, row.address) for row in auditing.rows()] == [("tier_changed", "203.0.113.9")]
