"""Whom this process trusts when it calls out over TLS."""

import ssl
from functools import lru_cache
from types import ModuleType


@lru_cache
def certificates(library: ModuleType) -> ssl.SSLContext:
    """What this library (httpx or httpx2) trusts by itself, read once a process: each reading takes 40 ms."""
    context: ssl.SSLContext = library.create_ssl_context()
    return context
