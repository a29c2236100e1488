"""The schema's version: an empty database is made, a newer one is refused, an older one is upgraded by command."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from milestones.errors import StoreError, StoreNewerError, StoreUnavailableError
from milestones.store.database.store import database_file, database_url, sentence
from milestones.store.tables import Meta

Standing = Literal["empty", "current", "older", "newer", "foreign"]

_VERSION = "alembic_version"
_OURS = frozenset({"meta", "sites"})
"""Tables that every version has, and together hardly any other program."""

_LOCK = 4_190_273_551
"""Of PostgreSQL's advisory locks, the one under which the schema is made or changed."""


def _script() -> Config:
    config = Config()
    # Alembic's settings are those of an ini file, in which a % means something.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _migration_url(text_url: str) -> URL:
    """Migrations run in their own thread with the plain driver: SQLite's needs no event loop."""
    url = database_url(text_url)
    return url.set(drivername="sqlite") if database_file(url) is not None else url


def _standing(connection: Connection) -> Standing:
    tables = set(inspect(connection).get_table_names()) - {_VERSION}
    revision = MigrationContext.configure(connection).get_current_revision()
    if not tables and revision is None:
        return "empty"
    # Another program may use Alembic too, and even number its revisions alike.
    if revision is None or not tables >= _OURS:
        return "foreign"
    scripts = ScriptDirectory.from_config(_script())
    if revision == scripts.get_current_head():
        return "current"
    known = {script.revision for script in scripts.walk_revisions()}
    return "older" if revision in known else "newer"


def _upgrade(text_url: str, *, only_if_empty: bool) -> Standing:
    url = _migration_url(text_url)
    path = database_file(url)
    try:
        if path is not None:
            _make(path)
        engine = _engine(url)
        try:
            with engine.begin() as connection:
                if path is None:
                    # Two replicas may start at once; the second finds the tables that the first has made.
                    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                standing = _standing(connection)
                _refuse(standing, only_if_empty=only_if_empty)
                if standing != "current":
                    config = _script()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                return standing
        finally:
            engine.dispose()
    except DBAPIError as error:
        raise StoreUnavailableError(sentence(error)) from error
    except OSError as error:
        raise StoreUnavailableError(
            f"The folder of the database cannot be made: {error.filename}: {error.strerror}. Check daemon.database."
        ) from error


def _engine(url: URL) -> Engine:
    engine = create_engine(url)
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


def _make(path: Path) -> None:
    """An empty file for its owner alone, since customers will be in it. SQLite gives its other files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)


def _refuse(standing: Standing, *, only_if_empty: bool) -> None:
    if standing == "newer":
        raise StoreNewerError(
            "The database was written by a newer version of milestones. Install that version, or restore a "
            "backup made before the upgrade; this version leaves it alone."
        )
    if standing == "foreign":
        raise StoreError(
            "The database holds tables of another program. Name an empty one in daemon.database."
        )
    if standing == "older" and only_if_empty:
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
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return _standing(connection)
    except DBAPIError as error:
        raise StoreUnavailableError(sentence(error)) from error
    finally:
        engine.dispose()


async def standing(text_url: str) -> Standing:
    """How the database's schema stands to this version; changes nothing."""
    return await asyncio.to_thread(_look, text_url)


def _compare(text_url: str) -> list[str]:
    engine = create_engine(_migration_url(text_url))
    try:
        with engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection), Meta.metadata)
    except DBAPIError as error:
        raise StoreUnavailableError(sentence(error)) from error
    finally:
        engine.dispose()
    # What is altered within one column comes as a list of its own.
    changes = [change for item in found for change in (item if isinstance(item, list) else [item])]
    return [told for change in changes if (told := _told(change)) is not None]


def _told(change: tuple[Any, ...]) -> str | None:
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
