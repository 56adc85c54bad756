"""A bare RQ job: it says when it began and sleeps. On its own, so that its process imports nothing of ours."""

import time

from rq import get_current_job


def nap(number: int, seconds: float, begun: str) -> None:
    """Writes `number` and the monotonic time into the hash `begun`, then sleeps so many seconds."""
    job = get_current_job()
    assert job is not None and job.connection is not None
    job.connection.hset(begun, str(number), str(time.monotonic()))
    time.sleep(seconds)
