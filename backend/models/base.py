"""Columns that many tables share, and the rule that the database fills in its own defaults."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Dialect, MetaData, String, TypeDecorator, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from backend import jsonb

# Constraint names are spelled out, so that a migration can name what it drops.
SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


class _CleanText(TypeDecorator[str]):
    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else jsonb.clean_text(value)


class _CleanDocument(TypeDecorator[Any]):
    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return jsonb.clean(value)


def uuid_key() -> Any:
    """A UUIDv4 primary key made by the database."""
    return Field(default=None, primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")})


def reference(target: str, *, nullable: bool = False, **kwargs: Any) -> Any:
    """A foreign key to `table.column`."""
    return Field(default=None, foreign_key=target, nullable=nullable, **kwargs)


def moment(*, default_now: bool = False, nullable: bool = True) -> Any:
    """An aware timestamp; `default_now` makes the database write the present one."""
    return Field(
        default=None,
        sa_type=DateTime(timezone=True),
        nullable=nullable and not default_now,
        sa_column_kwargs={"server_default": text("now()")} if default_now else {},
    )


def filled(default: str, *, sa_type: Any = None, **kwargs: Any) -> Any:
    """A NOT NULL column with a server-side default, given as SQL."""
    extra = {"sa_type": sa_type} if sa_type is not None else {}
    return Field(default=None, nullable=False, sa_column_kwargs={"server_default": text(default)}, **extra, **kwargs)


def big(*, nullable: bool = True, **kwargs: Any) -> Any:
    """A BIGINT: GitHub's ids no longer fit 32 bits."""
    return Field(default=None, sa_type=BigInteger, nullable=nullable, **kwargs)


def document(*, column: str | None = None, default: str | None = None) -> Any:
    """A jsonb column; `column` names it where the attribute cannot (`metadata` is SQLAlchemy's own)."""
    kwargs: dict[str, Any] = {"name": column} if column else {}
    if default:
        kwargs["server_default"] = text(default)
    return Field(default=None, sa_type=_CleanDocument, nullable=default is None, sa_column_kwargs=kwargs)


def foreign(**kwargs: Any) -> Any:
    """A text column for words that are not ours (a model's, a repository's, GitHub's): what is refused is replaced."""
    return Field(sa_type=_CleanText, **kwargs)


def one_of(column: str, words: Any) -> str:
    """The SQL of a CHECK that a column holds one of an enum's words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return f"{column} IN ({listed})"


__all__ = [
    "UUID",
    "SQLModel",
    "big",
    "datetime",
    "document",
    "filled",
    "foreign",
    "moment",
    "one_of",
    "reference",
    "uuid_key",
]
