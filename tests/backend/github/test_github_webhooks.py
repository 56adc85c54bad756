"""Which deliveries are believed, and what they mean."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.errors import InvalidInput
from backend.github import webhooks
from backend.github.changes import PullRequestChanged
from backend.words import PullRequestStatus

# The vector in GitHub's documentation, "Validating webhook deliveries".
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def payload(**changes: Any) -> dict[str, Any]:
    pull = {
        "id": 3_000_000_001,
        "number": 7,
        "title": "T",
        "body": None,
        "state": "closed",
        "draft": False,
        "html_url": "https://github.com/alice/shop/pull/7",
        "head": {"ref": "work", "sha": "a" * 40},
        "base": {"ref": "main", "sha": "b" * 40},
        "merged": True,
        "merged_at": "2024-05-01T12:00:00+02:00",
        "closed_at": "2024-05-01T10:00:00Z",
        "updated_at": "2024-05-01T10:00:01Z",
    }
    return {"action": "closed", "repository": {"id": 2**40}, "pull_request": pull | changes, "sender": {"id": 1}}


def test_githubs_documented_vector_is_valid() -> None:
    assert webhooks.verify(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE.upper(),
        "sha256=" + SIGNATURE.removeprefix("sha256=").upper(),
        SIGNATURE.removeprefix("sha256="),
        "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
        " " + SIGNATURE,
        SIGNATURE.replace("7", "\N{FULLWIDTH DIGIT SEVEN}"),
        "sha256=" + "\xff" * 64,
        "sha256=\ud800",
        "sha256=" + "0" * 64,
    ],
)
def test_any_other_signature_is_refused_without_an_exception(header: str | None) -> None:
    assert webhooks.verify(SECRET, BODY, header) is False


def test_every_byte_of_the_body_and_the_secret_count() -> None:
    assert not webhooks.verify(SECRET, BODY + b"\n", SIGNATURE)
    assert not webhooks.verify(SECRET + " ", BODY, SIGNATURE)


def test_without_a_secret_nothing_is_valid() -> None:
    forged = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not webhooks.verify("", BODY, forged)


def test_a_merge_is_told_with_the_repositorys_id() -> None:
    change = webhooks.parse("pull_request", payload())
    assert isinstance(change, PullRequestChanged) and change.repository_github_id == 2**40
    assert (change.pull.number, change.pull.status) == (7, PullRequestStatus.MERGED)
    assert change.pull.merged_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert change.pull.etag is None


@pytest.mark.parametrize("event", ["ping", "discussion", "workflow_run", "an event of next year", ""])
@pytest.mark.parametrize("told", [{}, None, "text", {"pull_request": 7}])
def test_an_event_we_do_not_follow_means_nothing_whatever_it_holds(event: str, told: Any) -> None:
    assert webhooks.parse(event, told) is None


def test_an_action_of_next_year_is_read_all_the_same() -> None:
    change = webhooks.parse("pull_request", payload() | {"action": "teleported", "number": 7, "new_field": {}})
    assert isinstance(change, PullRequestChanged) and change.pull.number == 7


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "text",
        {},
        payload() | {"repository": None},
        payload() | {"repository": {"id": "x"}},
        payload() | {"pull_request": []},
        payload() | {"action": 7},
        payload(state="ajar"),
        payload(updated_at="yesterday"),
        payload(updated_at="2024-05-01T10:00:01"),
        payload(head=None),
        payload(number=None),
    ],
)
def test_a_malformed_pull_request_event_is_invalid_input(told: Any) -> None:
    with pytest.raises(InvalidInput):
        webhooks.parse("pull_request", told)


def test_the_refusal_of_a_malformed_event_names_the_field_and_not_its_value() -> None:
    with pytest.raises(InvalidInput) as raised:
        webhooks.parse("pull_request", payload(state="a value nobody should see"))
    assert raised.value.field == "pull_request.state"
    assert "nobody should see" not in str(raised.value)
