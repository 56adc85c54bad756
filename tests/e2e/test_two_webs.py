"""Two web processes behind a balancer that knows nothing of sessions: whichever answers, the person notices nothing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from backend import db
from backend.github.types import Profile, Token
from backend.models import User
from backend.services import api_tokens, auth, people
from backend.services.api_tokens import Scope
from backend.settings import PROJECT_DIR, get_settings
from tests.balancer import Address, Balancer, balanced
from tests.e2e.conftest import CHROMIUM, FLAGS, sign_in
from tests.e2e.test_road import DONE, seen, send_task, write_task
from tests.up import Up, as_it

HOSTS = ("127.0.0.2", "127.0.0.3")  # two machines, as far as the processes can tell
EVENTS = "/_event/"


@dataclass
class Pair:
    """Both processes, and what stands before them."""

    balancer: Balancer
    processes: dict[Address, "subprocess.Popen[bytes]"]

    @property
    def first(self) -> Address:
        return next(iter(self.processes))

    @property
    def second(self) -> Address:
        return list(self.processes)[1]

    @contextmanager
    def alone(self, server: Address) -> Iterator[None]:
        """Meanwhile this one gets every new connection."""
        both, self.balancer.only = self.balancer.only, [server]
        yield
        self.balancer.only = both


@pytest.fixture(scope="module")
def pair(stack: Up) -> Iterator[Pair]:
    """Two processes on the stack's database, Valkey and built pages, which keep what tabs remember in Valkey."""
    with as_it(stack), ExitStack() as until:
        redis_url = get_settings().resolved_redis_url
        shared = {"REFLEX_STATE_MANAGER_MODE": "redis", "REFLEX_REDIS_URL": redis_url}
        processes = {}
        for host in HOSTS:
            environment = {**stack.environment, **shared, "ASYNCCODER_HOST": host}
            command = [sys.executable, "-m", "backend.cli", "web"]
            process = subprocess.Popen(command, cwd=PROJECT_DIR, env=environment, start_new_session=True)
            until.callback(_end, process)
            processes[host, stack.port] = process
        for host, port in processes:
            stack.wait(lambda at=f"http://{host}:{port}": _is_ready(at), 60, f"the web process on {host}")  # type: ignore[misc]  # bound
        yield Pair(until.enter_context(balanced(list(processes))), processes)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _is_ready(origin: str) -> bool:
    try:
        return httpx.get(f"{origin}/health/ready", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def new_tab(stack: Up, pair: Pair, browser: Browser) -> Iterator[Callable[[], Page]]:
    """Tabs of one browser, which takes the balancer for the stack's own address: its pages are built for that."""
    rule = f"--host-resolver-rules=MAP 127.0.0.1:{stack.port} 127.0.0.1:{pair.balancer.port}"
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, rule])
    context = own.new_context(viewport={"width": 1440, "height": 960})
    context.set_default_timeout(20_000)
    yield context.new_page
    own.close()


@dataclass(frozen=True)
class Dana:
    """Somebody who is signed in at a browser and has a token of the API."""

    id: UUID
    cookie: str
    bearer: str


@pytest.fixture
def dana(pair: Pair) -> Dana:
    """Signed in by the service itself, which is none of the two processes."""
    profile, token = Profile(77_000, "dana", None, None, None), Token("none", None, None, ())
    with db.transaction() as session:
        user, cookie = auth.sign_in(session, profile, token, "")
        return Dana(user.id, cookie, api_tokens.create(session, user, "both", Scope.READ, 30)[1])


@pytest.mark.timeout(300)
def test_who_is_signed_out_or_disabled_is_so_at_both_at_once(
    stack: Up, pair: Pair, dana: Dana, new_tab: Callable[[], Page]
) -> None:
    tabs = []
    for server in pair.processes:
        with pair.alone(server):
            tab = new_tab()
            tab.context.add_cookies(
                [{"name": get_settings().session_cookie, "value": dana.cookie, "url": stack.origin}]
            )
            tab.goto(f"{stack.origin}/credits")
            expect(tab.get_by_role("complementary", name="Sidebar").get_by_text("dana").first).to_be_visible()
            tabs.append(tab)
    with ExitStack() as until:
        lines = [until.enter_context(_listening(server, dana)) for server in pair.processes]
        with db.transaction() as session:
            admin, _ = auth.sign_in(session, Profile(1001, "alice", None, None, None), Token("n", None, None, ()), "")
            people.sign_out(session, admin, dana.id)
        for tab in tabs:
            expect(tab.get_by_role("link", name="Sign in with GitHub").first).to_be_visible()
        assert [_status(server, dana) for server in pair.processes] == [200, 200], "a token is no browser"
        with db.transaction() as session:
            people.disable(session, session.get_one(User, admin.id), dana.id)
        assert [_status(server, dana) for server in pair.processes] == [401, 401]
        for line in lines:
            assert any("refused" in text for text in line)


@pytest.mark.timeout(300)
def test_tabs_on_both_see_the_same_and_one_goes_on_at_the_other_when_its_process_is_killed(
    stack: Up, pair: Pair, new_tab: Callable[[], Page]
) -> None:
    here = new_tab()
    sign_in(here, stack, "alice")  # the two requests of a sign-in, page and socket go by turns
    assert set(pair.processes) == pair.balancer.carriers("GET ")
    with pair.alone(pair.first):
        here.goto(f"{stack.origin}/home")
        address = send_task(here)
    with pair.alone(pair.second):
        there = new_tab()
        there.goto(address)
        expect(seen(there, "Workspace ready")).to_be_visible()
    sockets = [server for server, line in pair.balancer.carried if EVENTS in line]
    assert {pair.first, pair.second} <= set(sockets)
    for page in (here, there):  # whether there is still something to mend is up to who was here before
        ended = page.get_by_role("main").get_by_text(re.compile("^(done|no changes)$")).filter(visible=True).first
        expect(ended).to_be_visible(timeout=DONE)

    with pair.alone(pair.first):
        here.goto(f"{stack.origin}/home")
        write_task(here, "Say hello to whoever comes after the storm.")
    os.killpg(pair.processes[pair.first].pid, signal.SIGKILL)
    for _ in range(3):  # a click into the line that breaks may be lost: who sees nothing happen clicks again
        here.get_by_role("button", name="Send the task").click()
        with suppress(TimeoutError):
            here.wait_for_url(lambda url: "/tasks/" in url and url != address)
            break
    expect(here).to_have_title(re.compile("^Say hello"))
    there.goto(f"{stack.origin}/tasks")
    expect(seen(there, re.compile("^Say hello"))).to_be_visible()


@contextmanager
def _listening(server: Address, dana: Dana) -> Iterator[Iterator[str]]:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {dana.bearer}"}
    address = f"http://{server[0]}:{server[1]}/api/events"
    with (
        httpx.Client(trust_env=False, timeout=20) as http,
        http.stream("GET", address, headers=headers) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        yield lines


def _status(server: Address, dana: Dana) -> int:
    headers = {"Authorization": f"Bearer {dana.bearer}"}
    return httpx.get(f"http://{server[0]}:{server[1]}/api/tasks", headers=headers, trust_env=False).status_code
