"""Databases that hold this version's tables and no rows: migrated once in each test process, then copied or emptied.

A migration costs a hundred times what a test of the store does. What migrations themselves do is tested in
``tests/store/test_schema.py``, on databases without anything.
"""

import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from milestones.store.database import schema
from milestones.store.database.store import database_file, database_url
from tests.postgres import fresh_database

_kept: set[str] = set()
"""URLs of the PostgreSQL databases that have their tables already."""


def make_tables(text_url: str) -> None:
    """Give a database its tables where it has none: SQLite as a copy, PostgreSQL by migration unless it is a kept one."""
    path = database_file(database_url(text_url))
    if path is None:
        if text_url not in _kept:
            schema._upgrade(text_url, only_if_empty=True)
    elif not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(_migrated())


@functools.cache
def _migrated() -> bytes:
    """What SQLite's file is after all migrations."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "milestones.db"
        schema._upgrade(f"sqlite:///{path}", only_if_empty=True)
        return path.read_bytes()


@contextmanager
def kept_database(server_url: str) -> Iterator[str]:
    """A PostgreSQL database with its tables, to be emptied between tests."""
    with fresh_database(server_url) as url:
        schema._upgrade(url, only_if_empty=True)
        _kept.add(url)
        yield url
        _kept.remove(url)


def empty(url: str) -> None:
    """Take all rows from a kept database and end whoever is still connected to it.

    Raises AssertionError where a test has changed its tables: such a test needs a database of its own.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_END_THE_OTHERS)
        connection.execute(_EMPTY)
        found = _shape(connection)
    assert found == _shape_of(url), (
        "A test changed tables that others use; let it ask for empty_database_url."
    )


@functools.cache
def _shape_of(url: str) -> list[tuple[object, ...]]:
    """The tables as they were when this was asked first, which is before the first test."""
    with psycopg.connect(url, autocommit=True) as connection:
        return _shape(connection)


def _shape(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(_SHAPE).fetchall()


_END_THE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Most tables are empty after most tests, and to look is cheaper than to cut.
_EMPTY = """
DO $$
DECLARE
  one text;
  filled boolean;
BEGIN
  FOR one IN SELECT format('%I', tablename) FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO filled;
    IF filled THEN
      EXECUTE 'TRUNCATE ' || one || ' CASCADE';
    END IF;
  END LOOP;
  FOR one IN SELECT format('%I', sequencename) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL
  LOOP
    EXECUTE 'ALTER SEQUENCE ' || one || ' RESTART';
  END LOOP;
END $$
"""

_SHAPE = """
SELECT relname, relkind, attname, atttypid, attnotnull FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0 ORDER BY relname, attnum
"""
