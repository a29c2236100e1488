"""What an error of the database is about: this row's data, another writer, or the database itself.

The code that the database tells decides, not the class that a driver gave the error: psycopg calls a prepared
statement that is missing (26000) as much a fault of the program as a text that is no number (22P02). Whatever is not
known to be about the data is the database's own, so that nothing is shelved that could be stored an hour later.
"""

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError

from milestones.errors import StoreError, StoreRaceError, StoreRefusedError, StoreUnavailableError

_RACES = frozenset({"23505", "40001", "40P01"})
"""Of PostgreSQL: a unique key that another writer took first, a serialization failure, a deadlock."""

_OF_THE_ROW = ("22", "23")
"""Classes of SQLSTATE: data exceptions, and violated constraints."""

_OF_THE_ROW_SQLITE = frozenset({18, 19, 20})
"""Results of SQLite: TOOBIG, CONSTRAINT, MISMATCH."""

_PREPARED = (
    "a prepared statement is not known to the server, or known twice, as behind PgBouncer in transaction mode; "
    "write ?prepare_threshold=0 behind daemon.database"
)

_BY_SQLSTATE = {
    "08P01": "the server, or a pooler in front of it, speaks another protocol",
    "25006": "it is read-only, as a standby is, or a server whose disk is nearly full; it is tried again",
    "26": _PREPARED,
    "42P05": _PREPARED,
    "28": "the server refuses this user or this password; check daemon.database and pg_hba.conf",
    "3D000": "there is no database of this name on the server; create it, or check daemon.database",
    "42501": "this user may not use the tables; they belong to another user",
    "42P01": "the schema is missing; run `milestones db upgrade`",
    "42703": "the schema is of another version; run `milestones db upgrade`",
    "40": "the server undid the transaction; it is tried again",
    "53100": "the disk of the server is full; make room, nothing was lost",
    "53200": "the server is out of memory; it is tried again",
    "53300": "the server has no connection left; raise max_connections there, or close some",
    "55": "another program holds a lock on the tables; it is tried again",
    "57014": "the server ended a statement that took too long (statement_timeout); it is tried again",
    "57": "the server is stopping or starting; it is tried again",
    "58": "the server has trouble with its own disk or memory; its log says more",
    "XX": "the server found an error in itself or its files; its log says more",
}
"""By the whole code or its first characters; the longest that fits says it."""

_BY_RESULT = {
    5: "another program holds the file; close it",
    6: "another program holds the file; close it",
    8: "the file or its folder is read-only for this user; check owner and permissions",
    10: "the disk cannot be read or written; the system's log says more",
    11: "the file is damaged; restore a backup",
    13: "the disk is full; make room, nothing was lost",
    14: "the file cannot be opened; check that the folder exists and may be written",
    26: "the file is no SQLite database",
}


def failure(error: DBAPIError) -> StoreError:
    """What to raise for a driver's error: StoreRaceError, StoreRefusedError for what this row's data is to blame for,
    else StoreUnavailableError. None of them has a value in it, nor a part of the database's address.
    """
    sqlstate = _sqlstate(error)
    if sqlstate in _RACES:
        return StoreRaceError("Two writers met over the same rows; nothing of this was kept.")
    if is_of_the_row(error):
        code = sqlstate or _result_name(error) or type(error.orig).__name__
        return StoreRefusedError(f"The database refuses what was to be written ({code}).")
    return StoreUnavailableError(f"The database cannot be used now: {_reason(error)}.")


def drop_connections(engine: Engine) -> None:
    """Have an engine use no connection again on which the database itself failed. What the server remembers of it is
    not known then: prepared statements, which server it leads to after a failover, whether its file may be written.
    """

    @event.listens_for(engine, "handle_error")
    def failed(context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError) and _sqlstate(error) not in _RACES and not is_of_the_row(error):
            context.is_disconnect = True


def is_of_the_row(error: DBAPIError) -> bool:
    """Whether the data of the row is to blame, and neither the database nor the program."""
    sqlstate, result = _sqlstate(error), _result(error)
    if sqlstate is not None:
        return sqlstate.startswith(_OF_THE_ROW)
    if result is not None:
        return result in _OF_THE_ROW_SQLITE
    # What a driver refuses to send, such as a NUL, has no code.
    return isinstance(error, DataError)


def _reason(error: DBAPIError) -> str:
    sqlstate, result = _sqlstate(error), _result(error)
    if sqlstate is not None:
        for length in range(len(sqlstate), 1, -1):
            if (reason := _BY_SQLSTATE.get(sqlstate[:length])) is not None:
                return reason
        return f"{_first_line(error)} ({sqlstate})"
    if result in _BY_RESULT:
        return _BY_RESULT[result]
    line = _first_line(error)
    return "the schema is missing; run `milestones db upgrade`" if "no such table" in line else line


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _result(error: DBAPIError) -> int | None:
    """SQLite's primary result code: the low byte of the extended one."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _result_name(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlite_errorname", None)


def _first_line(error: DBAPIError) -> str:
    """Of a driver's message. PostgreSQL quotes the row below its first line."""
    orig = error.orig
    return (str(orig).strip().splitlines() or [type(orig).__name__])[0].rstrip(".")
