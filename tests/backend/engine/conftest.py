"""A sample repository in a true jail, a recorder that keeps the log, and a control that a test sets by hand."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.sandbox.base import Sandbox
from backend.sandbox.choose import choose
from tests.backend.engine.scripted import SAMPLE, owned


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    return choose("auto")


@pytest.fixture
def workspace(sandbox: Sandbox) -> Iterator[Path]:
    """The sample repository, owned by whoever runs commands in the jail."""
    outer = Path(tempfile.mkdtemp(prefix="asynccoder-test-", dir="/var/tmp"))
    os.chmod(outer, 0o711)
    root = outer / "work"
    for name, text in SAMPLE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    owned(root, sandbox)
    yield root
    shutil.rmtree(outer)
