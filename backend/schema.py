"""Is the database at this version's schema? Answered from the migrations' own lines, without loading Alembic."""

import re
from pathlib import Path

from backend.settings import PROJECT_DIR

VERSIONS = PROJECT_DIR / "alembic" / "versions"
_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


def head(versions: Path = VERSIONS) -> str:
    """The newest revision: the one that no other follows."""
    known_ones, followed = _revisions(versions)
    (newest,) = known_ones - followed
    return newest


def known(versions: Path = VERSIONS) -> set[str]:
    """Every revision that this version can go on from."""
    return _revisions(versions)[0]


def _revisions(versions: Path) -> tuple[set[str], set[str]]:
    """All of them, and those that another follows."""
    followed: set[str] = set()
    found: set[str] = set()
    for file in versions.glob("*.py"):
        for name, revision in _REVISION.findall(file.read_text(encoding="utf-8")):
            (found if name == "revision" else followed).add(revision)
    return found, followed


def is_at_head(url: str) -> bool:
    """Whether the database has this version's schema; False also where it has none or does not answer."""
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(plain, connect_timeout=10) as connection:
            # Asked for by name first: a query of a missing table would stand in the server's log as an error.
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return False
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.OperationalError:
        return False
    return found == (head(),)
