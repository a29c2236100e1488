"""The schema's version: an empty database is made, a newer one is refused, an older one is upgraded by command."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Engine, column, create_engine, event, func, inspect, select, table, text
from sqlalchemy.engine import URL

from milestones.errors import StoreError, StoreNewerError
from milestones.store.database import sqlite
from milestones.store.database.postgres import connect_args
from milestones.store.database.store import database_file, database_url, sentences
from milestones.store.tables import Meta

Standing = Literal["empty", "current", "older", "newer", "foreign"]

_VERSION = "alembic_version"
_OURS = frozenset({"meta", "sites"})
"""Tables that every version has, and together hardly any other program."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 4_190_273_551
"""Of PostgreSQL's advisory locks, the one under which the schema is made or changed."""


# Alembic takes longer to import than most commands take, and is asked only where tables are made or compared.
if TYPE_CHECKING:
    from alembic.config import Config


def _script() -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Alembic's settings are those of an ini file, in which a % means something.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _migration_url(text_url: str) -> URL:
    """Migrations run in their own thread with the plain driver: SQLite's needs no event loop."""
    url = database_url(text_url)
    return url.set(drivername="sqlite") if database_file(url) is not None else url


def _version_state(connection: Connection) -> Standing:
    tables = set(inspect(connection).get_table_names())
    revision = (
        connection.execute(select(column("version_num")).select_from(table(_VERSION))).scalar()
        if _VERSION in tables
        else None
    )
    tables -= {_VERSION}
    if not tables and revision is None:
        return "empty"
    # Another program may use Alembic too, and even number its revisions alike.
    if revision is None or not tables >= _OURS:
        return "foreign"
    known = revisions()
    if revision == known[-1]:
        return "current"
    return "older" if revision in known else "newer"


def revisions() -> list[str]:
    """The versions of the schema, oldest first: the file of each migration begins with its own."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _upgrade(text_url: str, *, only_if_empty: bool) -> Standing:
    url = _migration_url(text_url)
    if (path := database_file(url)) is not None:
        sqlite.make(path)
    with _connect(_engine(url)) as connection, connection.begin():
        if path is None:
            # Two replicas may start at once; the second finds the tables that the first has made.
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        state = _version_state(connection)
        _refuse(state, only_if_empty=only_if_empty)
        if state != "current":
            from alembic import command  # noqa: PLC0415

            config = _script()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return state


@contextmanager
def _connect(engine: Engine) -> Iterator[Connection]:
    """A connection of its own, outside of the event loop, to a database that can hold every name. Raises StoreError."""
    try:
        with sentences(), engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                _require_every_character(connection)
                connection.rollback()
            yield connection
    finally:
        engine.dispose()


def _require_every_character(connection: Connection) -> None:
    """Raise StoreError for a database in which only some names can be written, or in which nobody knows which."""
    asked = "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    encoding = connection.execute(text(asked)).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"The encoding of the PostgreSQL database is {encoding}, which cannot hold every customer's name; it has to "
            "be UTF8. Make another, CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0, and name it in "
            "daemon.database."
        )


def _read_engine(url: URL) -> Engine:
    """One whose transactions lock nothing."""
    if database_file(url) is not None:
        return create_engine(url)
    return create_engine(url, connect_args=connect_args(url), hide_parameters=True)


def _engine(url: URL) -> Engine:
    engine = _read_engine(url)
    if database_file(url) is not None:
        # By itself Python's driver ends the transaction at a CREATE TABLE: a start that was killed half-way would
        # leave half a schema, which the next start could not tell from another program's.
        @event.listens_for(engine, "connect")
        def connected(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _refuse(state: Standing, *, only_if_empty: bool) -> None:
    if state == "newer":
        raise StoreNewerError(
            "The database was written by a newer version of milestones. Install that version, or restore a "
            "backup made before the upgrade; this version leaves it alone."
        )
    if state == "foreign":
        raise StoreError(
            "The database holds tables of another program. Name an empty one in daemon.database."
        )
    if state == "older" and only_if_empty:
        raise StoreError(
            "The database is of an older version. Make a backup, then run `milestones db upgrade`."
        )


async def prepare(text_url: str) -> None:
    """Make the schema in an empty database. Raises StoreError for an older, newer or foreign one."""
    await asyncio.to_thread(_upgrade, text_url, only_if_empty=True)


async def upgrade(text_url: str) -> Standing:
    """Bring any database of ours to this version; returns how it stood before."""
    return await asyncio.to_thread(_upgrade, text_url, only_if_empty=False)


def _look(text_url: str) -> Standing:
    url = _migration_url(text_url)
    path = database_file(url)
    if path is not None and not path.exists():
        return "empty"
    with _connect(_read_engine(url)) as connection:
        return _version_state(connection)


async def get_version_state(text_url: str) -> Standing:
    """How the database's schema stands to this version; changes nothing."""
    return await asyncio.to_thread(_look, text_url)


def _compare(text_url: str) -> list[str]:
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    with _connect(_read_engine(_migration_url(text_url))) as connection:
        result = compare_metadata(MigrationContext.configure(connection), Meta.metadata)
    # What is altered within one column comes as a list of its own.
    changes = [change for item in result for change in (item if isinstance(item, list) else [item])]
    return [sentence for change in changes if (sentence := _describe_difference(change)) is not None]


def _describe_difference(change: tuple[Any, ...]) -> str | None:
    """A difference as a sentence; None for tables that are no business of ours."""
    match change:
        case ("add_table", table):
            return f"The table {table.name} is missing."
        case ("remove_table", _):
            return None
        case ("add_column", _, table, column):
            return f"The column {table}.{column.name} is missing."
        case ("remove_column", _, table, column):
            return f"The column {table}.{column.name} is not of this program."
        case (str(what), _, table, column, *_) if what.startswith("modify"):
            return f"The column {table}.{column} is not as it should be ({what.removeprefix('modify_')})."
        case (str(what), thing):
            which = ", ".join(column.name for column in thing.columns)
            missing = "is missing" if what.startswith("add") else "is not of this program"
            return f"The index or constraint of {thing.table.name} on {which} {missing}."
    return f"Something is not as it should be: {change[0]}."


async def differences(text_url: str) -> list[str]:
    """What the tables of a database lack or have beyond those of this version, in sentences; changes nothing."""
    return await asyncio.to_thread(_compare, text_url)
