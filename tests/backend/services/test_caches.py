"""Caches and disk: measured by the machine itself, emptied when asked or when the disk runs low, never under a run."""

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select

from backend import clock, db
from backend.errors import Forbidden, InvalidInput, NotFound
from backend.models import AuditEntry, CacheClearing, CacheKind, ClearingState, Machine
from backend.services import cache_clearing, caches, machines, setup_cache
from backend.services.caches import Caches, MachineEntry
from backend.settings import get_settings
from backend.workspace.mirror import Mirror, mirrors_root
from tests.conftest import People, forget_settings

DAY = 24 * 3600.0


@pytest.fixture(autouse=True)
def no_jail(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ASYNCCODER_SANDBOX", "none")


def mirror(github_id: int, unused_days: float = 0, size: int = 100_000) -> Mirror:
    """A mirror that was used so long ago, as far as a folder of that name is one."""
    found = Mirror(mirrors_root(get_settings().data_dir), github_id)
    found.path.mkdir(parents=True)
    (found.path / "pack").write_bytes(b"x" * size)
    found.used_file.touch()
    moment = time.time() - unused_days * DAY
    os.utime(found.used_file, (moment, moment))
    return found


def added(repository: UUID, unused_days: float = 0) -> Path:
    """What a set-up script added, used so long ago."""
    name = f"{repository.hex}-{uuid4().hex}"
    archive = get_settings().data_dir / "archive"
    archive.write_bytes(b"x" * 5000)
    setup_cache.keep(name, archive)
    kept = get_settings().data_dir / "setups" / name
    moment = time.time() - unused_days * DAY
    os.utime(kept, (moment, moment))
    return kept


def told(people: People) -> Caches:
    with db.transaction() as session:
        return caches.read(session, people.alice)


def this(people: People) -> MachineEntry:
    [machine] = told(people).machines
    return machine


def ask(people: People, kind: CacheKind, item: object) -> UUID:
    machine = this(people).id
    with db.transaction() as session:
        return cache_clearing.empty(session, people.alice, machine, kind, str(item))


def ask_unused(people: People) -> UUID:
    machine = this(people).id
    with db.transaction() as session:
        return cache_clearing.empty_unused(session, people.alice, machine)


def test_a_machine_tells_what_lies_there_how_large_and_since_when_unused(people: People) -> None:
    mirror(11, unused_days=40), mirror(12, unused_days=2, size=300_000)
    added(people.shop, unused_days=3), added(people.shop, unused_days=1), added(uuid4())
    assert told(people).machines == []
    machines.keep()
    machine = this(people)
    assert machine.is_heard and not machine.is_measuring and 0 < machine.free < machine.total
    stores = {one.store: one for one in machine.stores}
    assert list(stores) == ["mirrors", "setups", "workspaces", "pages", "rest"]
    assert [(one.name, one.count) for one in stores["mirrors"].items] == [("acme/shop", 1), ("alice/sample-shop", 1)]
    assert stores["mirrors"].count == 2 and stores["mirrors"].size >= 400_000
    assert stores["mirrors"].oldest and (clock.now() - stores["mirrors"].oldest).days == 40
    assert [(one.name, one.count, one.size) for one in stores["setups"].items] == [
        ("acme/shop", 2, 10_000),
        ("", 1, 5000),
    ]
    assert {one.store for one in told(people).tables} == {"artifacts", "attachments", "logs"}


def test_a_repositorys_mirror_is_removed_once_and_what_a_run_uses_stays(people: People) -> None:
    one, other = mirror(11), mirror(12)
    machines.keep()
    with other.used():
        asked = [
            ask(people, CacheKind.MIRRORS, 11),
            ask(people, CacheKind.MIRRORS, 11),
            ask(people, CacheKind.MIRRORS, 12),
        ]
        assert asked[0] == asked[1] != asked[2], "the same wish twice is one"
        assert machines.keep(measures=False)
    assert not one.path.exists() and other.path.exists()
    first, second = sorted(this(people).clearings, key=lambda row: row.what)
    assert (first.what, first.removed, first.kept) == ("the mirror of acme/shop", 0, 1)
    assert (second.what, second.removed, second.login) == ("the mirror of alice/sample-shop", 1, "alice")
    assert second.freed >= 100_000 and second.state is ClearingState.DONE and second.ended_at
    [store] = [store for store in this(people).stores if store.store == "mirrors"]
    assert [item.name for item in store.items] == ["acme/shop"], "it was measured again"
    assert machines.keep(measures=False) and other.path.exists(), "a wish is carried out once"


def test_what_set_up_added_for_one_repository_goes_and_anothers_stays(people: People) -> None:
    mine, theirs = added(people.sample), added(people.shop)
    machines.keep()
    ask(people, CacheKind.SETUPS, people.shop)
    machines.keep(measures=False)
    assert mine.exists() and not theirs.exists()


def test_all_that_was_unused_for_thirty_days_goes(people: People) -> None:
    old, new = mirror(11, unused_days=31), mirror(12, unused_days=29)
    archives = added(people.sample, unused_days=31), added(people.sample)
    machines.keep()
    assert ask_unused(people) == ask_unused(people)
    machines.keep(measures=False)
    assert [one.exists() for one in (old.path, new.path, *archives)] == [False, True, False, True]
    assert this(people).clearings[0].what == "all that was unused for 30 days"


def test_one_that_was_interrupted_goes_on_and_other_chores_go_before(people: People) -> None:
    mirror(11, unused_days=31), mirror(12, unused_days=31)
    machines.keep()
    ask_unused(people)
    turns = iter([True, False])
    assert not machines.keep(measures=False, may_go_on=lambda: next(turns))
    [row] = this(people).clearings
    assert (row.state, row.removed, row.total) == (ClearingState.RUNNING, 1, 2)
    assert machines.keep(measures=False)
    [row] = this(people).clearings
    assert (row.state, row.removed, row.total) == (ClearingState.DONE, 2, 2)


def test_a_low_disk_lets_go_of_what_was_used_least_recently_until_there_is_room(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_LEAST_FREE_GB", "1")
    forget_settings()
    settings = get_settings()
    oldest, used, newest = mirror(1, unused_days=9), mirror(2, unused_days=8), mirror(4)
    archive = added(people.shop, unused_days=5)
    machine = machines.tell(settings)
    there = (oldest.path, archive, newest.path)

    def free() -> int:
        """As if each were half a gigabyte: two are enough."""
        return 500 * 2**20 + 2**29 * sum(not one.exists() for one in there)

    with used.used():
        os.utime(used.used_file, (0, 0))
        assert machines.make_room(settings, machine, free) == 2
    assert [one.exists() for one in there] == [False, False, True] and used.path.exists()
    [row] = this(people).clearings
    assert (row.login, row.removed, row.kept) == ("", 2, 1) and "the disk ran low" in row.what
    assert machines.make_room(settings, machine, lambda: 2**30) == 0 and newest.path.exists()


def test_what_a_killed_removal_left_is_cleared_away_and_a_fetch_is_not_disturbed(people: People) -> None:
    mine = mirror(11)
    left = mine.path.with_name(".11.git.0a.old")
    left.mkdir()
    machines.keep()
    ask(people, CacheKind.MIRRORS, 11)
    with mine._lock(None):
        machines.keep(measures=False)
    assert left.exists() and mine.path.exists() and this(people).clearings[0].kept == 1
    ask(people, CacheKind.MIRRORS, 11)
    machines.keep(measures=False)
    assert not left.exists() and not mine.path.exists()


@pytest.mark.parametrize("item", ["", "x", "../../etc", "-1", "9" * 40, "\x00", "١"])
@pytest.mark.parametrize("kind", ["mirrors", "setups", "workspaces", "\x00"])
def test_garbage_is_refused(people: People, kind: str, item: str) -> None:
    machine = machines.tell(get_settings())
    with pytest.raises(InvalidInput), db.transaction() as session:
        cache_clearing.empty(session, people.alice, machine, kind, item)


def test_only_admins_see_measure_and_empty_and_each_emptying_is_written_down(people: People) -> None:
    machine = machines.tell(get_settings())
    for person in (people.bob, people.carol):
        for deed in (
            lambda session, who=person: caches.read(session, who),
            lambda session, who=person: cache_clearing.empty(session, who, machine, "mirrors", "11"),
            lambda session, who=person: cache_clearing.empty_unused(session, who, machine),
            lambda session, who=person: cache_clearing.measure(session, who, machine),
        ):
            with pytest.raises(Forbidden), db.transaction() as session:
                deed(session)
    with pytest.raises(NotFound), db.transaction() as session:
        cache_clearing.empty_unused(session, people.alice, uuid4())
    ask(people, CacheKind.MIRRORS, 11), ask_unused(people)
    with db.transaction() as session:
        acts = session.exec(
            select(AuditEntry).where(AuditEntry.act == "cache_emptied").order_by(col(AuditEntry.seq))
        ).all()
        wishes = session.exec(select(CacheClearing)).all()
    assert [(one.login, one.object_name) for one in acts] == [
        ("alice", "alice/sample-shop"),
        ("alice", "what is unused in the caches"),
    ]
    assert len(wishes) == 2


def test_what_is_to_be_measured_is_measured_by_the_next_turn(people: People) -> None:
    machines.keep()
    mirror(11)
    machines.keep()
    assert this(people).stores[0].count == 0, "not so soon again by itself"
    with db.transaction() as session:
        cache_clearing.measure(session, people.alice, session.exec(select(Machine.id)).one())
    assert this(people).is_measuring
    machines.keep()
    assert this(people).stores[0].count == 1 and not this(people).is_measuring


def test_a_machine_tells_which_sandbox_it_has(people: People, environment: pytest.MonkeyPatch) -> None:
    machines.keep(measures=False)
    with db.transaction() as session:
        row = session.exec(select(Machine)).one()
        assert (row.sandbox, row.sandbox_trouble) == ("none", "") and row.tested_at
