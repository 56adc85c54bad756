"""Bodies of requests as servers hand them over."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from backend.api.deps import bounded_body
from backend.errors import InvalidInput


def test_a_body_that_breaks_off_is_the_callers_fault() -> None:
    messages: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    with pytest.raises(InvalidInput):
        asyncio.run(bounded_body(Request({"type": "http", "headers": []}, receive), 10))
