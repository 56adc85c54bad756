"""The short storm; `make chaos` is the long one."""

import pytest

from tests.chaos.house import House
from tests.chaos.run import through
from tests.chaos.storm import Storm
from tests.chaos.work import move_in
from tests.conftest import forget_settings
from tests.e2e.conftest import Stack

SEED = 23  # the web process, a job, a worker and the database die


@pytest.mark.timeout(400)
def test_after_a_storm_nothing_is_lost_or_done_twice_and_the_money_is_exact(
    stack: Stack, environment: pytest.MonkeyPatch
) -> None:
    port = int(stack.origin.rsplit(":", 1)[1])
    environment.setenv("ASYNCCODER_DATA_DIR", str(stack.data_dir))
    environment.setenv("ASYNCCODER_PORT", str(port))
    forget_settings()
    house = House(stack.data_dir, port, up=stack.process.pid)
    storm = Storm(kills=3, flushes=1, valkey_kills=0, database_kills=1, supervisor_kills=0, seed=SEED)
    found = through(house, [move_in(house, "bob", is_rich=False)], storm, tasks=8)
    stack.wait_healthy()
    assert found.wrong == []
    assert sum(found.ends.values()) == 8 and found.takeovers > 0
