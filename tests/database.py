"""One database a test session, put back to what it was in milliseconds: copying one for each test takes longer."""

import json
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

_Connection = psycopg.Connection[tuple[Any, ...]]
_KEPT = "kept"
_Columns = dict[str, bool]  # name → whether it is a moment


class Database:
    """A migrated database. `owner_url` is a superuser's: the ledger refuses deletion to everyone else."""

    def __init__(self, url: str, owner_url: str) -> None:
        self.url = url
        self._owner_url = urlunsplit(urlsplit(owner_url)._replace(path=urlsplit(url).path))
        with self._connection() as connection:
            self._columns = _columns(connection)

    def empty(self, *, fill: bool = False) -> None:
        """Ends what a test left running, and deletes every row; `fill` puts back what `keep` kept."""
        with self._connection() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
                for table in self._columns:
                    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                for (sequence,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
                    connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(sequence)))
                for table in self._kept(connection) if fill else ():
                    names = self._columns[table]
                    connection.execute(
                        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
                            sql.Identifier(table),
                            sql.SQL(", ").join(map(sql.Identifier, names)),
                            sql.SQL(", ").join(
                                _as_of_now(name) if names[name] else sql.Identifier(name) for name in names
                            ),
                            sql.Identifier(_KEPT, table),
                        )
                    )

    def keep(self, *, without: str) -> None:
        """Copies every row there is to beside the tables, but for one table's."""
        with self._connection() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_KEPT)))
            connection.execute(
                sql.SQL("CREATE FUNCTION {}(moment timestamptz) RETURNS timestamptz LANGUAGE sql AS {}").format(
                    sql.Identifier(_KEPT, "moved"), sql.Literal(f"SELECT moment + (now() - '{_now(connection)}')")
                )
            )
            for table in self._columns.keys() - {without}:
                name = sql.Identifier(table)
                if connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name)).fetchone() == (True,):
                    connection.execute(
                        sql.SQL("CREATE TABLE {} AS TABLE {}").format(sql.Identifier(_KEPT, table), name)
                    )

    def _connection(self) -> _Connection:
        return psycopg.connect(self._owner_url, autocommit=True)

    @staticmethod
    def _kept(connection: _Connection) -> list[str]:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (_KEPT,))
        return [name for (name,) in found.fetchall()]


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
