"""Requests one after the other on a few connections that stay open, for some seconds: how many were answered."""

import http.client
import itertools
import threading
import time
from collections.abc import Sequence

CONNECTIONS = 4


def per_second(port: int, path: str, tokens: Sequence[str], seconds: float) -> float:
    """The rate of answers. Raises RuntimeError for one that is no 200."""
    counts: list[int] = []
    until = time.perf_counter() + seconds
    shares = [tokens[number::CONNECTIONS] for number in range(CONNECTIONS)]
    threads = [threading.Thread(target=_ask, args=(port, path, share, until, counts)) for share in shares]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < CONNECTIONS:
        raise RuntimeError("a request was refused")
    return sum(counts) / (time.perf_counter() - began)


def _ask(port: int, path: str, tokens: Sequence[str], until: float, counts: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    count = 0
    for token in itertools.cycle(tokens):
        if time.perf_counter() > until:
            break
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            return
        count += 1
    connection.close()
    counts.append(count)
