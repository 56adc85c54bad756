"""Connections to GitHub that many questions share: a person has their own."""

import threading
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx

from backend.certificates import certificates


class Lines:
    """One HTTP client a person, for any number of threads, while the block lasts: cookies never change hands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[UUID, httpx.Client] = {}

    def of(self, user_id: UUID) -> httpx.Client:
        """The person's client."""
        with self._lock:
            if user_id not in self._clients:
                self._clients[user_id] = httpx.Client(verify=certificates(httpx))
            return self._clients[user_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
