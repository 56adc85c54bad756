"""The API as the web process has it, rings included, without the dashboard around it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from backend.api.app import app as api
from backend.hub import hub
from backend.settings import get_settings


@asynccontextmanager
async def _listening(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(hub.run(get_settings().resolved_redis_url))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


app = FastAPI(lifespan=_listening, openapi_url=None)
app.mount("/", api)
