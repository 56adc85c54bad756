"""`make chaos`: the long storm. `make chaos ARGS="--seed 7"` has another one, or the same again."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from backend import db
from backend.settings import get_settings
from tests.chaos.house import House
from tests.chaos.run import through
from tests.chaos.storm import Storm
from tests.chaos.work import move_in
from tests.conftest import remove_workspaces
from tests.ports import free_port_pair


def main() -> int:
    """Runs it; 1 where anything was wrong."""
    wanted = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    for name, count in (("tasks", 500), ("kills", 50), ("flushes", 3), ("valkey-kills", 2), ("database-kills", 1)):
        wanted.add_argument(f"--{name}", type=int, default=count)
    wanted.add_argument("--supervisor-kills", type=int, default=2)
    wanted.add_argument("--workers", type=int, default=4)
    wanted.add_argument("--seed", type=int, default=1)
    given = wanted.parse_args()
    storm = Storm(
        given.kills, given.flushes, given.valkey_kills, given.database_kills, given.supervisor_kills, given.seed
    )
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        data_dir, port = Path(folder) / "data", free_port_pair()
        _set(data_dir, port, given.workers)
        house = House(data_dir, port)
        try:
            house.start()
            found = through(house, [move_in(house, login) for login in ("alice", "bob")], storm, given.tasks)
        finally:
            db.dispose()
            house.stop()
            remove_workspaces(data_dir)
    return 1 if found.wrong else 0


def _set(data_dir: Path, port: int, workers: int) -> None:
    """Settings of the house's own, for this process and for what it starts."""
    data_dir.mkdir(mode=0o700)
    ours = ("ASYNCCODER_", "GITHUB_", "DATABASE_URL", "REDIS_URL", "ANTHROPIC_", "OPENAI_", "COMPATIBLE_")
    for name in [name for name in os.environ if name.startswith(ours)]:
        del os.environ[name]
    settings = {"DATA_DIR": str(data_dir), "PORT": str(port), "WORKERS": str(workers)}
    os.environ |= {f"ASYNCCODER_{name}": value for name, value in settings.items()}
    get_settings.cache_clear()


if __name__ == "__main__":
    sys.exit(main())
