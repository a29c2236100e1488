"""The schema's version: an empty database is made, a newer one is refused, an older one is upgraded by command."""

import asyncio
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from milestones.errors import StoreError, StoreNewerError, StoreUnavailableError
from milestones.store.database import database_file, database_url

Standing = Literal["empty", "current", "older", "newer", "foreign"]


def _script() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _migration_url(text_url: str) -> URL:
    """Migrations run in their own thread with the plain driver: SQLite's needs no event loop."""
    url = database_url(text_url)
    return url.set(drivername="sqlite") if database_file(url) is not None else url


def _standing(connection: Connection) -> Standing:
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return "empty"
    if "alembic_version" not in tables:
        return "foreign"
    scripts = ScriptDirectory.from_config(_script())
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        return "empty"
    if revision == scripts.get_current_head():
        return "current"
    known = {script.revision for script in scripts.walk_revisions()}
    return "older" if revision in known else "newer"


def _upgrade(text_url: str, *, only_if_empty: bool) -> Standing:
    url = _migration_url(text_url)
    path = database_file(url)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                standing = _standing(connection)
                _refuse(standing, only_if_empty=only_if_empty)
                if standing != "current":
                    config = _script()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                return standing
        finally:
            engine.dispose()
    except (DBAPIError, OSError) as error:
        raise StoreUnavailableError(
            f"The database cannot be opened: {str(getattr(error, 'orig', error)).splitlines()[0]}. "
            "Check daemon.database, and that its folder exists and may be written."
        ) from error


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
        raise StoreUnavailableError(
            f"The database cannot be opened: {str(error.orig).splitlines()[0]}."
        ) from error
    finally:
        engine.dispose()


async def standing(text_url: str) -> Standing:
    """How the database's schema stands to this version; changes nothing."""
    return await asyncio.to_thread(_look, text_url)
