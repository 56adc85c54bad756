"""What the page of caches holds of the machines' tellings: small frozen values, ready to be drawn."""

from dataclasses import dataclass

from asynccoder_ui.views import iso
from backend.models import ClearingState
from backend.services.caches import ClearingEntry, MachineEntry, StoreEntry, TableEntry

_NAMES = {
    "mirrors": "Mirrors of repositories",
    "setups": "What set-up scripts added",
    "workspaces": "Workspaces of runs",
    "pages": "Built pages",
    "rest": "Embedded servers, keys and the rest",
    "artifacts": "Checkpoints, patches and outputs",
    "attachments": "Images of prompts",
    "logs": "Logs of tasks",
}
_COUNTED = {"mirrors": ("repository", "repositories"), "setups": ("archive", "archives"), "workspaces": ("run", "runs")}
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class StoreItem:
    """A line of a table: `at` is the oldest last use, empty where there is none."""

    key: str
    name: str
    path: str
    count: str
    size: str
    at: str


@dataclass(frozen=True)
class ShareItem:
    """One repository's share of a cache, and the words that ask before it goes; `can_empty` says whether it may."""

    key: str
    machine: str
    kind: str
    id: str
    name: str
    facts: str
    at: str
    ask: str
    can_empty: bool


@dataclass(frozen=True)
class ClearingItem:
    """What became of a wish to empty; `percent` while it goes on."""

    key: str
    what: str
    facts: str
    at: str
    is_open: bool
    percent: int


@dataclass(frozen=True)
class MachineItem:
    """A machine's part of the page."""

    id: str
    name: str
    words: str
    used_percent: int
    is_low: bool
    is_heard: bool
    seen_at: str
    measured_at: str
    is_measuring: bool
    stores: list[StoreItem]
    shares: list[ShareItem]
    clearings: list[ClearingItem]


def machine_of(one: MachineEntry, least_free: int) -> MachineItem:
    """A machine's part of the page."""
    return MachineItem(
        id=str(one.id),
        name=f"{one.host}:{one.data_dir}",
        words=f"{size_of(one.free)} of {size_of(one.total)} free",
        used_percent=round(100 * (one.total - one.free) / one.total) if one.total else 0,
        is_low=one.free < least_free,
        is_heard=one.is_heard,
        seen_at=iso(one.seen_at),
        measured_at=iso(one.measured_at),
        is_measuring=one.is_measuring,
        stores=[
            StoreItem(
                store.store,
                _NAMES.get(store.store, store.store),
                store.path,
                _counted(store),
                size_of(store.size),
                iso(store.oldest),
            )
            for store in one.stores
        ],
        shares=[share for store in one.stores for share in _shares(one, store)],
        clearings=[_clearing_of(row) for row in one.clearings],
    )


def _counted(store: StoreEntry) -> str:
    one, more = _COUNTED.get(store.store, ("", ""))
    return f"{store.count:,} {one if store.count == 1 else more}" if one else ""


def _shares(machine: MachineEntry, store: StoreEntry) -> list[ShareItem]:
    is_mirror = store.store == "mirrors"
    what = "mirror" if is_mirror else "what set-up added"
    again = "fetches it anew" if is_mirror else "runs its set-up script anew"
    return [
        ShareItem(
            key=f"{store.store} {item.id}",
            machine=str(machine.id),
            kind=store.store,
            id=item.id,
            name=item.name or (f"GitHub’s repository {item.id}" if is_mirror else "no longer known here"),
            facts=f"{what} · {size_of(item.size)}" + (f" · {item.count} archives" if item.count > 1 else ""),
            at=iso(item.used_at),
            ask=f"The next run on {item.name or 'it'} {again}. If a run uses it just now, it stays.",
            can_empty=bool(item.id),
        )
        for item in store.items
    ]


def _clearing_of(row: ClearingEntry) -> ClearingItem:
    by = f"by @{row.login}" if row.login else "by itself"
    facts = [f"{row.removed:,} removed, {size_of(row.freed)} freed"]
    if row.kept:
        facts.append(f"{row.kept:,} in use stayed")
    if row.state is ClearingState.WAITING:
        facts = ["waits for that machine’s workers"]
    percent = round(100 * (row.removed + row.kept) / row.total) if row.total else 0
    is_open = row.state is not ClearingState.DONE
    return ClearingItem(str(row.id), row.what, " · ".join([*facts, by]), iso(row.asked_at), is_open, percent)


def size_of(number: int) -> str:
    """Bytes in words, by thousands of 1024."""
    size, unit = float(max(0, number)), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit < 2 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def table_of(one: TableEntry) -> StoreItem:
    """A line of the database's table."""
    return StoreItem(
        one.store, _NAMES.get(one.store, one.store), "", f"about {one.count:,} rows", size_of(one.size), ""
    )
