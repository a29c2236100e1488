"""What an error of the database is about: its code decides, and only what is about the data may be shelved."""

import sqlite3

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from milestones.errors import StoreError, StoreRaceError, StoreRefusedError, StoreUnavailableError
from milestones.store.database import meta
from milestones.store.database.failures import failure
from milestones.store.database.store import Store
from tests.store.rules import opened

PRIVATE = "ada@example.com"

OF_THE_ROW = ["22001", "22003", "22021", "22P02", "22P05", "22008", "23502", "23503", "23514", "23P01"]
RACES = ["23505", "40001", "40P01"]
OF_THE_SERVER = [
    *("08000", "08006", "08P01", "0A000", "25006", "25P02", "26000", "28P01", "3D000", "40002", "40003"),
    *("42501", "42601", "42703", "42P01", "42P05", "53000", "53100", "53200", "53300", "54000", "55000"),
    *("55P03", "57014", "57P01", "57P02", "57P03", "57P05", "58030", "XX000", "XX001", "P0001"),
]


def of_postgresql(sqlstate: str) -> DBAPIError:
    """As SQLAlchemy wraps what psycopg raises for a code."""
    orig = errors.lookup(sqlstate)(f"it failed\nDETAIL: {PRIVATE}")
    assert orig.sqlstate == sqlstate
    wrapped = DBAPIError.instance(f"INSERT {PRIVATE}", {"a": PRIVATE}, orig, psycopg.Error)
    assert isinstance(wrapped, DBAPIError)
    return wrapped


def of_sqlite(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> DBAPIError:
    orig = kind("it failed")
    orig.sqlite_errorcode, orig.sqlite_errorname = code, "SQLITE_OF_A_TEST"
    wrapped = DBAPIError.instance(f"INSERT {PRIVATE}", {"a": PRIVATE}, orig, sqlite3.Error)
    assert isinstance(wrapped, DBAPIError)
    return wrapped


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        *((code, StoreRefusedError) for code in OF_THE_ROW),
        *((code, StoreRaceError) for code in RACES),
        *((code, StoreUnavailableError) for code in OF_THE_SERVER),
    ],
)
def test_the_class_of_sqlstate_says_whose_fault_it_is(sqlstate: str, expected: type[StoreError]) -> None:
    told = failure(of_postgresql(sqlstate))
    assert type(told) is expected
    assert PRIVATE not in str(told)


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        (sqlite3.SQLITE_CONSTRAINT, sqlite3.IntegrityError, StoreRefusedError),
        (sqlite3.SQLITE_CONSTRAINT | 8 << 8, sqlite3.IntegrityError, StoreRefusedError),  # UNIQUE
        (sqlite3.SQLITE_TOOBIG, sqlite3.DataError, StoreRefusedError),
        (sqlite3.SQLITE_MISMATCH, sqlite3.IntegrityError, StoreRefusedError),
        (sqlite3.SQLITE_NOMEM, sqlite3.Error, StoreUnavailableError),
        (sqlite3.SQLITE_IOERR | 10 << 8, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError, StoreUnavailableError),
        (sqlite3.SQLITE_READONLY, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_FULL, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_BUSY, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_CANTOPEN, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_PERM, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_PROTOCOL, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_ERROR, sqlite3.OperationalError, StoreUnavailableError),
        (sqlite3.SQLITE_MISUSE, sqlite3.ProgrammingError, StoreUnavailableError),
    ],
)
def test_the_result_of_sqlite_says_whose_fault_it_is(
    code: int, kind: type[sqlite3.Error], expected: type[StoreError]
) -> None:
    assert type(failure(of_sqlite(code, kind))) is expected


@pytest.mark.parametrize(
    ("orig", "expected"),
    [
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), StoreRefusedError),
        (psycopg.OperationalError("consuming input failed: server closed"), StoreUnavailableError),
        (psycopg.OperationalError("the connection is closed"), StoreUnavailableError),
        (psycopg.InterfaceError("cursor is closed"), StoreUnavailableError),
        (psycopg.ProgrammingError("the last operation did not produce a result"), StoreUnavailableError),
        (psycopg.Error(), StoreUnavailableError),
    ],
)
def test_without_a_code_only_what_a_driver_refuses_to_send_is_of_the_row(
    orig: psycopg.Error, expected: type[StoreError]
) -> None:
    wrapped = DBAPIError.instance("INSERT", {}, orig, psycopg.Error)
    assert isinstance(wrapped, DBAPIError)
    assert type(failure(wrapped)) is expected


async def test_what_the_server_forgot_costs_one_transaction(postgres_database_url: str) -> None:
    async with opened(postgres_database_url) as schema_made:
        del schema_made
    store = await Store.open(f"{postgres_database_url}?prepare_threshold=1", pool=1)
    for _ in range(3):
        async with store.write() as tx:
            await meta.get(tx, "fact")
    async with store.write() as tx:
        # As behind PgBouncer, where the next transaction may come to another server. Psycopg would hear a plain one.
        await tx.execute(text("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"))
    with pytest.raises(StoreUnavailableError, match="prepare_threshold=0"):
        async with store.write() as tx:
            await meta.get(tx, "fact")
    async with store.write() as tx:
        assert await meta.get(tx, "fact") is None
    await store.close()


async def test_without_preparing_the_server_has_nothing_to_forget(postgres_database_url: str) -> None:
    async with opened(f"{postgres_database_url}?prepare_threshold=0") as store:
        for _ in range(8):
            async with store.read() as tx:
                await meta.get(tx, "fact")
                prepared = await tx.execute(text("SELECT count(*) FROM pg_prepared_statements"))
                assert prepared.scalar_one() == 0


async def test_a_server_that_only_reads_is_waited_for(fresh_postgres_url: str) -> None:
    async def write() -> None:
        async with store.write() as tx:
            await meta.set_to(tx, "fact", "kept")

    def only_reads(answer: str) -> None:
        name = fresh_postgres_url.rpartition("/")[2]
        options = "-c default_transaction_read_only=off"
        with psycopg.connect(fresh_postgres_url, autocommit=True, options=options) as connection:
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {answer}".encode())

    async with opened(fresh_postgres_url) as store:
        only_reads("on")
        await store._reader.dispose()
        with pytest.raises(StoreUnavailableError, match="it is read-only"):
            await write()
        only_reads("off")
        await write()
