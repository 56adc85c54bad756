"""Merging: a merge commit or a squash, once, and never what does not fit."""

from concurrent.futures import ThreadPoolExecutor

from tests.backend.localhub.conftest import BUG, Clone, RunningHub, git

SAMPLE = "/repos/alice/sample-shop"
PULLS = f"{SAMPLE}/pulls"
WISH = {"title": "Fix", "head": "fix", "base": "main"}


def test_merging_puts_it_on_the_base_branch(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer(
        "fix", {"shop/totals.py": (clone.path / "shop/totals.py").read_text().replace(BUG, "    return 0")}
    )
    caller = hub.caller("alice")
    caller.post(PULLS, json=WISH)
    assert caller.get(f"{PULLS}/1/merge").status_code == 404
    assert caller.put(f"{PULLS}/1/merge", json={"sha": "0" * 40}).status_code == 409
    done = caller.put(f"{PULLS}/1/merge", json={"sha": sha}).json()
    assert done["merged"]
    assert caller.get(f"{PULLS}/1/merge").status_code == 204
    pull = caller.get(f"{PULLS}/1").json()
    assert pull["merged"] and pull["state"] == "closed" and pull["merged_by"]["login"] == "alice"
    assert pull["merge_commit_sha"] == done["sha"] and (pull["commits"], pull["changed_files"]) == (1, 1)
    main = caller.get(f"{SAMPLE}/branches/main").json()["commit"]
    assert main["sha"] == done["sha"] and len(main["parents"]) == 2
    assert main["commit"]["message"] == "Merge pull request #1 from alice/fix\n\nFix"
    assert len(caller.get(f"{PULLS}/1/files").json()) == 1 and len(caller.get(f"{PULLS}/1/commits").json()) == 1
    assert caller.put(f"{PULLS}/1/merge").status_code == 405, "once"
    assert caller.patch(f"{PULLS}/1", json={"state": "open"}).status_code == 422


def test_of_many_at_once_one_opens_it_and_one_merges_it(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    callers = [hub.caller("alice") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda caller: caller.post(PULLS, json=WISH).status_code, callers))
        merged = list(pool.map(lambda caller: caller.put(f"{PULLS}/1/merge").status_code, callers))
    assert sorted(opened) == [201] + [422] * 7
    assert sorted(merged) == [200] + [405] * 7
    assert len(hub.receiver.wait(2)) == 2


def test_squashing_leaves_one_commit(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix", {"a": "1"})
    clone.add({"b": "2"})
    clone.push()
    caller = hub.caller("alice")
    caller.post(PULLS, json=WISH)
    done = caller.put(f"{PULLS}/1/merge", json={"merge_method": "squash", "commit_title": "One"}).json()
    main = caller.get(f"{SAMPLE}/branches/main").json()["commit"]
    assert main["sha"] == done["sha"] and len(main["parents"]) == 1
    assert main["commit"]["message"] == "One\n\n* Change a\n\n* Change b"
    assert caller.get(f"{PULLS}/1").json()["merged"]


def test_what_cannot_be_merged_is_refused(hub: RunningHub, clone: Clone) -> None:
    caller = hub.caller("alice")
    for branch in ("one", "two"):
        clone.commit(branch, {"README.md": f"{branch}\n"})
        clone.push()
        caller.post(PULLS, json=WISH | {"head": branch})
    assert caller.put(f"{PULLS}/1/merge", json={"merge_method": "rebase"}).status_code == 405
    assert caller.put(f"{PULLS}/1/merge", json={"merge_method": "magic"}).status_code == 422
    assert caller.put(f"{PULLS}/1/merge").status_code == 200
    conflicting = caller.get(f"{PULLS}/2").json()
    assert (conflicting["mergeable"], conflicting["mergeable_state"]) == (False, "dirty")
    assert caller.put(f"{PULLS}/2/merge").json()["message"] == "Pull Request is not mergeable"
    clone.offer("three")
    caller.post(PULLS, json=WISH | {"head": "three", "draft": True})
    assert caller.get(f"{PULLS}/3").json()["mergeable_state"] == "draft"
    assert caller.put(f"{PULLS}/3/merge").status_code == 405


def test_strangers_pushed_onto_an_open_pull_requests_branch_are_taken_and_cannot_be_merged(
    hub: RunningHub, clone: Clone
) -> None:
    caller = hub.caller("alice")
    clone.offer("one")
    caller.post(PULLS, json=WISH | {"head": "one"})
    git("checkout", "-q", "--orphan", "stranger", cwd=clone.path)
    sha = clone.add({"README.md": "Another history\n"})
    clone.push("-f", "stranger:one")
    pull = caller.get(f"{PULLS}/1").json()
    assert (pull["head"]["sha"], pull["mergeable"], pull["state"]) == (sha, False, "open")
    diff = caller.get(f"{PULLS}/1", headers={"Accept": "application/vnd.github.diff"})
    assert diff.status_code == 200
    assert caller.put(f"{PULLS}/1/merge").status_code == 405
