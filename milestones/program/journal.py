"""What was asked of Wix a moment ago. Queries and lists may not show it yet (docs/wix-api.md, 6), and a second `apply`,
or one after a crash, must not make it again.

It is one fact of the database for each site, written by the one process that may write. What is older than the lag of
queries is forgotten: then Wix shows it, or it never came to be.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.domain.program import ThingKind
from milestones.formats.http import EXCHANGE_SECONDS
from milestones.program.live import Live
from milestones.store.database import meta
from milestones.store.database.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was asked for. id: None until Wix has told it; then nobody knows whether it came to be."""

    kind: ThingKind
    title: str
    id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of a site. lag: of queries. call: how long one call to Wix may take."""

    store: Store
    site_id: str
    lag: timedelta
    clock: Callable[[], datetime]
    call: timedelta = timedelta(seconds=EXCHANGE_SECONDS)

    async def recent(self) -> tuple[Entry, ...]:
        """What Wix's answers may not show yet."""
        async with self.store.read() as tx:
            return self._young(_read(await meta.get(tx, self._key)))

    async def note(self, kind: ThingKind, title: str, key: str | None) -> None:
        """Before something is made, without its id; and after it was made, changed or removed, with it."""
        async with self.store.write() as tx:
            kept = self._young(_read(await meta.get(tx, self._key)))
            others = [
                entry for entry in kept if entry.id is not None or (entry.kind, entry.title) != (kind, title)
            ]
            await meta.set_to(tx, self._key, _to_json([*others, Entry(kind, title, key, self.clock())]))

    async def forget(self, kind: ThingKind, title: str) -> None:
        """After Wix said that it did not make it."""
        async with self.store.write() as tx:
            kept = self._young(_read(await meta.get(tx, self._key)))
            others = [
                entry for entry in kept if entry.id is not None or (entry.kind, entry.title) != (kind, title)
            ]
            await meta.set_to(tx, self._key, _to_json(others))

    def _young(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        now = self.clock()
        # Also of one from the future: the clock was set back, and nothing would make it older for long.
        return tuple(entry for entry in entries if abs(now - entry.at) <= self._shows_after(entry))

    def _shows_after(self, entry: Entry) -> timedelta:
        # What was noted before its call may take effect as late as a call can.
        return self.lag if entry.id is not None else self.lag + self.call

    @property
    def _key(self) -> str:
        return f"program:{self.site_id}"


def doubtful(entries: Iterable[Entry], live: Live) -> frozenset[tuple[str, str]]:
    """What was asked for, has no id, and does not show."""
    shown = {(kind, thing.title) for kind, things in live.lists.items() for thing in things}
    unknown = {(entry.kind, entry.title) for entry in entries if entry.id is None}
    return frozenset((kind.value, title) for kind, title in unknown - shown)


def _read(text: str | None) -> list[Entry]:
    return [
        Entry(ThingKind(kind), title, key, datetime.fromisoformat(at))
        for kind, title, key, at in json.loads(text or "[]")
    ]


def _to_json(entries: Iterable[Entry]) -> str:
    return json.dumps([[entry.kind.value, entry.title, entry.id, entry.at.isoformat()] for entry in entries])
