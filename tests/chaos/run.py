"""One storm from its beginning to its verdict."""

import threading
import time
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from backend.errors import AsyncCoderError
from tests.chaos import verdict
from tests.chaos.house import House
from tests.chaos.storm import Storm, Weather, plan
from tests.chaos.verdict import Verdict
from tests.chaos.work import Person, Sender

SECONDS_A_TASK = 20  # each, after which the storm is called lost
_LOOK_SECONDS = 0.5
_SECONDS_TO_SWEEP = 60


def through(house: House, people: list[Person], storm: Storm, tasks: int) -> Verdict:
    """Sends the tasks, deals the blows, waits until all is over, looks, and prints what it saw."""
    began = time.monotonic()

    def tell(words: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {words}", flush=True)

    tell(f"seed {storm.seed}, {tasks} tasks")
    sender = Sender(house, people, tasks, storm.seed)
    threading.Thread(target=sender.work, daemon=True).start()
    weather, looked, done = Weather(house, plan(storm), tell), began, 0
    while (done < tasks or not weather.is_over) and looked - began < SECONDS_A_TASK * tasks + 120:
        time.sleep(_LOOK_SECONDS)
        if sender.error is not None:
            raise sender.error
        with suppress(SQLAlchemyError, AsyncCoderError):  # the database is away just now
            done = verdict.over(list(sender.accepted.values()))
        now = time.monotonic()
        weather.pass_by(done / tasks, now - looked)
        looked = now
    tell(f"{done} of {tasks} are over, {len(sender.accepted)} were taken")
    _settle()
    found = verdict.give(house, sender.accepted.values(), weather.struck, storm.hub_faults)
    tell(f"{found.takeovers} runs were taken over, the slowest {found.slowest_notice:.1f} s after its worker died")
    for what, count in sorted(found.ends.items()):
        tell(f"{count:5} {what}")
    for kind, count in sorted(found.faults.items()):
        tell(f"{count:5} x {kind}")
    for words in found.wrong:
        tell(f"WRONG  {words}")
    tell("all is as it should be" if not found.wrong else f"seed {storm.seed} has it again")
    return found


def _settle() -> None:
    """Waits for what is done behind the runs: workspaces that nobody has any more."""
    deadline = time.monotonic() + _SECONDS_TO_SWEEP
    while time.monotonic() < deadline and verdict.left_over():
        time.sleep(1)
