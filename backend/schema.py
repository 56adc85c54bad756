"""Is the database at this version's schema? Answered from the migrations' own lines, without loading Alembic."""

import re
from pathlib import Path

from backend.settings import PROJECT_DIR

VERSIONS = PROJECT_DIR / "alembic" / "versions"
_REVISION = re.compile(r"^(revision|down_revision)\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


def head(versions: Path = VERSIONS) -> str:
    """The newest revision: the one that no other follows."""
    followed: set[str] = set()
    known: set[str] = set()
    for file in versions.glob("*.py"):
        for name, revision in _REVISION.findall(file.read_text(encoding="utf-8")):
            (known if name == "revision" else followed).add(revision)
    (newest,) = known - followed
    return newest


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
