"""A keyed set of immutable records, with unique indexes, and with the lag of Wix's query and search."""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from typing import Generic, TypeVar

R = TypeVar("R")


class Collection(Generic[R]):
    """Records by id. A record is never changed in place: a change is a new record under the same id.

    ``get`` and ``find`` always see the newest record. ``visible`` is what query and search see: a record as it
    was before the writes that are younger than the lag (docs/wix-api.md, 7, behaviour 10).
    """

    def __init__(
        self, id_of: Callable[[R], str], unique: dict[str, Callable[[R], Hashable | None]] | None = None
    ) -> None:
        self._id_of = id_of
        self._records: dict[str, R] = {}
        self._unique = unique or {}
        self._indexes: dict[str, dict[Hashable, str]] = {name: {} for name in self._unique}
        self._late: deque[tuple[datetime, str]] = deque()
        self._versions: dict[str, deque[R | None]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[R]:
        return iter(self._records.values())

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def get(self, key: str) -> R | None:
        """The newest record with this id."""
        return self._records.get(key)

    def find(self, index: str, value: Hashable) -> R | None:
        """The newest record with this value of a unique field."""
        key = self._indexes[index].get(value)
        return None if key is None else self._records[key]

    def put(self, record: R, visible_at: datetime | None = None) -> R:
        """Insert or replace; query and search show it from ``visible_at`` on (at once if None)."""
        key = self._id_of(record)
        old = self._records.get(key)
        self._remember(key, old, record, visible_at)
        if old is not None and self._unique:
            self._unindex(old, key)
        self._records[key] = record
        for name, value_of in self._unique.items():
            if (value := value_of(record)) is not None:
                self._indexes[name][value] = key
        return record

    def delete(self, key: str, visible_at: datetime | None = None) -> R | None:
        """Remove; query and search go on showing it until ``visible_at``."""
        old = self._records.get(key)
        if old is None:
            return None
        self._remember(key, old, None, visible_at)
        self._unindex(old, key)
        del self._records[key]
        return old

    def visible(self, now: datetime) -> Iterator[R]:
        """The records as query and search see them."""
        self.settle(now)
        if not self._versions:
            return iter(self._records.values())
        return self._overlaid()

    def visible_by(self, index: str, value: Hashable, now: datetime) -> R | None:
        """What query would find by a unique field that never changes, without looking at every record."""
        self.settle(now)
        key = self._indexes[index].get(value)
        if key is None:
            return None
        versions = self._versions.get(key)
        return self._records[key] if versions is None else versions[0]

    def discard_oldest(self, count: int) -> None:
        """Forget the records that were inserted first."""
        for key in [key for key, _ in zip(self._records, range(count), strict=False)]:
            self.delete(key)

    def reindex(self) -> None:
        """Read the unique fields again: what makes two values the same was switched."""
        for name, value_of in self._unique.items():
            values = ((value_of(record), key) for key, record in self._records.items())
            self._indexes[name] = {value: key for value, key in values if value is not None}

    @property
    def outdated(self) -> int:
        """How many records have former states that query and search may still show."""
        return len(self._versions)

    def settle(self, now: datetime) -> None:
        """Forget the former states that query and search no longer show."""
        while self._late and self._late[0][0] <= now:
            _, key = self._late.popleft()
            versions = self._versions[key]
            versions.popleft()
            if len(versions) == 1:
                del self._versions[key]

    def _overlaid(self) -> Iterator[R]:
        gone = [versions[0] for key, versions in self._versions.items() if key not in self._records]
        for key, record in self._records.items():
            versions = self._versions.get(key)
            shown = record if versions is None else versions[0]
            if shown is not None:
                yield shown
        yield from (record for record in gone if record is not None)

    def _remember(self, key: str, old: R | None, new: R | None, visible_at: datetime | None) -> None:
        # versions[0] is what queries see, versions[-1] the newest; each step but the last waits in _late
        versions = self._versions.get(key)
        if versions is None:
            if visible_at is None:
                return
            versions = self._versions[key] = deque([old])
        # a shorter lag never overtakes the writes that still wait under a longer one
        at = self._late[-1][0] if visible_at is None else visible_at
        if self._late:
            at = max(at, self._late[-1][0])
        versions.append(new)
        self._late.append((at, key))

    def _unindex(self, record: R, key: str) -> None:
        for name, value_of in self._unique.items():
            value = value_of(record)
            if value is not None and self._indexes[name].get(value) == key:
                del self._indexes[name][value]


def visible_at(now: datetime, lag_seconds: float) -> datetime | None:
    """When a write of now becomes visible to query and search; None for at once."""
    return now + timedelta(seconds=lag_seconds) if lag_seconds > 0 else None
