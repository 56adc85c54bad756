"""The pages: what they show, to whom, and that nothing written by others runs in them."""

import re

import pytest

from tests.backend.localhub.conftest import BUG, Clone, RunningHub, Visitor, git, plain_http

PULLS = "/repos/alice/sample-shop/pulls"
PAGE = "/alice/sample-shop/pull/1"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{evil}"


@pytest.fixture
def pull(hub: RunningHub, clone: Clone) -> Clone:
    """A pull request that mends the sample."""
    fixed = (
        (clone.path / "shop/totals.py").read_text().replace(BUG, "    return sum(line.net for line in lines) - exempt")
    )
    clone.offer("fix", {"shop/totals.py": fixed})
    wish = {"title": "Round once", "head": "fix", "base": "main", "body": "It **was** wrong."}
    hub.caller("alice").post(PULLS, json=wish)
    return clone


def test_a_pull_request_shows_its_state_its_words_and_its_change(hub: RunningHub, pull: Clone) -> None:
    page = Visitor(hub, "alice").get(PAGE).text
    assert "Local hub — a stand-in for GitHub on this machine" in page
    assert "Round once" in page and "It <strong>was</strong> wrong." in page and "Merge pull request" in page
    assert re.search(r'class="pill ok">.*?open</span>', page)
    assert "shop/totals.py" in page and "<mark>" in page and 'class="line gone"' in page and 'class="line come"' in page


def test_merging_on_the_page_is_a_merge(hub: RunningHub, pull: Clone) -> None:
    visitor = Visitor(hub, "alice")
    answer = visitor.submit(PAGE, f"{PAGE}/merge")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    page = visitor.get(PAGE).text
    assert "Merged by alice into main." in page and "Merge pull request" not in page
    assert hub.caller("alice").get(f"{PULLS}/1").json()["merged"]
    git("fetch", "-q", cwd=pull.path)
    assert git("log", "-1", "--format=%an", "origin/main", cwd=pull.path).stdout == "Alice Weber\n"


def test_closing_and_reopening_on_the_page(hub: RunningHub, pull: Clone) -> None:
    visitor = Visitor(hub, "alice")
    visitor.submit(PAGE, f"{PAGE}/close")
    assert "Closed without a merge." in visitor.get(PAGE).text
    visitor.submit(PAGE, f"{PAGE}/reopen")
    assert "No conflicts with main." in visitor.get(PAGE).text


def test_a_conflict_is_said_and_the_button_is_gone(hub: RunningHub, pull: Clone) -> None:
    pull.commit("other", {"shop/totals.py": "# gone\n"})
    pull.push("HEAD:main")
    page = Visitor(hub, "alice").get(PAGE).text
    assert "It conflicts with main" in page and "Merge pull request" not in page


def test_strangers_and_carol_get_no_page_and_can_do_nothing(hub: RunningHub, pull: Clone) -> None:
    for visitor in (Visitor(hub), Visitor(hub, "carol")):
        refused = visitor.get(PAGE)
        assert refused.status_code == 404 and "Round once" not in refused.text
        for action in ("merge", "close", "reopen", "ready"):
            fields = {"csrf": re.search(r'name="csrf" value="(\w+)"', refused.text)[1]}  # type: ignore[index]
            assert visitor.http.post(f"{PAGE}/{action}", data=fields).status_code == 404
        for suffix in (".diff", ".patch"):
            assert visitor.get(PAGE + suffix).status_code == 404
    assert hub.caller("alice").get(f"{PULLS}/1").json()["state"] == "open"


def test_a_form_without_its_token_or_with_anothers_does_nothing(hub: RunningHub, pull: Clone) -> None:
    alice, bob = Visitor(hub, "alice"), Visitor(hub, "bob")
    token = re.search(r'name="csrf" value="(\w+)"', bob.get("/").text)
    assert token
    for fields in ({}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "ü"}, {"csrf": token[1]}):
        assert alice.http.post(f"{PAGE}/merge", data=fields).status_code == 403
    assert hub.caller("alice").get(f"{PULLS}/1").json()["state"] == "open"


def test_who_may_only_read_sees_no_buttons_and_is_refused(hub: RunningHub, clone: Clone) -> None:
    git("remote", "set-url", "origin", hub.clone_url("alice/notes", "alice"), cwd=clone.path)
    git("fetch", "-q", cwd=clone.path)
    clone.offer("fix")
    hub.caller("alice").post("/repos/alice/notes/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    bob, page = Visitor(hub, "bob"), "/alice/notes/pull/1"
    shown = bob.get(page).text
    assert "Someone with write access can merge it." in shown and "/merge" not in shown
    token = re.search(r'name="csrf" value="(\w+)"', shown)
    assert token and bob.http.post(f"{page}/merge", data={"csrf": token[1]}).status_code == 403


def test_nothing_that_others_wrote_runs_or_loads(hub: RunningHub, clone: Clone) -> None:
    body = (
        EVIL + "\n\n[x](javascript:alert(1)) ![p](https://evil.example/p.png) <b onclick=alert(1)>b</b>\n\n"
        "[ok](https://example.org) [s](ssh://evil) [d](DATA:text/html,x) [b](blob:https://evil) <ssh://evil>\n\n"
        "```\n</code></pre><script>alert(2)</script>\n```\n"
    )
    clone.offer("a'b&c", {"x{y}.md": body, "<b>.txt": EVIL, "README.md": body})
    with hub.database() as db:
        db.execute("UPDATE issue SET title = ?, body = ? WHERE number = 12", (EVIL, body))
        db.execute("UPDATE comment SET body = ?", (body,))
    wish = {"title": EVIL, "head": "a'b&c", "base": "main", "body": body}
    assert hub.caller("alice").post(PULLS, json=wish).status_code == 201
    visitor = Visitor(hub, "alice")
    tree = "/alice/sample-shop/{kind}/a'b%26c"
    pages = [PAGE, "/alice/sample-shop/pulls", "/alice/sample-shop/branches", tree.format(kind="tree")]
    pages += ["/alice/sample-shop/issues", "/alice/sample-shop/issues/12"]
    pages += [tree.format(kind="blob") + "/%3Cb%3E.txt", tree.format(kind="blob") + "/x{y}.md"]
    pages += [tree.format(kind="commits"), "/alice/sample-shop/settings/hooks"]
    for path in pages:
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        for danger in (
            "<script",
            "<img src=x",
            'onerror=alert(1)>"',
            'href="javascript',
            'href="ssh',
            'href="blob',
            'href="data',
            'href="DATA',
            "<b onclick",
            'evil.example/p.png" alt',
        ):
            assert danger not in answer.text, (path, danger)
        assert re.findall(r'<img[^>]*src="([^"]*)"', answer.text) == [
            source for source in re.findall(r'<img[^>]*src="([^"]*)"', answer.text) if source.startswith("/avatars/")
        ]
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
    raw = visitor.get(tree.format(kind="raw") + "/README.md")
    assert raw.headers["content-type"].startswith("text/plain") and raw.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in raw.headers["content-security-policy"]


def test_files_folders_and_commits_can_be_looked_at(hub: RunningHub, pull: Clone) -> None:
    visitor, root = Visitor(hub, "alice"), "/alice/sample-shop"
    front = visitor.get(root).text
    assert "Sample shop" in front and f'href="{root}/tree/main/shop"' in front and f"{hub.url}{root}.git" in front
    assert "def total(" in visitor.get(f"{root}/blob/main/shop/totals.py").text
    sha = git("rev-parse", "origin/main", cwd=pull.path).stdout.strip()
    assert "First version" in visitor.get(f"{root}/commit/{sha}").text
    assert "First version" in visitor.get(f"{root}/commits/main").text
    assert visitor.get(f"{root}/tree/{sha}/tests").status_code == 200
    assert visitor.get(PAGE + ".diff").text.startswith("diff --git a/shop/totals.py")
    assert visitor.get(PAGE + ".patch").text.startswith("From ")
    missing = (
        "/blob/main/gone",
        "/tree/gone",
        "/blob/main/shop",
        "/tree/main/../../x",
        "/commit/main",
        "/pull/2",
        "/nothing",
    )
    for path in (*missing, f"/commit/{'0' * 40}", "/blob/main/..%2f..%2fconfig", "/raw/main/-x"):
        assert visitor.get(root + path).status_code == 404, path


def test_issues_are_listed_and_shown_with_what_was_said(hub: RunningHub, pull: Clone) -> None:
    visitor, root = Visitor(hub, "alice"), "/alice/sample-shop/issues"
    listing = visitor.get(root).text
    assert "Half cents of single lines are lost" in listing and f'href="{root}/15"' in listing
    page = visitor.get(f"{root}/12").text
    assert "Three lines of <strong>10.005</strong>" in page and "mend <code>shop/totals.py</code> alone" in page
    assert "No description." in visitor.get(f"{root}/15").text
    answer = visitor.get(f"{root}/1")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)  # a pull request's number
    assert visitor.get(f"{root}/99").status_code == 404
    deleted = visitor.get("/alice/notes/issues/4")
    assert deleted.status_code == 410 and "deleted" in deleted.text and "Buy now" not in deleted.text
    assert "Buy now" not in visitor.get("/alice/notes/issues").text
    for stranger in (Visitor(hub), Visitor(hub, "carol")):
        assert [stranger.get(path).status_code for path in (root, f"{root}/12", f"{root}/99")] == [404, 404, 404]


def test_a_person_says_something_and_puts_a_label_on_and_off(hub: RunningHub, pull: Clone) -> None:
    root = "/alice/sample-shop"
    for kind, number in (("issues", 12), ("pull", 1)):
        page, forms = f"{root}/{kind}/{number}", f"{root}/issues/{number}"
        visitor = Visitor(hub, "alice")
        answer = visitor.submit(page, f"{forms}/comment", body="Yes, **indeed**.<!-- unseen -->")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        visitor.submit(page, f"{forms}/label", label="<b>50 %</b>")
        shown = visitor.get(page).text
        assert "Yes, <strong>indeed</strong>." in shown and "unseen" not in shown and "&lt;b&gt;50 %" in shown
        visitor.submit(page, f"{forms}/unlabel")
        assert "&lt;b&gt;50 %" not in visitor.get(page).text.replace('<option value="&lt;b&gt;50 %&lt;/b&gt;">', "")
        assert visitor.submit(page, f"{forms}/comment", body=" ").status_code == 422
    notes = "/alice/notes/issues/3"
    assert "Comment" not in Visitor(hub).get(notes).text and "Add label" not in Visitor(hub, "carol").get(notes).text
    assert Visitor(hub, "carol").submit(notes, f"{notes}/comment", body="And I").status_code == 303


def test_a_repository_without_commits_says_so(hub: RunningHub, clone: Clone) -> None:
    with hub.database() as db:
        db.execute("UPDATE repository SET default_branch = 'trunk' WHERE id = 2001")
    assert "This repository is empty" in Visitor(hub, "alice").get("/alice/sample-shop").text


def test_style_fonts_and_pictures_come_from_here(shared_hub: RunningHub) -> None:
    http = plain_http(base_url=shared_hub.url)
    page = http.get("/").text
    for source in re.findall(r'(?:href|src)="(/_assets/[^"]*|/avatars/[^"]*)"', page):
        assert http.get(source).status_code == 200, source
    style = http.get("/_assets/tokens.css").text
    for font in set(re.findall(r"url\((/fonts/[^)]*)\)", style)):
        assert http.get(font).status_code == 200, font
    assert http.get("/avatars/1001").headers["content-type"] == "image/svg+xml"
    for path in ("/_assets/..%2fapp.py", "/_assets/app.py", "/fonts/LICENSE", "/avatars/1"):
        assert http.get(path).status_code == 404, path
