"""The set-up on a repository's settings page."""

import asyncio
from typing import Any

import pytest

from asynccoder_ui.repository_view import RepositoryView
from asynccoder_ui.setup_view import RepositorySetup
from tests.conftest import People
from tests.ui.conftest import opened

TOKEN = "npm_thirty-six-characters-of-a-token"
SECRET = {"name": "NPM_TOKEN", "value": TOKEN}


def shown(people: People, *events: tuple[Any, ...], who: str = "alice") -> RepositorySetup:
    """The set-up of the team's repository after these events, begun by opening the settings' tab."""

    async def road() -> RepositorySetup:
        async with opened(people.cookies[who], f"/repositories/{people.shop}") as tab:
            await tab.fire(RepositoryView.show, "settings")
            await tab.fire(RepositorySetup.open, str(people.shop))  # what the tab opens by itself is not waited for
            for handler, *args in events:
                await tab.fire(handler, *args)
            return await tab.state(RepositorySetup)

    return asyncio.run(road())


def test_script_environment_and_secrets_are_there_for_the_team(people: People):
    form = {"script": "npm ci", "environment": "TZ=UTC"}
    mine = shown(people, (RepositorySetup.save, form), (RepositorySetup.keep_secret, SECRET))
    assert (mine.error, mine.refused, mine.kept, mine.said) == ("", "", 1, "Kept")
    theirs = shown(people, who="bob")
    assert (theirs.setup.script, theirs.setup.environment, theirs.setup.can_change) == ("npm ci", "TZ=UTC", True)
    assert [item.name for item in theirs.secrets] == ["NPM_TOKEN"]
    assert TOKEN not in str(theirs.dict()), "no value comes back"
    gone = shown(people, (RepositorySetup.remove_secret, "NPM_TOKEN"), who="bob")
    assert gone.secrets == [] and gone.said == "Removed"


def test_a_stranger_reads_and_changes_nothing(people: People):
    shown(people, (RepositorySetup.keep_secret, SECRET))
    seen = shown(
        people,
        (RepositorySetup.save, {"script": "curl evil.example"}),
        (RepositorySetup.keep_secret, SECRET),
        (RepositorySetup.remove_secret, "NPM_TOKEN"),
        who="carol",
    )
    assert not seen.is_read and seen.secrets == [] and seen.error and seen.refused
    assert "no such repository" in seen.unread, "it says why, instead of waiting"
    assert [item.name for item in shown(people).secrets] == ["NPM_TOKEN"]


@pytest.mark.parametrize("form", [{"script": "a\x00b"}, {"environment": "A B=1"}, {"script": "x" * 20_001}])
def test_a_set_up_that_cannot_be_is_refused_with_its_sentence(people: People, form: dict[str, Any]):
    seen = shown(people, (RepositorySetup.save, form))
    assert seen.error and seen.setup.script == ""


def test_a_secret_that_is_refused_keeps_the_dialog_open_and_a_reopened_one_is_quiet(people: People):
    seen = shown(people, (RepositorySetup.keep_secret, {"name": "A B", "value": TOKEN}))
    assert seen.refused and seen.kept == 0
    assert shown(people, (RepositorySetup.keep_secret, {}), (RepositorySetup.hush,)).refused == ""


def test_without_a_repository_nothing_is_changed(people: People):
    async def road() -> RepositorySetup:
        async with opened(people.cookies["alice"], "/repositories/none") as tab:
            await tab.fire(RepositoryView.show, "settings")
            await tab.fire(RepositorySetup.save, {"script": "make"})
            return await tab.state(RepositorySetup)

    assert asyncio.run(road()).setup.script == ""
