"""The storm's plan."""

from collections import Counter
from dataclasses import replace

from tests.chaos.storm import Storm, plan

STORM = Storm(kills=50, flushes=3, valkey_kills=2, database_kills=1, supervisor_kills=2, seed=7)


def test_a_seed_has_the_same_storm_again_and_another_seed_another() -> None:
    blows = plan(STORM)
    assert blows == plan(STORM) != plan(Storm(50, 3, 2, 1, 2, seed=8))
    dealt = Counter(one.what for one in blows)
    assert (len(blows), dealt["flush"], dealt["valkey"], dealt["postgres"], dealt["supervisor"]) == (58, 3, 2, 1, 2)
    faulty = plan(replace(STORM, hub_faults=("push_cut", "push_cut", "clone_cut")))
    assert Counter(one.what for one in faulty) - dealt == {"hub fault: push_cut": 2, "hub fault: clone_cut": 1}
    assert [one.at for one in blows] == sorted(one.at for one in blows) and blows[-1].at < 0.8
