"""Statements that every event runs: made from the tables, and compiled once for each database.

SQLAlchemy looks up, checks and converts anew at every execution, which for a row of the hot tables takes five times as
long as SQLite itself. Where a transaction has SQLite's own connection at hand (``sqlite_loop``), its text and the
conversions of its types are kept and it runs on that; anywhere else it is executed as any other statement.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Executable, bindparam
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

from milestones.store.database.failures import is_of_the_row
from milestones.store.database.sqlite_loop import LoopConnection
from milestones.store.database.store import Transaction

Convert = Callable[[Any], Any]


class Prepared:
    """A statement and, from its first run on, what SQLite is told of it.

    statement: with a ``bindparam`` for whatever differs between two runs. columns: those of the rows that it writes.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: _Compiled | None = None

    async def fetch(self, tx: Transaction, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """All rows, whose values have the names of the columns."""
        if (connection := _driver(tx)) is None:
            return (await tx.execute(self._statement, parameters)).all()
        compiled = self._compile(tx.dialect)
        [values] = compiled.bind_all([parameters])
        try:
            found = connection.execute(compiled.text, values).fetchall()
        except sqlite3.Error as error:
            raise await _failure(tx, error) from error
        return compiled.read(found)

    async def write(self, tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these rows, all of which have the same columns."""
        if (connection := _driver(tx)) is None:
            await tx.execute(self._statement, rows)
            return
        compiled = self._compile(tx.dialect)
        values = compiled.bind_all(rows)
        try:
            connection.executemany(compiled.text, values)
        except sqlite3.Error as error:
            raise await _failure(tx, error) from error

    def _compile(self, dialect: Dialect) -> "_Compiled":
        if self._compiled is None:
            self._compiled = _Compiled(self._statement, dialect, self._columns)
        return self._compiled


class Lookup:
    """A query about many keys at once. It is prepared for one, two, four ... of them, and asked in parts.

    query: makes it of the placeholders for the keys.
    """

    MOST = 512
    """Keys in one part: well under SQLite's limit on variables."""

    def __init__(self, query: Callable[[Sequence[Any]], Executable]) -> None:
        self._query = query
        self._prepared: dict[int, Prepared] = {}

    async def fetch(self, tx: Transaction, keys: Iterable[Any], **parameters: Any) -> list[Any]:
        """The rows for these keys."""
        wanted, found = list(keys), list[Any]()
        for start in range(0, len(wanted), self.MOST):
            part = wanted[start : start + self.MOST]
            width = 1 << (len(part) - 1).bit_length()
            # What is too many of places asks for the last key again, which adds no row.
            part += part[-1:] * (width - len(part))
            names = {f"key_{place}": key for place, key in enumerate(part)}
            found += await self._for(width).fetch(tx, {**parameters, **names})
        return found

    def _for(self, width: int) -> Prepared:
        if width not in self._prepared:
            places: list[Any] = [bindparam(f"key_{place}") for place in range(width)]
            self._prepared[width] = Prepared(self._query(places))
        return self._prepared[width]


class _Compiled:
    """The text of a statement, and the conversions of what goes into it and comes out of it."""

    def __init__(self, statement: Executable, dialect: Dialect, columns: Sequence[str]) -> None:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        assert isinstance(compiled, SQLCompiler)
        assert compiled.positiontup is not None, "SQLite's parameters have places and no names"
        assert not compiled.insert_prefetch, "what a row lacks is filled in by whoever makes it"
        self.text = str(compiled)
        names = compiled.positiontup
        into = [_converter(compiled.binds[name].type, dialect, "bind_processor") for name in names]
        self._binds = [
            (compiled.binds[name].key, compiled.binds[name].value, convert)
            for name, convert in zip(names, into, strict=True)
        ]
        chosen = getattr(statement, "selected_columns", ())
        out = [_converter(column.type, dialect, "result_processor") for column in chosen]
        self._conversions = [(place, convert) for place, convert in enumerate(out) if convert is not None]
        self._row = _row_of([column.key for column in chosen])

    def bind(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The parameters in their places, as SQLite takes them."""
        return [
            value if convert is None else convert(value)
            for key, fixed, convert in self._binds
            for value in [parameters.get(key, fixed)]
        ]

    def bind_all(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """``bind`` for each. Raises StatementError for what a type refuses, as SQLAlchemy does."""
        try:
            return [self.bind(row) for row in rows]
        except Exception as error:
            raise StatementError("A value is not of its column's type", self.text, None, error) from error

    def read(self, found: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        """The rows as their types have them."""
        rows = []
        for values in map(list, found):
            for place, convert in self._conversions:
                values[place] = convert(values[place])
            rows.append(self._row._make(values))
        return rows


def _row_of(names: Sequence[str]) -> Any:
    return namedtuple("Row", names, rename=True)  # noqa: PYI024 - known at run time only


def _converter(kind: TypeEngine[Any], dialect: Dialect, name: str) -> Convert | None:
    made = kind.dialect_impl(dialect)
    found: Convert | None = (
        made.bind_processor(dialect) if name == "bind_processor" else made.result_processor(dialect, None)
    )
    return found


def _driver(tx: Transaction) -> LoopConnection | None:
    """SQLite's own connection, where statements run on the loop."""
    assert tx.sync_connection is not None, "a transaction has begun"
    driver = tx.sync_connection.connection.driver_connection
    return driver if isinstance(driver, LoopConnection) else None


async def _failure(tx: Transaction, error: sqlite3.Error) -> DBAPIError:
    """What SQLAlchemy would have raised; as there, a connection on which the database itself failed is given up."""
    raised = DBAPIError(None, None, error)
    if not is_of_the_row(raised):
        await tx.invalidate(error)
    return raised
