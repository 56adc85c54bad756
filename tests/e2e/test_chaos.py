"""The short storm; `make chaos` is the long one."""

import pytest

from tests.chaos.house import House
from tests.chaos.run import through
from tests.chaos.storm import Storm
from tests.chaos.work import move_in
from tests.up import Up, as_it

FAULTS = ("push_answer_lost", "open_answer_lost", "hook_twice")
SEED = 23  # the web process, a job, a worker and the database die


@pytest.mark.timeout(400)
def test_after_a_storm_nothing_is_lost_or_done_twice_and_the_money_is_exact(stack: Up) -> None:
    house = House(stack)
    storm = Storm(
        kills=3, flushes=1, valkey_kills=0, database_kills=1, supervisor_kills=0, seed=SEED, hub_faults=FAULTS
    )
    with as_it(stack):
        found = through(house, [move_in(house, "bob", is_rich=False)], storm, tasks=8)
    stack.wait_healthy()
    assert found.wrong == []
    assert sum(found.ends.values()) == 8 and found.takeovers > 0
