"""How GitHub's refusals and failures reach us."""

import logging
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized
from backend.github.client import GitHub
from backend.github.failures import refusal

SECRET = "gho_16C7e42F292c6912E7710c838347Ae178B4a"

# The same refusal must come out alike whether PyGithub or httpx met it.
ASKS: list[Callable[[GitHub], Any]] = [
    lambda github: github.comment("alice/shop", 7, "Hello"),
    lambda github: github.pull("alice/shop", 7),
]
both = pytest.mark.parametrize("ask", ASKS, ids=["PyGithub", "httpx"])


def refuse(hub: Any, answer: Any) -> None:
    hub.api("GET", "/repos/alice/shop", answer)
    hub.api("GET", "/repos/alice/shop/pulls/7", answer)


@both
def test_a_dead_token_asks_to_reconnect(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    refuse(hub, reply(401, {"message": "Bad credentials", "status": "401"}))
    with pytest.raises(GitHubUnauthorized):
        ask(github)
    assert len(hub.asked) == 1


@both
def test_what_is_not_there_and_what_is_not_shown_are_told_alike(github: GitHub, ask: Any) -> None:
    with pytest.raises(GitHubNotFound):
        ask(github)


@both
def test_a_spent_rate_limit_says_when_it_goes_on(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    reset = int(time.time()) + 90
    headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    refuse(hub, reply(403, {"message": "API rate limit exceeded for user ID 1."}, headers))
    with pytest.raises(GitHubError) as raised:
        ask(github)
    assert raised.value.retry_after == pytest.approx(90, abs=3)
    assert len(hub.asked) == 1


@both
@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_waits_as_long_as_retry_after_says(
    hub: Any, github: GitHub, reply: Any, ask: Any, status: int
) -> None:
    refuse(hub, reply(status, {"message": "You have exceeded a secondary rate limit."}, {"Retry-After": "30"}))
    with pytest.raises(GitHubError) as raised:
        ask(github)
    assert raised.value.retry_after == 30


@pytest.mark.parametrize(
    ("seconds", "words"), [("30", "in 30 s"), ("599", "in 10 minutes"), ("5400", "in 2 hours"), ("0", "in 0 s")]
)
def test_a_wait_is_told_as_a_person_would(seconds: str, words: str) -> None:
    assert words in str(refusal(429, {"message": "You have exceeded a rate limit."}, {"Retry-After": seconds}))


@both
def test_a_secondary_limit_without_a_header_waits_a_minute(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    headers = {"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "9999999999"}
    refuse(hub, reply(403, {"message": "You have exceeded a secondary rate limit. Please wait."}, headers))
    with pytest.raises(GitHubError) as raised:
        ask(github)
    assert raised.value.retry_after == 60


@both
def test_a_plain_refusal_is_no_rate_limit(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    refuse(hub, reply(403, {"message": "Resource not accessible by integration"}, {"X-RateLimit-Remaining": "4000"}))
    with pytest.raises(GitHubError, match="Resource not accessible") as raised:
        ask(github)
    assert raised.value.retry_after is None


@both
def test_single_sign_on_is_named(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    headers = {"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso?authorization_request=abc"}
    refuse(hub, reply(403, {"message": "Resource protected by organization SAML enforcement."}, headers))
    with pytest.raises(GitHubError, match="single sign-on"):
        ask(github)


@both
def test_a_fault_of_githubs_is_not_retried_here(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    refuse(hub, reply(502, b"<html>Unicorn!</html>"))
    with pytest.raises(GitHubError, match="HTTP 502"):
        ask(github)
    assert len(hub.asked) == 1


@both
def test_a_github_that_is_away_is_told_as_such(ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with GitHub(f"http://127.0.0.1:{port}", SECRET) as github, pytest.raises(GitHubError, match="could not be reached"):
        ask(github)


def test_a_silent_github_is_left_after_the_time_out(github: GitHub, hub: Any) -> None:
    with httpx.Client(transport=httpx.MockTransport(_silence)) as http:
        slow = GitHub(hub.api_url, SECRET, http)
        with pytest.raises(GitHubError, match="in time"):
            slow.pull("alice/shop", 7)


def _silence(request: httpx.Request) -> httpx.Response:
    assert request.extensions["timeout"] == {"connect": 10, "read": 10, "write": 10, "pool": 10}
    raise httpx.ReadTimeout("", request=request)


def test_the_token_is_in_no_log_no_error_and_no_repr(
    hub: Any, github: GitHub, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "github")
    refuse(hub, reply(403, {"message": "Resource not accessible by integration"}))
    told = [repr(github)]
    for ask in ASKS:
        with pytest.raises(GitHubError) as raised:
            ask(github)
        told += traceback.format_exception(raised.value)
        told.append(repr(vars(raised.value)))
    told += [record.getMessage() for record in caplog.records]
    assert "github.Requester" in {record.name for record in caplog.records}
    assert SECRET not in "\n".join(told)


@both
def test_a_token_in_githubs_own_words_is_redacted(hub: Any, github: GitHub, reply: Any, ask: Any) -> None:
    refuse(hub, reply(422, {"message": "Validation Failed", "errors": [f"{SECRET} is not allowed"]}))
    with pytest.raises(GitHubError) as raised:
        ask(github)
    assert "is not allowed" in str(raised.value)
    assert SECRET not in str(raised.value) + repr(vars(raised.value))
