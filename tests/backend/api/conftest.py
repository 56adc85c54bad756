"""Callers of the REST API."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from backend import db
from backend.api.app import app
from backend.models import User
from backend.services import api_tokens
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from tests.conftest import People

Calling = Callable[..., TestClient]


def token(user: User, scope: Scope = Scope.WRITE, days: int | None = 30) -> str:
    """A new token of this person's."""
    with db.transaction() as session:
        return api_tokens.create(session, user, "test", scope, days)[1]


@pytest.fixture
def calling(people: People) -> Iterator[Calling]:
    """Makes a client that calls with a token of the person of that login."""
    clients: list[TestClient] = []

    def as_(login: str = "alice", scope: Scope = Scope.WRITE) -> TestClient:
        headers = {"Authorization": f"Bearer {token(getattr(people, login), scope)}"}
        client = TestClient(app, base_url=get_settings().origin, follow_redirects=False, headers=headers)
        clients.append(client)
        return client

    yield as_
    for client in clients:
        client.close()


@pytest.fixture
def alice(calling: Calling) -> TestClient:
    """Alice, with a token that may write."""
    return calling()
