"""Sign-in: what the browser is sent with, and what a code is exchanged for."""

import base64
import hashlib
import logging
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.errors import AsyncCoderError, GitHubError, GitHubUnauthorized, Misconfigured
from backend.github import oauth
from backend.github.types import SignInStart, Token

CALLBACK = "http://127.0.0.1:3000/auth/callback"
APP = {"client_id": "Iv1.8a61f9b3a7aba766", "client_secret": "s3cr3t-of-the-app"}


def start(scopes: tuple[str, ...] = ("repo", "user:email")) -> SignInStart:
    return oauth.authorization_url(
        github_url="https://github.com/", client_id=APP["client_id"], redirect_uri=CALLBACK, scopes=scopes
    )


def exchange(url: str, code: str = "c0de", verifier: str = "v" * 64) -> Token:
    return oauth.exchange(github_url=url, redirect_uri=CALLBACK, code=code, verifier=verifier, **APP)


def test_the_browser_is_sent_with_state_and_a_pkce_challenge() -> None:
    begun = start()
    address = urlsplit(begun.url)
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    digest = hashlib.sha256(begun.verifier.encode()).digest()
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://github.com/login/oauth/authorize"
    assert query == {
        "response_type": "code",
        "client_id": APP["client_id"],
        "redirect_uri": CALLBACK,
        "scope": "repo user:email",
        "state": begun.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }


def test_no_two_sign_ins_share_a_state_or_a_verifier() -> None:
    begun = [start() for _ in range(10)]
    assert len({one.state for one in begun}) == len({one.verifier for one in begun}) == 10
    assert all(43 <= len(one.verifier) <= 128 and len(one.state) >= 43 for one in begun)


def test_a_github_app_asks_for_no_scopes() -> None:
    assert "scope" not in parse_qs(urlsplit(start(()).url).query)


def test_a_code_becomes_a_token(hub: Any, reply: Any) -> None:
    answer = {"access_token": "gho_x", "scope": "repo,user:email", "token_type": "bearer"}
    hub.on("POST", "/login/oauth/access_token", reply(200, answer))
    assert exchange(hub.url) == Token("gho_x", None, None, ("repo", "user:email"))
    sent = hub.asked[0]
    assert sent.headers["accept"] == "application/json"
    assert "authorization" not in sent.headers
    assert sent.form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "code_verifier": "v" * 64,
        "redirect_uri": CALLBACK,
        **APP,
    }


def test_an_expiring_token_comes_with_its_refresh_token(hub: Any, reply: Any) -> None:
    answer = {
        "access_token": "ghu_x",
        "expires_in": 28800,
        "refresh_token": "ghr_y",
        "scope": "",
        "token_type": "bearer",
    }
    hub.on("POST", "/login/oauth/access_token", reply(200, answer))
    for token in (exchange(hub.url), oauth.refresh(github_url=hub.url, refresh_token="ghr_old", **APP)):
        assert (token.access_token, token.refresh_token, token.scopes) == ("ghu_x", "ghr_y", ())
        assert token.expires_at is not None
        assert token.expires_at.timestamp() == pytest.approx(time.time() + 28800, abs=5)
        assert token.expires_at.tzinfo is not None
    sent = hub.asked[1].form
    assert (sent["grant_type"], sent["refresh_token"]) == ("refresh_token", "ghr_old")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("bad_verification_code", GitHubUnauthorized),
        ("incorrect_client_credentials", Misconfigured),
        ("redirect_uri_mismatch", Misconfigured),
        ("unverified_user_email", GitHubError),
    ],
)
def test_github_refuses_with_200_and_a_word(hub: Any, reply: Any, word: str, kind: type[AsyncCoderError]) -> None:
    hub.on("POST", "/login/oauth/access_token", reply(200, {"error": word, "error_description": "Said by GitHub."}))
    with pytest.raises(AsyncCoderError) as raised:
        exchange(hub.url)
    assert type(raised.value) is kind


def test_a_refresh_token_works_once(hub: Any, reply: Any) -> None:
    hub.on("POST", "/login/oauth/access_token", reply(200, {"error": "bad_refresh_token"}))
    with pytest.raises(GitHubUnauthorized):
        oauth.refresh(github_url=hub.url, refresh_token="ghr_used", **APP)


@pytest.mark.parametrize(
    "answer",
    [
        lambda reply: reply(200, {"token_type": "bearer"}),
        lambda reply: reply(200, {"access_token": None}),
        lambda reply: reply(200, {"access_token": "x", "expires_in": "soon"}),
        lambda reply: reply(200, ["surprise"]),
        lambda reply: reply(200, b"<html>a proxy's page</html>"),
        lambda reply: reply(503, b"Unicorn!"),
        lambda reply: reply(404, {"message": "Not Found"}),
    ],
)
def test_an_answer_without_a_token_is_githubs_fault(hub: Any, reply: Any, answer: Callable[[Any], Any]) -> None:
    hub.on("POST", "/login/oauth/access_token", answer(reply))
    with pytest.raises(GitHubError) as raised:
        exchange(hub.url)
    assert raised.value.status == 502


def test_a_github_that_is_away_cannot_sign_anyone_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(GitHubError, match="could not be reached"):
        exchange(f"http://127.0.0.1:{port}")


def test_no_secret_of_a_sign_in_is_shown(hub: Any, reply: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = {"access_token": "gho_secret", "refresh_token": "ghr_secret", "scope": "repo"}
    hub.on("POST", "/login/oauth/access_token", reply(200, answer))
    begun = start()
    told = [repr(begun), repr(exchange(hub.url, "c0de-secret", begun.verifier))]
    hub.on("POST", "/login/oauth/access_token", reply(200, {"error": "bad_verification_code"}))
    with pytest.raises(GitHubUnauthorized) as raised:
        exchange(hub.url, "c0de-secret", begun.verifier)
    told += traceback.format_exception(raised.value)
    told += [record.getMessage() for record in caplog.records]
    for secret in ("gho_secret", "ghr_secret", APP["client_secret"], begun.verifier):
        assert secret not in "\n".join(told)
