"""What the pages of repositories hold of the services' rows: small frozen values, ready to be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from asynccoder_ui import chosen, routes
from asynccoder_ui.syncing import Work
from asynccoder_ui.views import Option, iso, web_address
from backend.services.catalog import ModelChoice
from backend.services.repositories import BranchRow, GoneRow, RepositoryRow
from backend.services.repository_pages import Access, Archive, Listed, Privacy, Shown, Wanted
from backend.services.repository_settings import DraftPolicy, SettingsRow
from backend.services.repository_syncs import Standing
from backend.settings import get_settings

_ACCESS = {"read": "can read", "write": "can push", "admin": "admin"}
_POLICIES = {
    DraftPolicy.UNVERIFIED: "A draft when the tests fail, otherwise ready for review",
    DraftPolicy.READY: "Always ready for review",
    DraftPolicy.DRAFT: "Always a draft",
}
STARTS, MEANS_NOTHING = "starts", "nothing"
NOBODY = "nobody"  # gives a second opinion
_MENTIONS = {STARTS: "Starts a task, or goes on with one", MEANS_NOTHING: "Means nothing"}
MENTION_OPTIONS = list(_MENTIONS.items())
POLICY_OPTIONS = [(policy.value, words) for policy, words in _POLICIES.items()]


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The filters of the repositories."""

    access: str = chosen.word(Access)
    privacy: str = chosen.word(Privacy)
    archive: str = chosen.word(Archive)

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(
            self.q,
            Access(self.access or Access.ALL),
            Privacy(self.privacy or Privacy.ALL),
            Archive(self.archive or Archive.ACTIVE),
        )


@dataclass(frozen=True)
class RepositoryItem:
    """A repository in the list and at the head of its page; `access` is a word, `note` why it cannot be worked on."""

    id: str = ""
    name: str = ""
    href: str = ""
    description: str = ""
    facts: str = ""
    access: str = ""
    is_private: bool = False
    is_archived: bool = False
    note: str = ""
    task: str = ""
    task_href: str = ""
    task_at: str = ""
    url: str = ""
    hook: str = ""  # how GitHub's changes come, a HookState
    hook_words: str = ""


@dataclass(frozen=True)
class BranchItem:
    """A branch with its marks."""

    name: str
    is_default: bool
    is_protected: bool


@dataclass(frozen=True)
class SettingsItem:
    """A repository's settings, and whether this person may change them."""

    test_command: str = ""
    draft_policy: str = DraftPolicy.UNVERIFIED
    draft_words: str = ""
    trigger_label: str = ""
    mentions: str = STARTS
    mention: str = ""  # the app's name in a comment
    mention_words: str = ""
    opinion: str = NOBODY  # or the id of a model
    opinion_model: str = ""
    changed_at: str = ""
    can_change: bool = False


@dataclass(frozen=True)
class GoneItem:
    """A repository that is out of reach."""

    id: str
    name: str
    reason: str


def sync_work(standing: Standing) -> Work:
    """How far a sync is: "Syncing page 4 of 10, 400 repositories"."""
    if standing.state == "failed":
        return Work(error=standing.trouble, needs_reconnect=standing.needs_reconnect)
    if not standing.is_open:
        return Work()
    if not standing.pages_known:
        words, percent = "Syncing…", 0
    else:
        words = f"Syncing page {standing.pages:,} of {standing.pages_known:,}, {standing.found:,} repositories"
        percent = round(100 * standing.pages / standing.pages_known)
    return Work(True, words, percent, wait=standing.trouble, until=iso(standing.until))


def gone_item(row: GoneRow) -> GoneItem:
    """A line of those out of reach."""
    return GoneItem(str(row.id), row.full_name, row.reason)


def listed_item(listed: Listed) -> RepositoryItem:
    """A line of the list."""
    last = listed.last_task
    return _item(
        listed.row,
        task=last.title if last else "",
        task_href=routes.task_page(str(last.id)) if last else "",
        task_at=iso(last.at) if last else "",
    )


def shown_item(shown: Shown) -> RepositoryItem:
    """The head of a repository's page."""
    hook = shown.hook
    return _item(shown.row, url=web_address(shown.url), hook=hook.state.value, hook_words=hook.sentence)


def branch_item(row: BranchRow) -> BranchItem:
    """A branch."""
    return BranchItem(row.name, row.is_default, row.is_protected)


def settings_item(row: SettingsRow) -> SettingsItem:
    """The settings of a repository."""
    mentions = STARTS if row.takes_mentions else MEANS_NOTHING
    return SettingsItem(
        test_command=row.test_command,
        draft_policy=row.draft_policy.value,
        draft_words=_POLICIES[row.draft_policy],
        trigger_label=row.trigger_label,
        mentions=mentions,
        mention=f"@{get_settings().mention}",
        mention_words=_MENTIONS[mentions].lower(),
        opinion=str(row.opinion_model_id or NOBODY),
        opinion_model=row.opinion_model,
        changed_at=iso(row.changed_at),
        can_change=row.can_change,
    )


def opinion_options(row: SettingsRow, models: Sequence[ModelChoice]) -> list[Option]:
    """Nobody, the models that this person can use, and the chosen one whoever can use it."""
    listed = [Option(str(one.id), f"{one.display_name} ({one.price_line})") for one in models if one.is_available]
    if row.opinion_model_id and str(row.opinion_model_id) not in [one.value for one in listed]:
        listed.append(Option(str(row.opinion_model_id), row.opinion_model))
    return [Option(NOBODY, "Nobody"), *listed]


def _item(row: RepositoryRow, **more: str) -> RepositoryItem:
    return RepositoryItem(
        id=str(row.id),
        name=row.full_name,
        href=routes.repository_page(str(row.id)),
        description=row.description,
        facts=" · ".join(filter(None, [row.language, row.default_branch if not row.is_empty else "empty"])),
        access=_ACCESS.get(row.access_level, row.access_level),
        is_private=row.is_private,
        is_archived=row.is_archived,
        note=row.refusal,
        **more,
    )
