"""Ports for what a test starts."""

import random
import socket

_PORTS = range(11_000, 30_000)  # below those that systems give to connections by themselves


def free_port_pair(wanted: int | None = None) -> int:
    """A free port whose successor is free too: the wanted one, if it is such a one."""
    first = [] if wanted is None else [wanted]
    while True:
        port = first.pop() if first else random.choice(_PORTS)
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue
