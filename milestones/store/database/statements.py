"""Statements that every table needs and that SQLAlchemy spells differently for each database."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from milestones.store.database.prepared import Prepared
from milestones.store.database.store import Transaction

T = TypeVar("T")

CHUNK = 500
"""Rows for one IN list: well under SQLite's limit on variables."""


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model, for statements about many rows."""
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel sets it on table models
    assert isinstance(table, Table)
    return table


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterable[Sequence[T]]:
    """The items, some at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


async def put(
    tx: Transaction,
    model: type[SQLModel],
    rows: Sequence[dict[str, Any]],
    *,
    keep: Iterable[str] = (),
    count: str | None = None,
) -> None:
    """Insert rows, or replace those that are there by primary key.

    keep: columns that stay as they were. count: a column that counts up instead.
    """
    if rows:
        await _upsert(model, tuple(rows[0]), tuple(keep), count, tx.dialect.name).write(tx, rows)


@cache
def _upsert(
    model: type[SQLModel], columns: tuple[str, ...], keep: tuple[str, ...], count: str | None, dialect: str
) -> Prepared:
    table = table_of(model)
    primary = [column.name for column in table.primary_key]
    inserting = _insert(dialect, table)
    unchanged = {*primary, *keep}
    changes: dict[str, Any] = {name: inserting.excluded[name] for name in columns if name not in unchanged}
    if count is not None:
        changes[count] = table.c[count] + 1
    return Prepared(inserting.on_conflict_do_update(index_elements=primary, set_=changes), columns)


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


async def add(tx: Transaction, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that are not there yet."""
    if rows:
        await _addition(model, tuple(rows[0])).write(tx, rows)


@cache
def _addition(model: type[SQLModel], columns: tuple[str, ...]) -> Prepared:
    return Prepared(insert(table_of(model)), columns)


async def add_missing(
    tx: Transaction, model: type[SQLModel], rows: Sequence[dict[str, Any]], *, unique: Sequence[str]
) -> None:
    """Insert rows; those that are there already, by the columns of ``unique``, stay as they are."""
    if not rows:
        return
    table = table_of(model)
    inserting = _insert(tx.dialect.name, table)
    await tx.execute(inserting.on_conflict_do_nothing(index_elements=list(unique)), list(rows))


async def add_one(
    tx: Transaction, model: type[SQLModel], row: dict[str, Any], *, unique: Sequence[str]
) -> bool:
    """Insert a row unless one is there already, by the columns of ``unique``. Returns whether it was inserted; on
    PostgreSQL it waits for who inserts the same.
    """
    table = table_of(model)
    inserting = _insert(tx.dialect.name, table)
    statement = inserting.values(**row).on_conflict_do_nothing(index_elements=list(unique))
    return (await tx.execute(statement.returning(*table.primary_key))).first() is not None
