"""Connections to GitHub that many questions share: certificates are read once, a person has their own connections."""

import ssl
import threading
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx


class Lines:
    """One HTTP client a person, for any number of threads, while the block lasts: cookies never change hands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._certificates: ssl.SSLContext | None = None
        self._clients: dict[UUID, httpx.Client] = {}

    def of(self, user_id: UUID) -> httpx.Client:
        """The person's client."""
        with self._lock:
            if self._certificates is None:
                self._certificates = httpx.create_ssl_context()
            if user_id not in self._clients:
                self._clients[user_id] = httpx.Client(verify=self._certificates)
            return self._clients[user_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            client.close()
