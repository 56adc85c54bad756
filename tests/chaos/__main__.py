"""`make chaos`: the long storm. `make chaos ARGS="--seed 7"` has another one, or the same again."""

import argparse
import sys
import tempfile
from pathlib import Path

from backend.localhub.faults import KINDS
from tests.chaos.house import House
from tests.chaos.run import through
from tests.chaos.storm import Storm
from tests.chaos.work import move_in
from tests.ports import free_port_pair
from tests.up import Up, as_it


def main() -> int:
    """Runs it; 1 where anything was wrong."""
    wanted = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    for name, count in (("tasks", 500), ("kills", 50), ("flushes", 3), ("valkey-kills", 2), ("database-kills", 1)):
        wanted.add_argument(f"--{name}", type=int, default=count)
    wanted.add_argument("--supervisor-kills", type=int, default=2)
    wanted.add_argument("--hub-faults", type=int, default=6, help="of each kind")
    wanted.add_argument("--workers", type=int, default=4)
    wanted.add_argument("--seed", type=int, default=1)
    given = wanted.parse_args()
    storm = Storm(
        given.kills,
        given.flushes,
        given.valkey_kills,
        given.database_kills,
        given.supervisor_kills,
        given.seed,
        KINDS * given.hub_faults,
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        up = Up(Path(folder) / "data", free_port_pair(), given.workers)
        with up.running(), as_it(up):
            house = House(up)
            found = through(house, [move_in(house, login) for login in ("alice", "bob")], storm, given.tasks)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
