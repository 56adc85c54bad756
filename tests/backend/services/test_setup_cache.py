"""What is kept of set-up scripts: by all that it depends on, for a week, in a bounded room."""

import os
import time
from pathlib import Path

import pytest

from backend.services import setup_cache


def kept(name: str, archive: Path, into: Path) -> bool:
    setup_cache.keep(name, archive)
    return setup_cache.take(name, into)


@pytest.fixture
def archive(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(b"x" * 1000)
    return path


def test_what_is_kept_is_there_whole_until_it_is_old_or_forgotten(archive: Path, tmp_path: Path) -> None:
    into = tmp_path / "copy"
    assert not setup_cache.take("one", into) and not into.exists()
    assert kept("one", archive, into) and into.read_bytes() == archive.read_bytes()
    [file] = file_names(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    old = time.time() - setup_cache.MOST_SECONDS - 1
    os.utime(file, (old, old))
    assert not setup_cache.take("one", into)
    assert kept("one", archive, into)
    for _ in range(2):
        setup_cache.forget("one")
    assert not setup_cache.take("one", into)


def test_the_oldest_go_when_there_is_no_room_and_so_does_what_a_killed_worker_left(
    archive: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(setup_cache, "MOST_BYTES", 2500)
    for age, name in ((30, "one"), (20, "two"), (7200, ".half-0")):
        setup_cache.keep(name, archive)
        moment = time.time() - age
        os.utime(tmp_path / "data/setups" / name, (moment, moment))
    setup_cache.keep("three", archive)
    assert {path.name for path in file_names(tmp_path)} == {"two", "three"}


@pytest.mark.parametrize(
    ("path", "script", "matters"),
    [
        ("requirements-dev.txt", "make", True),
        ("services/web/package-lock.json", "npm ci", True),
        ("README.md", "make", False),
        ("tools/prepare.sh", "sh ./tools/prepare.sh", True),
        ("tools/prepare.sh", "cd tools && sh prepare.sh", True),
        ("src/deep/a.c", 'make -C "src/"', True),
        ("src/a.py", "pip install -e .", True),
        ("src/a.py", "pip install six", False),
    ],
)
def test_the_files_that_matter_are_those_with_dependencies_and_those_that_the_script_names(
    path: str, script: str, matters: bool
) -> None:
    words = {word.removeprefix("./").rstrip("/") for word in setup_cache._SPLIT.split(script)}
    assert setup_cache._matters(f"100644 blob 0\t{path}", words) is matters


def file_names(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "data/setups").iterdir())
