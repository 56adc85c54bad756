"""A server with one repository, a mirror of it, and a checkout as a run gets it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.workspace.checkout import Checkout, Owner
from backend.workspace.mirror import Mirror
from tests.git_server import GitServer, git_server, make_repository

TOKEN = "gho_0123456789abcdefghijKLMNOPQRSTUVWXYZ"
PROTOCOLS = "https:http"
ME = ("Alice", "alice@example.org")
FILES = {
    "README.md": "# Shop\n",
    "shop/__init__.py": "",
    "shop/totals.py": "def total(lines):\n    return sum(lines)\n",
    "tests/test_totals.py": "import unittest\n\n\nclass Totals(unittest.TestCase):\n    def test_total(self):\n"
    "        self.assertEqual(1, 1)\n",
    "run.sh*": "#!/bin/sh\necho hello\n",
}


@dataclass
class Hub:
    """The server, with the folder of its bare repository `shop`."""

    server: GitServer
    shop: Path
    base: str

    @property
    def url(self) -> str:
        """Where `shop` is cloned from."""
        return self.server.url("shop")


@pytest.fixture
def owner() -> Owner | None:
    """Whom the jail runs as."""
    return (65533, 65533) if os.geteuid() == 0 else None


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A running server with a small repository."""
    root = tmp_path / "hub"
    root.mkdir()
    base = make_repository(root / "shop.git", FILES)
    with git_server(root, TOKEN) as server:
        yield Hub(server, root / "shop.git", base)


@pytest.fixture
def mirror(tmp_path: Path, hub: Hub) -> Mirror:
    """An up-to-date mirror of it."""
    found = Mirror(tmp_path / "mirrors", 7)
    found.refresh(hub.url, TOKEN, PROTOCOLS)
    return found


@pytest.fixture
def checkout(tmp_path: Path, hub: Hub, mirror: Mirror, owner: Owner | None) -> Checkout:
    """A checkout of its main branch."""
    return Checkout.create(tmp_path / "run", mirror, hub.base, owner)
