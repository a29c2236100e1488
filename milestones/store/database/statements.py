"""Statements that every table needs and that SQLAlchemy spells differently for each database."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

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
    if not rows:
        return
    table = table_of(model)
    primary = [column.name for column in table.primary_key]
    insert = postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
    unchanged = {*primary, *keep}
    changes: dict[str, Any] = {name: insert.excluded[name] for name in rows[0] if name not in unchanged}
    if count is not None:
        changes[count] = table.c[count] + 1
    await tx.execute(insert.on_conflict_do_update(index_elements=primary, set_=changes), list(rows))


async def add_missing(
    tx: Transaction, model: type[SQLModel], rows: Sequence[dict[str, Any]], *, unique: Sequence[str]
) -> None:
    """Insert rows; those that are there already, by the columns of ``unique``, stay as they are."""
    if not rows:
        return
    table = table_of(model)
    insert = postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
    await tx.execute(insert.on_conflict_do_nothing(index_elements=list(unique)), list(rows))


async def add_one(
    tx: Transaction, model: type[SQLModel], row: dict[str, Any], *, unique: Sequence[str]
) -> bool:
    """Insert a row unless one is there already, by the columns of ``unique``. Returns whether it was inserted; on
    PostgreSQL it waits for who inserts the same.
    """
    table = table_of(model)
    insert = postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
    statement = insert.values(**row).on_conflict_do_nothing(index_elements=list(unique))
    return (await tx.execute(statement.returning(*table.primary_key))).first() is not None
