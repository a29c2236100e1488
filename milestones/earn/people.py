"""The file by which a shop says whose a service's own id is: a table with a column ``id`` and one of ``email``,
``contact_id`` and ``account_id``. It is read again whenever it was changed.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from milestones.errors import MilestonesError

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes: a million customers."""

KINDS = ("email", "contact_id", "account_id")


@dataclass(slots=True)
class _Table:
    """changed: size and time of the file when it was read. kind: of ``KINDS``. known: by id."""

    changed: tuple[int, int]
    kind: str
    known: Mapping[str, str] = field(repr=False)


class People:
    """The files, as they were last read."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}
        # A large file is read beside the loop.
        self._lock = Lock()

    def find(self, file: str, external_id: str) -> tuple[str, str] | None:
        """Who has this id: a kind of ``KINDS`` and what it says; None for nobody. Raises MilestonesError."""
        path = Path(file)
        with self._lock:
            try:
                found = path.stat()
                changed = (found.st_size, found.st_mtime_ns)
                table = self._tables.get(file)
                if table is None or table.changed != changed:
                    table = self._tables[file] = _read(path, changed)
            except OSError as error:
                raise MilestonesError(
                    f"The file {path.name} (people) cannot be read: {error.strerror}."
                ) from None
        value = table.known.get(external_id)
        return None if value is None else (table.kind, value)


def _read(path: Path, changed: tuple[int, int]) -> _Table:
    if changed[0] > LARGEST_FILE:
        raise MilestonesError(f"The file {path.name} (people) has more than {LARGEST_FILE:,} bytes.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            header = [name.strip().lower() for name in next(rows, [])]
            kinds = [kind for kind in KINDS if kind in header]
            if "id" not in header or len(kinds) != 1:
                raise MilestonesError(
                    f"The file {path.name} (people) must begin with a line that names its columns: id, and one of "
                    f"{', '.join(KINDS)}."
                )
            of_id, of_person = header.index("id"), header.index(kinds[0])
            wide = max(of_id, of_person)
            known = {row[of_id].strip(): row[of_person].strip() for row in rows if len(row) > wide}
    except (UnicodeDecodeError, csv.Error):
        raise MilestonesError(f"The file {path.name} (people) is no CSV in UTF-8; save it as that.") from None
    return _Table(changed, kinds[0], {key: value for key, value in known.items() if key and value})
