"""What lies in this machine's data dir, measured: how many, how large, for how long unused.

It may take minutes on a full disk: no page waits for it, a worker's own process does it beside (services/machines.py).
"""

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from backend import ui_build
from backend.services import setup_cache
from backend.settings import Settings
from backend.workspace.checkout import workspaces_root
from backend.workspace.mirror import mirrors, mirrors_root

MOST_ITEMS = 50  # repositories that are told one by one, the largest
_DU_SECONDS = 600.0
_AT_ONCE = 200  # folders for one `du`


class Store(StrEnum):
    """What takes room in a data dir."""

    MIRRORS = "mirrors"
    SETUPS = "setups"
    WORKSPACES = "workspaces"
    PAGES = "pages"
    REST = "rest"  # embedded servers, keys, the demo's GitHub


CACHES = (Store.MIRRORS, Store.SETUPS)


@dataclass(frozen=True)
class Item:
    """One repository's share: `id` is GitHub's of a mirror, ours of what its set-up added, empty where nobody knows.

    `used_at` is in seconds of the epoch, 0 where it is not known.
    """

    id: str
    count: int
    size: int
    used_at: float


@dataclass(frozen=True)
class Measured:
    """A store: where, how many, bytes on disk, the oldest use, and the largest of its items."""

    store: Store
    path: str
    count: int
    size: int
    oldest: float = 0.0
    items: list[Item] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As the machine's row keeps it."""
        items = [{"id": one.id, "count": one.count, "size": one.size, "used_at": one.used_at} for one in self.items]
        return {"store": self.store.value, "path": self.path, "count": self.count, "size": self.size,
                "oldest": self.oldest, "items": items}  # fmt: skip


def measure(settings: Settings, wanted: Iterable[Store] = Store) -> Iterator[Measured]:
    """Each store in its turn."""
    ways = {
        Store.MIRRORS: _mirrors,
        Store.SETUPS: _setups,
        Store.WORKSPACES: _workspaces,
        Store.PAGES: _pages,
        Store.REST: _rest,
    }
    for one in wanted:
        yield ways[one](settings)


def sizes(paths: Iterable[Path]) -> dict[Path, int]:
    """Bytes on disk of each folder or file, without what vanishes meanwhile and what cannot be entered."""
    found, left = dict[Path, int](), list(paths)
    while left:
        some, left = left[:_AT_ONCE], left[_AT_ONCE:]
        command = ["du", "-skx", "--", *map(str, some)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_DU_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            continue
        for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
            number, tab, name = line.partition("\t")
            if tab and number.isdecimal():
                found[Path(name)] = int(number) * 1024
    return found


def _mirrors(settings: Settings) -> Measured:
    root = mirrors_root(settings.data_dir)
    all_ = list(mirrors(root))
    measured = sizes(one.path for one in all_)
    items = [Item(str(one.github_id), 1, measured.get(one.path, 0), one.used_at) for one in all_]
    return _of_items(Store.MIRRORS, root, items)


def _setups(settings: Settings) -> Measured:
    shares = dict[str, Item]()
    for one in setup_cache.kept():
        owner = str(one.repository_id or "")
        before = shares.get(owner, Item(owner, 0, 0, 0.0))
        used_at = max(before.used_at, one.used_at)
        shares[owner] = Item(owner, before.count + 1, before.size + one.size, used_at)
    return _of_items(Store.SETUPS, settings.data_dir.resolve() / "setups", list(shares.values()))


def _of_items(store: Store, root: Path, items: list[Item]) -> Measured:
    oldest = min((one.used_at for one in items), default=0.0)
    count, size = sum(one.count for one in items), sum(one.size for one in items)
    items.sort(key=lambda one: -one.size)
    return Measured(store, str(root), count, size, oldest, items[:MOST_ITEMS])


def _workspaces(settings: Settings) -> Measured:
    root = workspaces_root(settings.data_dir, (0, 0) if os.geteuid() == 0 else None)
    folders = [folder for folder in root.iterdir() if folder.is_dir()]
    return Measured(Store.WORKSPACES, str(root), len(folders), sum(sizes(folders).values()))


def _pages(settings: Settings) -> Measured:
    root = ui_build.folder(settings)
    return Measured(Store.PAGES, str(root), int(root.is_dir()), sum(sizes([root]).values()) if root.is_dir() else 0)


def _rest(settings: Settings) -> Measured:
    root = settings.data_dir.resolve()
    told = {"mirrors", "setups", "workspaces", "ui"}
    others = [one for one in root.iterdir() if one.name not in told] if root.is_dir() else []
    return Measured(Store.REST, str(root), len(others), sum(sizes(others).values()))
