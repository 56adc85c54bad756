"""One database a test session, put back to what it was in milliseconds: copying one for each test takes longer."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

_Connection = psycopg.Connection[tuple[Any, ...]]
_KEPT = "kept"
_CHAINED = ("audit_log", "audit_head")  # whose moments are hashed, and so cannot be moved
_Columns = dict[str, bool]  # name → whether it is a moment


class Database:
    """A migrated database. `owner_url` is a superuser's: the ledger refuses deletion to everyone else."""

    def __init__(self, url: str, owner_url: str) -> None:
        self.url = url
        self._owner = psycopg.connect(
            urlunsplit(urlsplit(owner_url)._replace(path=urlsplit(url).path)), autocommit=True
        )
        self._columns = _columns(self._owner)
        self._emptying = _emptying(self._owner, self._columns)
        self._filling = ""

    def empty(self, *, fill: bool = False) -> None:
        """Ends what a test left running, and deletes every row; `fill` puts back what `keep` kept."""
        self._owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with self._owner.transaction():
            self._owner.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
            self._owner.execute(f"{self._emptying} {self._filling if fill else ''}".encode())

    def keep(self) -> None:
        """Copies every row there is to beside the tables, but for the audit log, which each test begins empty."""
        self._owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_KEPT)))
        self._owner.execute(
            sql.SQL("CREATE FUNCTION {}(moment timestamptz) RETURNS timestamptz LANGUAGE sql AS {}").format(
                sql.Identifier(_KEPT, "moved"), sql.Literal(f"SELECT moment + (now() - '{_now(self._owner)}')")
            )
        )
        for table in (one for one in self._columns if one not in _CHAINED):
            name = sql.Identifier(table)
            if self._owner.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name)).fetchone() == (True,):
                self._owner.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(sql.Identifier(_KEPT, table), name))
                self._filling += f"{_put_back(table, self._columns[table]).as_string(self._owner)};"
        with self._owner.transaction():
            self._owner.execute("SET LOCAL session_replication_role = replica")
            for table in _CHAINED:
                self._owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def _emptying(connection: _Connection, tables: Iterable[str]) -> str:
    """Statements that delete every row and start every sequence anew."""
    found = connection.execute("SELECT sequencename FROM pg_sequences").fetchall()
    statements = [
        *(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in tables),
        *(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence)) for (sequence,) in found),
    ]
    return "".join(f"{one.as_string(connection)};" for one in statements)


def _put_back(table: str, columns: _Columns) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(_as_of_now(name) if columns[name] else sql.Identifier(name) for name in columns),
        sql.Identifier(_KEPT, table),
    )


def _as_of_now(column: str) -> sql.Composed:
    """A moment as far from now as it was when the rows were kept."""
    return sql.SQL("{}({})").format(sql.Identifier(_KEPT, "moved"), sql.Identifier(column))


def _now(connection: _Connection) -> str:
    found = connection.execute("SELECT now()::text").fetchone()
    assert found
    return str(found[0])


def _columns(connection: _Connection) -> dict[str, _Columns]:
    """Of each table the columns that can be written, and which of them are moments; not Alembic's own table."""
    found = connection.execute(
        "SELECT table_name, json_object_agg(column_name, data_type LIKE 'timestamp%' ORDER BY ordinal_position)::text"
        " FROM information_schema.columns JOIN pg_tables ON tablename = table_name AND schemaname = table_schema"
        " WHERE table_schema = 'public' AND is_generated = 'NEVER' AND table_name <> 'alembic_version'"
        " GROUP BY table_name"
    )
    return {table: json.loads(columns) for table, columns in found.fetchall()}
