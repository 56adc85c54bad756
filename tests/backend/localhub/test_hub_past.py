"""Pull requests of the past, as `asynccoder seed` has them made."""

from typing import Any

from tests.backend.localhub.conftest import BUG, RunningHub, plain_http

PULLS = "/repos/alice/sample-shop/pulls"


def wish(**changes: Any) -> dict[str, Any]:
    return {
        "repository": "alice/sample-shop",
        "author": "alice",
        "title": "Round once",
        "body": "",
        "head": "asynccoder/1-round",
        "path": "shop/totals.py",
        "before": f"{BUG}\n",
        "after": "    return Decimal(0)\n",
        "merged": False,
        "ended": 1_760_000_000,
        **changes,
    }


def test_one_that_was_merged_shows_its_change_and_moves_no_branch(hub: RunningHub) -> None:
    alice = hub.caller("alice")
    before = alice.get("/repos/alice/sample-shop/branches").json()
    (made,) = hub.control("past", pulls=[wish(merged=True)])["pulls"]
    told = alice.get(f"{PULLS}/{made['number']}").json()
    assert told["merged"] and told["merged_at"] == "2025-10-09T08:53:20Z" and told["head"]["sha"] == made["head_sha"]
    (file,) = alice.get(f"{PULLS}/{made['number']}/files").json()
    assert (file["filename"], file["status"], file["additions"], file["deletions"]) == (
        "shop/totals.py",
        "modified",
        1,
        1,
    )
    assert alice.get("/repos/alice/sample-shop/branches").json() == before


def test_one_that_was_closed_can_be_opened_again(hub: RunningHub) -> None:
    (made,) = hub.control("past", pulls=[wish()])["pulls"]
    answer = hub.caller("alice").patch(f"{PULLS}/{made['number']}", json={"state": "open"})
    assert answer.status_code == 200 and answer.json()["state"] == "open"


def test_one_that_is_still_open_has_its_branch_and_is_opened_once(hub: RunningHub) -> None:
    first, second = hub.control("past", pulls=[wish(open=True), wish(open=True)])["pulls"]
    assert first == second
    told, _ = hub.caller("alice").get(PULLS).json()
    assert (told["number"], told["closed_at"], told["head"]["sha"]) == (first["number"], None, first["head_sha"])
    branches = [one["name"] for one in hub.caller("alice").get("/repos/alice/sample-shop/branches").json()]
    assert "asynccoder/1-round" in branches


def test_a_file_that_the_branch_has_not_is_shown_as_its_changed_lines(hub: RunningHub) -> None:
    new = wish(path="docs/new.md", before="", after="New\n")
    old = wish(path="shop/export.py", before="old\n", after="new\n", head="another")
    made = hub.control("past", pulls=[new, old])["pulls"]
    assert [one["number"] for one in made] == [1, 2]
    statuses = [hub.caller("alice").get(f"{PULLS}/{number}/files").json()[0]["status"] for number in (1, 2)]
    assert statuses == ["added", "modified"]


def test_nobody_has_a_past_where_they_see_nothing(hub: RunningHub) -> None:
    for given in (
        [wish(author="carol")],
        [wish(repository="alice/none")],
        [wish(author="mallory")],
        [{"title": "x"}],
        3,
    ):
        assert plain_http().post(f"{hub.url}/_control/past", json={"pulls": given}).status_code == 422
    assert [one["number"] for one in hub.caller("alice").get(f"{PULLS}?state=all").json()] == [13]
