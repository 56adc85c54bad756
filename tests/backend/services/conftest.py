"""A person on the local hub."""

from uuid import UUID

import pytest

from tests.backend.services.reviewing import reviewed
from tests.backend.services.road import signed_in
from tests.hub import LocalHub

__all__ = ["reviewed"]


@pytest.fixture
def alice(hub: LocalHub, database: str) -> UUID:
    """Alice, signed in through the hub, with her repositories."""
    return signed_in(hub, "alice")
