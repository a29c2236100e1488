"""An event of another program. It says where to look, and is never believed about a balance: it may be old, come twice, or
overtake another. Only that a member was deleted is taken from it, since that does not become untrue.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milestones.domain import keys
from milestones.domain.agreement import Side, is_news
from milestones.domain.member import Member
from milestones.domain.order import OrderSource
from milestones.errors import IngestError
from milestones.external.errors import UnreadableError
from milestones.external.reading import read_id, read_member, search
from milestones.external.signature import is_genuine
from milestones.formats import untrusted
from milestones.store import links
from milestones.store.database.store import retry_races
from milestones.store.tables import Link, LinkState
from milestones.sync.settle import order_key_of
from milestones.sync.work import SyncWork

MOST_EVENTS = 1000
"""In one body."""

REMEMBERED = 10_000
"""Ids of events by which a repetition is known. One that is forgotten, as after a restart, costs one look."""


@dataclass(frozen=True, slots=True)
class _Event:
    member: Member
    deleted: bool
    text: str


@dataclass(slots=True)
class Recent:
    """Ids of events that were taken."""

    ids: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def is_new(self, program: str, event_id: str | None) -> bool:
        """Whether it was not taken before; it is remembered."""
        if event_id is None:
            return True
        if (program, event_id) in self.ids:
            return False
        self.ids.append((program, event_id))
        return True


async def hear(work: SyncWork, recent: Recent, url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Note what an event tells. Returns how many members are to be looked at. Raises IngestError and StoreError."""
    table = work.external.webhook
    if table is None:
        raise IngestError(404, f"No event of {work.name} is awaited: it has no [external.webhook].")
    if not is_genuine(table.signature, headers, url, body):
        raise IngestError(401, "The signature is not that of this program.")
    try:
        document = untrusted.parse(body)
    except ValueError:
        raise IngestError(400, "The body is no JSON.") from None
    found = search(table.events, document)
    events = found if isinstance(found, list) else [found]
    if len(events) > MOST_EVENTS:
        raise IngestError(413, f"A body holds at most {MOST_EVENTS:,} events.")
    read = []
    for event in events:
        event_id = None if table.id is None else read_id(search(table.id, event))
        if recent.is_new(work.name, event_id) and (one := _read(work, event)) is not None:
            read.append(one)
    return await _note(work, read) if read else 0


def _read(work: SyncWork, event: Any) -> _Event | None:
    """What an event tells; None for one that is about no member, as most of a program's events are."""
    table = work.external.webhook
    assert table is not None, "whoever reads has looked"
    try:
        member = read_member(work.external, search(table.member, event))
    except UnreadableError:
        return None
    deleted = table.deleted is not None and bool(search(table.deleted, event))
    return _Event(member, deleted, json.dumps(event))


@retry_races
async def _note(work: SyncWork, events: list[_Event]) -> int:
    looks = 0
    async with work.store.write() as tx:
        known = await links.get_by_member(tx, work.site_id, work.name, [event.member.id for event in events])
        for event in events:
            link = known.get(event.member.id)
            if link is None:
                if not event.deleted:
                    secret, now = work.rules.secret, work.clock()
                    await links.take_members(tx, work.site_id, work.name, secret, [event.member], now)
                    looks += 1
            elif event.deleted:
                await links.unlink(tx, link.id, f"{work.name} told that the member was deleted.")
            elif link.state in links.LOOKED_AT and _is_news(work, link, event):
                await links.change(tx, link.id, look=True)
                looks += 1
    return looks


def _is_news(work: SyncWork, link: Link, event: _Event) -> bool:
    agreed = links.get_agreed(link)
    if link.state == LinkState.NEW or agreed is None:
        return True
    mark = _mark(work, link)
    return is_news(agreed, event.member.balance, event.text, {mark})


def _mark(work: SyncWork, link: Link) -> str:
    """That of our last adjustment there."""
    order = order_key_of(link.external, link.id, link.number, Side.THEIRS)
    owner = keys.order_key(work.rules.secret, work.site_id, OrderSource.SYNC, order)
    return keys.adjustment_mark(work.rules.secret, keys.action_key(owner, 0))
