"""Stands in for the app's webhook door."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ports import free_port_pair


@dataclass(frozen=True)
class Received:
    """One request at the app's webhook door."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Stands where the app's webhooks go; `answers` are the next statuses, then 202."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Door)
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.pause = threading.Event()  # cleared, nothing is answered
        self.pause.set()
        self._news = threading.Condition()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, request: Received) -> int:
        with self._news:
            self.received.append(request)
            self._news.notify_all()
            return self.answers.pop(0) if self.answers else 202

    def wait(self, count: int, seconds: float = 30) -> list[Received]:
        """Everything that has come once it is so many."""
        with self._news:
            arrived = self._news.wait_for(lambda: len(self.received) >= count, seconds)
            assert arrived, f"{len(self.received)} of {count} webhooks came"
            return list(self.received)

    def forget(self) -> None:
        with self._news:
            self.received.clear()
            self.answers.clear()


class _Door(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.server.take(Received(self.path, headers, body))
        self.server.pause.wait(20)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def receiver_with_free_port_behind() -> tuple[Receiver, int]:
    """A receiver, and the port after its own, which is the hub's."""
    port = free_port_pair()
    return Receiver(port), port + 1
