"""Sign-in: the true road, and every way in which it is refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.backend.localhub.conftest import RunningHub, Visitor, pkce, plain_http, query_of

AUTHORIZE = "/login/oauth/authorize"


def ask(hub: RunningHub, challenge: str, **changes: str) -> str:
    """The address an app sends a browser to."""
    wish = {
        "client_id": "async-coder-demo",
        "redirect_uri": hub.callback,
        "scope": "repo read:org user:email",
        "state": "the state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "response_type": "code",
    }
    given = {name: value for name, value in (wish | changes).items() if value}
    return f"{AUTHORIZE}?{httpx.QueryParams(given)}"


def code_for(hub: RunningHub, challenge: str, login: str = "alice", **changes: str) -> str:
    answer = Visitor(hub).submit(ask(hub, challenge, **changes), AUTHORIZE, login=login)
    assert answer.status_code == 302, answer.text
    return query_of(answer.headers["location"])["code"]


def exchange(hub: RunningHub, code: str, verifier: str, /, **changes: str) -> dict[str, Any]:
    wish = {
        "client_id": "async-coder-demo",
        "client_secret": hub.key("hub-client-secret"),
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": hub.callback,
    }
    given = {name: value for name, value in (wish | changes).items() if value}
    accept = {"Accept": "application/json"}
    answer = plain_http().post(f"{hub.url}/login/oauth/access_token", data=given, headers=accept)
    assert answer.status_code == 200  # refusals too: GitHub's way
    return answer.json()


def test_the_page_says_what_it_is_and_offers_three_people(shared_hub: RunningHub) -> None:
    page = Visitor(shared_hub).get(ask(shared_hub, pkce()[1])).text
    assert "Local hub — a stand-in for GitHub on this machine" in page
    for login in ("alice", "bob", "carol"):
        assert f'name="login" value="{login}"' in page
    assert 'value="acme"' not in page


def test_a_code_comes_back_with_the_state_and_becomes_a_token(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    browser = Visitor(shared_hub)
    answer = browser.submit(ask(shared_hub, challenge, state="a/b ü&c"), AUTHORIZE, login="bob")
    location = answer.headers["location"]
    assert location.startswith(f"{shared_hub.callback}?")
    assert query_of(location)["state"] == "a/b ü&c"
    told = exchange(shared_hub, query_of(location)["code"], verifier)
    assert told["token_type"] == "bearer"
    assert set(told["scope"].split(",")) == {"repo", "read:org", "user:email"}
    assert told["access_token"].startswith("gho_")
    headers = {"Authorization": f"token {told['access_token']}"}
    me = plain_http().get(f"{shared_hub.api}/user", headers=headers)
    assert me.json()["login"] == "bob"
    assert me.headers["x-oauth-scopes"] == "read:org, repo, user:email"
    assert "bob" in browser.get("/").text, "the browser is signed in to the hub's pages as well"


def test_without_an_accept_header_the_answer_is_a_form(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    given = {
        "client_id": "async-coder-demo",
        "client_secret": shared_hub.key("hub-client-secret"),
        "code": code_for(shared_hub, challenge),
        "code_verifier": verifier,
    }
    answer = plain_http().post(f"{shared_hub.url}/login/oauth/access_token", data=given)
    assert answer.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(answer.text)["access_token"][0].startswith("gho_")


def test_a_code_works_once(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    code = code_for(shared_hub, challenge)
    assert "access_token" in exchange(shared_hub, code, verifier)
    assert exchange(shared_hub, code, verifier)["error"] == "bad_verification_code"


def test_of_many_who_bring_the_same_code_at_once_one_gets_a_token(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    code = code_for(shared_hub, challenge)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: exchange(shared_hub, code, verifier), range(16)))
    assert sum("access_token" in one for one in told) == 1


def test_a_code_grows_old_in_ten_minutes(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    code = code_for(shared_hub, challenge)
    with shared_hub.database() as db:
        db.execute("UPDATE code SET expires_at = expires_at - 601")
    assert exchange(shared_hub, code, verifier)["error"] == "bad_verification_code"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"code_verifier": "x" * 64}, "bad_verification_code"),
        ({"code_verifier": ""}, "bad_verification_code"),
        ({"code_verifier": "ü" * 64}, "bad_verification_code"),
        ({"code": "0123456789abcdef0123"}, "bad_verification_code"),
        ({"code": ""}, "bad_verification_code"),
        ({"client_secret": "guessed"}, "incorrect_client_credentials"),
        ({"client_secret": ""}, "incorrect_client_credentials"),
        ({"client_id": "another-app"}, "incorrect_client_credentials"),
        ({"redirect_uri": "http://127.0.0.1:1/auth/callback"}, "redirect_uri_mismatch"),
        ({"grant_type": "refresh_token", "refresh_token": "ghr_guessed"}, "bad_refresh_token"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_exchange_is_refused_as_github_does(shared_hub: RunningHub, changes: dict[str, str], word: str) -> None:
    verifier, challenge = pkce()
    told = exchange(shared_hub, code_for(shared_hub, challenge), verifier, **changes)
    assert told["error"] == word
    assert told["error_description"] and told["error_uri"]
    assert "access_token" not in told


def test_a_guessed_client_secret_does_not_use_the_code_up(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    code = code_for(shared_hub, challenge)
    exchange(shared_hub, code, verifier, client_secret="guessed")
    assert "access_token" in exchange(shared_hub, code, verifier)


def test_a_wrong_verifier_uses_the_code_up(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    code = code_for(shared_hub, challenge)
    exchange(shared_hub, code, "y" * 64)
    assert exchange(shared_hub, code, verifier)["error"] == "bad_verification_code"


def test_a_verifier_without_a_challenge_proves_nothing(shared_hub: RunningHub) -> None:
    code = code_for(shared_hub, "", code_challenge_method="")
    assert exchange(shared_hub, code, pkce()[0])["error"] == "bad_verification_code"


def test_an_unknown_app_is_not_found(shared_hub: RunningHub) -> None:
    assert Visitor(shared_hub).get(ask(shared_hub, pkce()[1], client_id="nobody")).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/auth/callback",
        "http://127.0.0.1:1/auth/callback",
        "{callback}/",
        "{callback}?x=1",
        "{callback}#x",
        "//evil.example",
    ],
)
def test_another_return_address_leads_to_the_registered_one_with_an_error(shared_hub: RunningHub, address: str) -> None:
    wanted = address.format(callback=shared_hub.callback)
    answer = Visitor(shared_hub).get(ask(shared_hub, pkce()[1], redirect_uri=wanted))
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{shared_hub.callback}?error=redirect_uri_mismatch")
    assert query_of(answer.headers["location"])["state"] == "the state"


@pytest.mark.parametrize("method", ["plain", "s256", ""])
def test_only_s256_is_a_challenge(shared_hub: RunningHub, method: str) -> None:
    answer = Visitor(shared_hub).get(ask(shared_hub, pkce()[1], code_challenge_method=method))
    assert query_of(answer.headers["location"])["error"] == "invalid_request"


def test_one_may_say_no(shared_hub: RunningHub) -> None:
    answer = Visitor(shared_hub).submit(ask(shared_hub, pkce()[1]), AUTHORIZE, cancel="1")
    told = query_of(answer.headers["location"])
    assert told["error"] == "access_denied" and told["state"] == "the state" and "code" not in told


@pytest.mark.parametrize("login", ["acme", "mallory", ""])
def test_only_people_of_the_demo_can_be_chosen(shared_hub: RunningHub, login: str) -> None:
    answer = Visitor(shared_hub).submit(ask(shared_hub, pkce()[1]), AUTHORIZE, login=login)
    assert answer.status_code == 422


def test_a_form_that_is_not_ours_signs_nobody_in(shared_hub: RunningHub) -> None:
    given = {"client_id": "async-coder-demo", "login": "alice"}
    assert plain_http().post(shared_hub.url + AUTHORIZE, data=given).status_code == 403
    given["csrf"] = "0" * 64
    assert plain_http().post(shared_hub.url + AUTHORIZE, data=given).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_sites_page_can_post_nothing(shared_hub: RunningHub, headers: dict[str, str]) -> None:
    for path in (AUTHORIZE, "/login", "/_control/token", "/_control/reset", "/login/oauth/access_token"):
        answer = plain_http().post(shared_hub.url + path, headers=headers, json={"login": "alice"})
        assert answer.status_code == 403, path


def test_another_name_that_leads_here_gets_no_answer(shared_hub: RunningHub) -> None:
    answer = plain_http().get(shared_hub.url, headers={"Host": f"evil.example:{shared_hub.port}"})
    assert answer.status_code == 421


def test_secrets_are_kept_as_hashes_only(shared_hub: RunningHub) -> None:
    verifier, challenge = pkce()
    browser = Visitor(shared_hub, "carol")
    code = code_for(shared_hub, challenge, "carol")
    token = exchange(shared_hub, code, verifier)["access_token"]
    with shared_hub.database() as db:
        kept = "\n".join(db.iterdump())
    for secret in (code, token, browser.http.cookies["hub_session"]):
        assert secret not in kept


@pytest.mark.parametrize("next_path", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/\nx"])
def test_signing_in_never_leads_to_another_site(shared_hub: RunningHub, next_path: str) -> None:
    answer = Visitor(shared_hub).submit("/login", "/login", login="alice", next=next_path)
    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session(shared_hub: RunningHub) -> None:
    browser = Visitor(shared_hub, "alice")
    kept = browser.http.cookies["hub_session"]
    assert browser.submit("/", "/logout").status_code == 303
    again = plain_http(cookies={"hub_session": kept}).get(f"{shared_hub.url}/alice/sample-shop")
    assert again.status_code == 404
