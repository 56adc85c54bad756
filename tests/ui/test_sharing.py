"""What many tabs of one session ask at the same time is read once, and no answer is older than its question."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from sqlmodel import Session, select

from asynccoder_ui.people import Question, ask_together
from asynccoder_ui.shell import Shell
from backend import db, events
from backend.errors import NotFound
from backend.github.types import Profile, Token
from backend.models import User
from backend.services import auth
from backend.together import Together
from tests.conftest import People
from tests.ui.conftest import opened


class Slow:
    """A read that waits until it may go on, after it has looked."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.has_read = threading.Event()
        self.may_go_on = threading.Event()

    def read(self, session: Session, user: User) -> str:
        name = session.exec(select(User.username).where(User.id == user.id)).one()
        self.names.append(name)
        self.has_read.set()
        assert self.may_go_on.wait(10)
        return name


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.may_go_on.set()


def test_what_is_asked_at_the_same_time_is_read_once(people: People, slow: Slow):
    token = people.cookies["alice"]
    slow.may_go_on.set()

    async def road() -> list[str]:
        return await asyncio.gather(*(ask(token, slow) for _ in range(50)))

    assert asyncio.run(road()) == slow.names * 50


def test_who_asks_while_a_read_goes_on_shares_the_next_one_and_sees_what_was_committed_before(
    people: People, slow: Slow
):
    token = people.cookies["alice"]
    rename(people, "Before")

    async def road() -> list[str]:
        first = asyncio.create_task(ask(token, slow))
        await asyncio.to_thread(slow.has_read.wait, 10)
        await asyncio.to_thread(rename, people, "After")
        later = [asyncio.create_task(ask(token, slow)) for _ in range(20)]
        await asyncio.sleep(0.05)
        slow.may_go_on.set()
        return [await first, *(await asyncio.gather(*later))]

    assert asyncio.run(road()) == ["Before", *["After"] * 20]
    assert slow.names == ["Before", "After"]


def test_who_leaves_takes_the_answer_from_nobody(people: People, slow: Slow):
    token = people.cookies["alice"]

    async def road() -> str:
        leaving, staying = (asyncio.create_task(ask(token, slow)) for _ in range(2))
        await asyncio.to_thread(slow.has_read.wait, 10)
        leaving.cancel()
        waiting = asyncio.create_task(ask(token, slow))
        await asyncio.sleep(0.05)
        waiting.cancel()
        slow.may_go_on.set()
        return await staying

    assert asyncio.run(road()) == slow.names[0]


def test_two_people_and_two_sessions_of_one_are_apart(people: People, slow: Slow):
    slow.may_go_on.set()
    profile = Profile(1, "alice", "Alice", "alice@example.org", None)
    with db.transaction() as session:
        _, another = auth.sign_in(session, profile, Token("gho_alice", None, None, ()), "another browser")

    async def road() -> list[str]:
        return await asyncio.gather(*(ask(token, slow) for token in (*people.cookies.values(), another)))

    assert asyncio.run(road()) == ["alice", "bob", "carol", "alice"]
    assert len(slow.names) == 4


def test_a_refusal_and_the_end_of_a_session_reach_all_who_asked_and_hold_up_nobody_after(people: People):
    def refuse(session: Session, user: User) -> str:
        raise NotFound("There is none.")

    async def refused(token: str, question: Question[str]) -> set[str]:
        told = await asyncio.gather(*(ask_together(token, question) for _ in range(3)), return_exceptions=True)
        return {f"{type(one).__name__}: {one}" for one in told}

    async def road() -> list[set[str]]:
        token = people.cookies["alice"]
        sets = [await refused(token, Question(refuse)) for _ in range(2)]
        with db.transaction() as session:
            auth.sign_out(session, token)
        return [*sets, await refused(token, Question(refuse))]

    *refusals, ended = asyncio.run(road())
    assert refusals == [{"NotFound: There is none."}] * 2
    assert len(ended) == 1
    assert ended.pop().startswith("SignedOut")


def test_a_ring_makes_twenty_tabs_read_a_few_times_and_each_shows_it(people: People, statements: list[str]):
    async def road() -> tuple[list[str], int]:
        async with opened(people.cookies["alice"]) as tab:
            tabs = [tab, *(tab.another(f"tab-{number}") for number in range(2, 21))]
            following = [await one.start(Shell.follow) for one in tabs]

            async def logins() -> list[str]:
                return [(await one.state(Shell)).login for one in tabs]

            async def all_know(name: str) -> bool:
                return await logins() == [name] * len(tabs)

            await tab.until(lambda: all_know("alice"))
            await asyncio.sleep(0.2)
            statements.clear()
            rename(people, "alice-adams")
            await tab.until(lambda: all_know("alice-adams"))
            for one in following:
                one.cancel()
            return await logins(), sum("FROM notices" in one for one in statements)

    shown, reads = asyncio.run(road())
    assert shown == ["alice-adams"] * 20
    assert 1 <= reads <= 4


async def ask(token: str, slow: Slow) -> str:
    return await ask_together(token, Question(slow.read))


def rename(people: People, name: str) -> None:
    with db.transaction() as session:
        user = session.get_one(User, people.alice.id)
        user.username = name
        session.add(user)
    events.ring(events.user_topic(user.id), str(user.id), 0, "renamed")


def test_a_loop_that_ends_while_a_question_waits_for_its_turn_leaves_nothing_behind():
    together, asked = Together(), list[asyncio.Task[bool]]()

    async def cut_off() -> None:
        for _ in range(2):  # one that is being answered, one that waits for its turn
            asked.append(asyncio.create_task(together.ask("key", asyncio.Event().wait)))
            for _ in range(5):
                await asyncio.sleep(0)

    async def answer() -> str:
        return "an answer"

    asyncio.run(cut_off())
    assert asyncio.run(together.ask("key", answer)) == "an answer"
