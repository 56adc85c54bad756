"""Both jails that hold, each with a workspace it can reach."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sandlock

from backend.sandbox.base import Sandbox
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.choose import build
from backend.sandbox.selftest import scratch

# The tests need bubblewrap; the second jail is tried wherever the kernel's Landlock is new enough for it.
HAS_LANDLOCK = sandlock.landlock_abi_version() >= sandlock.min_landlock_abi()
KINDS = ["bubblewrap", "sandlock"] if HAS_LANDLOCK else ["bubblewrap"]


@pytest.fixture(params=KINDS)
def jail(request: pytest.FixtureRequest) -> Sandbox:
    """Each jail in turn."""
    return build(request.param)


@pytest.fixture
def bubblewrap() -> Bubblewrap:
    """The first jail, for what only namespaces give."""
    return Bubblewrap()


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty workspace of the jail's."""
    name = "jail" if "jail" in request.fixturenames else "bubblewrap"
    with scratch(request.getfixturevalue(name)) as folder:
        yield folder


def sh(jail: Sandbox, workspace: Path, script: str, timeout: float = 20, **options: Any) -> tuple[int, str]:
    done = jail.run(["sh", "-c", script], workspace=workspace, timeout=timeout, merge_stderr=True, **options)
    return done.exit_code, done.stdout.decode()
