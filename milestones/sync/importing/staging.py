"""The rows of a file while it is looked at: in a database of its own on the disk, so that a million need no memory.

What one row says is compared with what all the others say there: two balances of one customer are a fault in both rows.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from milestones.formats.tables.table import Row
from milestones.sync.importing.file import ImportFile
from milestones.sync.importing.rows import Entry, Rejected

_BATCH = 2000

_SCHEMA = """
CREATE TABLE entries (
    line INTEGER PRIMARY KEY, person TEXT NOT NULL, mail TEXT NOT NULL, phone TEXT NOT NULL, contact TEXT NOT NULL,
    points INTEGER, first TEXT NOT NULL, last TEXT NOT NULL, cells TEXT NOT NULL, account TEXT NOT NULL DEFAULT ''
);
CREATE TABLE rejected (line INTEGER PRIMARY KEY, person TEXT, why TEXT NOT NULL, cells TEXT NOT NULL);
CREATE TABLE unwilling (mail TEXT PRIMARY KEY);
"""

_QUARRELS = """
DROP TABLE IF EXISTS quarrels;
CREATE TEMP TABLE quarrels AS
    SELECT {of} AS one, group_concat(line, ', ') AS lines FROM (SELECT * FROM entries WHERE {of} <> '' ORDER BY line)
    WHERE points IS NOT NULL GROUP BY {of} HAVING count(DISTINCT points) > 1;
INSERT INTO rejected
    SELECT line, person, 'The same customer has different points in the lines ' || lines || ', and they are not added up.',
        cells
    FROM entries JOIN quarrels ON {of} = one WHERE points IS NOT NULL;
DELETE FROM entries WHERE {of} IN (SELECT one FROM quarrels);
"""
"""Of rows that are of one customer, by a column that tells it."""

_REPEATED = """
DELETE FROM entries WHERE {of} <> '' AND line NOT IN (SELECT min(line) FROM entries GROUP BY {of})
"""

_DOUBTFUL = """
INSERT INTO rejected
    SELECT line, person, 'Another row of this customer was rejected, so it is not certain how many points are right.', cells
    FROM entries
    WHERE points IS NOT NULL AND person IN (SELECT person FROM rejected WHERE person IS NOT NULL);
DELETE FROM entries WHERE person IN (SELECT person FROM rejected WHERE person IS NOT NULL);
"""
"""What a row that cannot be read would have said may be another balance, or the rest of a sum."""

_SUMS = """
UPDATE entries SET points = (SELECT sum(points) FROM entries AS others WHERE others.person = entries.person)
    WHERE line IN (SELECT min(line) FROM entries GROUP BY person);
"""


class Staging:
    """The rows of one file. It is gone when it is closed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.repeated = 0

    def load(self, file: ImportFile) -> Iterator[int]:
        """Take in every row, and yield how many so far; then compare them with each other."""
        entries, rejected, number = list[tuple[object, ...]](), list[tuple[object, ...]](), 0
        for number, (found, row) in enumerate(file.read(), start=1):
            cells = json.dumps(row.cells if isinstance(row, Row) else [])
            entry = found if isinstance(found, Entry) else found.entry
            if entry is not None and entry.unwilling and entry.mail:
                self._connection.execute("INSERT OR IGNORE INTO unwilling VALUES (?)", (entry.mail,))
            if isinstance(found, Rejected):
                rejected.append((found.line, entry.person if entry else None, found.why, cells))
            else:
                told = (
                    found.mail,
                    found.phone,
                    found.contact_id,
                    found.points,
                    found.first_name,
                    found.last_name,
                )
                entries.append((found.line, found.person, *told, cells))
            if number % _BATCH == 0:
                self._write(entries, rejected)
                yield number
        self._write(entries, rejected)
        self._compare(sums=file.choices.sums)
        yield number

    def _write(self, entries: list[tuple[object, ...]], rejected: list[tuple[object, ...]]) -> None:
        self._connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')", entries)
        self._connection.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?)", rejected)
        entries.clear()
        rejected.clear()

    def _compare(self, *, sums: bool) -> None:
        self._connection.executescript("CREATE INDEX by_person ON entries (person);")
        if not sums:
            self._refuse_quarrels("person")
        self._connection.executescript(_DOUBTFUL)
        if sums:
            self._connection.executescript(_SUMS)
        self._connection.execute("DELETE FROM entries WHERE points IS NULL")
        self.repeated = self._connection.execute(_REPEATED.format(of="person")).rowcount

    def _refuse_quarrels(self, of: str) -> None:
        self._connection.executescript(_QUARRELS.format(of=of))

    def compare_again(self, of: str) -> bool:
        """Compare the rows once more, when it was learned whose they are. of: ``person`` or ``account``. Returns whether
        any is left out.
        """
        before = self.count("entries")
        self._refuse_quarrels(of)
        self.repeated += self._connection.execute(_REPEATED.format(of=of)).rowcount
        return self.count("entries") < before

    def reject(self, line: int, why: str) -> None:
        """Leave out a row after all."""
        moved = "INSERT OR REPLACE INTO rejected SELECT line, person, ?, cells FROM entries WHERE line = ?"
        self._connection.execute(moved, (why, line))
        self._connection.execute("DELETE FROM entries WHERE line = ?", (line,))

    def identify(self, phone: str, contact_id: str) -> None:
        """Say whose contact a telephone number is."""
        theirs = "UPDATE entries SET contact = ?, person = ? WHERE phone = ?"
        self._connection.execute(theirs, (contact_id, contact_id, phone))

    def note_accounts(self, accounts: Iterable[tuple[str, int]]) -> None:
        """Say whose account a row is of: (account, line)."""
        self._connection.executemany("UPDATE entries SET account = ? WHERE line = ?", accounts)

    def list_batches(self, size: int) -> Iterator[list[Entry]]:
        """The rows to be imported, in their order, some at a time."""
        after = 0
        columns = "line, mail, phone, contact, points, first, last"
        while True:
            statement = f"SELECT {columns} FROM entries WHERE line > ? ORDER BY line LIMIT ?"  # noqa: S608
            found = [Entry(*row) for row in self._connection.execute(statement, (after, size))]
            if not found:
                return
            after = found[-1].line
            yield found

    def list_unwilling(self, size: int) -> Iterator[tuple[str, ...]]:
        """The addresses of those who want no mail, some at a time."""
        cursor = self._connection.execute("SELECT mail FROM unwilling ORDER BY mail")
        while found := cursor.fetchmany(size):
            yield tuple(mail for (mail,) in found)

    def list_phones(self) -> list[str]:
        """The telephone numbers by which alone customers are known."""
        found = self._connection.execute(
            "SELECT DISTINCT phone FROM entries WHERE phone <> '' AND contact = ''"
        )
        return [phone for (phone,) in found]

    def list_lines(self, phone: str) -> list[int]:
        """The lines that have this number."""
        return [
            line for (line,) in self._connection.execute("SELECT line FROM entries WHERE phone = ?", (phone,))
        ]

    def list_rejected(self) -> Iterator[tuple[int, str, list[object]]]:
        """The rows that are left out: line, why, and the cells as they were."""
        statement = "SELECT line, why, cells FROM rejected ORDER BY line"
        for line, why, cells in self._connection.execute(statement):
            yield line, why, json.loads(cells)

    def count(self, table: str) -> int:
        """How many rows ``entries``, ``rejected`` or ``unwilling`` has."""
        statement = f"SELECT count(*) FROM {table}"  # noqa: S608 - one of three names
        return int(self._connection.execute(statement).fetchone()[0])


@contextmanager
def opened_staging() -> Iterator[Staging]:
    """Open an empty one."""
    with tempfile.TemporaryDirectory(prefix="milestones-") as folder:
        connection = sqlite3.connect(Path(folder) / "rows.db", isolation_level=None)
        try:
            # It is thrown away: nothing of it need survive a crash.
            connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
            connection.execute("BEGIN")
            yield Staging(connection)
        finally:
            connection.close()


def is_history(file: ImportFile, staging: Staging) -> bool:
    """Whether the file seems to have a line for each transaction, and not one for each customer."""
    doubts = ("different points", "Another row of this customer")
    return file.has_dates and any(doubt in why for _, why, _ in staging.list_rejected() for doubt in doubts)
