"""The outbox's transactions. Every one of them is conditional on the generation of the drain that makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, select, update

from milestones.domain.actions import FINAL, Need, State
from milestones.domain.verdict import Verdict
from milestones.errors import FencedError
from milestones.store import mutes, sites
from milestones.store.database.locks import lock_site
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import attempts, dependents, moves, orders, permission, schedule
from milestones.store.outbox.attempts import Try
from milestones.store.outbox.facts import Claimed, list_claimed
from milestones.store.outbox.schedule import Lane
from milestones.store.people import erasure
from milestones.store.tables import Action

_ACTIONS = table_of(Action)

CLAIM = 100
"""Actions leased at once: as many addresses as Wix answers for in one question."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a leased action.

    lost_at: when an answer was lost: what may have happened is looked for before it is done again.
    attempts: by how many its attempts change. "About to act" counted one already, and where the whole channel was at
        fault or it only waited, that is taken back; what failed before it began is counted here.
    tried: when the attempt that it tells of began and ended; None where nothing was attempted.
    intent: what whoever looks for it must know from now on; None leaves what was committed with "about to act".
    """

    action_id: int
    state: State
    verdict: Verdict
    available_at: datetime | None = None
    needs: Need | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    lost_at: datetime | None = None
    attempts: int = 0
    tried: tuple[datetime, datetime] | None = None
    intent: Mapping[str, Any] | None = None


async def begin(tx: Transaction, site_id: str) -> int:
    """Start a drain. What an older generation left running is put back: untouched if it had not begun to act,
    else as a lost answer.
    """
    generation = await sites.raise_generation(tx, site_id)
    await attempts.add_unended(tx, site_id)
    await moves.reclaim(tx, site_id)
    return generation


async def claim(tx: Transaction, site_id: str, generation: int, lane: Lane, now: datetime) -> list[Claimed]:
    """Lease up to ``CLAIM`` actions of a lane that are due, oldest first; none while nothing may be done for the site.

    Raises FencedError.
    """
    await check(tx, site_id, generation)
    allowed = await permission.get_permission(tx, site_id)
    if not allowed.is_open:
        return []
    due = select(_ACTIONS).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.kind == lane.kind,
        _ACTIONS.c.fast if lane.fast else ~_ACTIONS.c.fast,
        _ACTIONS.c.available_at <= now,
        _ACTIONS.c.milestone.not_in(allowed.paused),
    )
    in_order = due.order_by(_ACTIONS.c.available_at, _ACTIONS.c.id).limit(CLAIM)
    actions: list[Action] = []
    # One by one, each is the beginning of its part of the index; together, all that waits would be put in order.
    for part in schedule.PARTS:
        actions += [Action(**row) for row in (await tx.execute(in_order.where(part))).mappings()]
    actions = sorted(actions, key=lambda action: (action.available_at, action.id))[:CLAIM]
    if not actions:
        return []
    await moves.claim(tx, [action.id for action in actions if action.id is not None], generation)
    return await list_claimed(tx, site_id, actions, now)


def _is_leased(site_id: str, generation: int, action_ids: Iterable[int]) -> ColumnElement[bool]:
    """Those that still are this drain's: a person may have taken what had not begun."""
    return and_(
        _ACTIONS.c.id.in_(list(action_ids)),
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.generation == generation,
    )


def _leased_query(ids: Sequence[Any]) -> Executable:
    return select(_ACTIONS).where(
        _ACTIONS.c.id.in_(ids),
        _ACTIONS.c.site_id == bindparam("site_id"),
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.generation == bindparam("generation"),
        _ACTIONS.c.acted_at.is_(None),
    )


_LEASED = Lookup(_leased_query)


async def find_leased(
    tx: Transaction, site_id: str, generation: int, action_ids: Sequence[int], now: datetime
) -> dict[int, Claimed]:
    """Of these, what is this drain's still and has not begun, with its facts as they are now. Changes nothing."""
    rows = await _LEASED.fetch(tx, action_ids, site_id=site_id, generation=generation)
    actions = [Action(**row._asdict()) for row in rows]
    found = await list_claimed(tx, site_id, actions, now) if actions else []
    return {item.action.id: item for item in found if item.action.id is not None}


async def list_waiting(tx: Transaction, site_id: str, generation: int) -> set[int]:
    """What a drain has claimed, has not begun, and is its still."""
    statement = select(_ACTIONS.c.id).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.generation == generation,
        _ACTIONS.c.acted_at.is_(None),
    )
    return set((await tx.execute(statement)).scalars())


async def about_to_act(
    tx: Transaction,
    site_id: str,
    generation: int,
    intents: Mapping[int, Mapping[str, Any] | None],
    now: datetime,
) -> None:
    """Take the last step before effects: from here on a lost answer is looked for. intents: by action, what whoever looks
    for it must know; one that mutes a step opens that. Raises FencedError.
    """
    await check(tx, site_id, generation)
    told = {number: intent for number, intent in intents.items() if intent is not None}
    for number, intent in told.items():
        leased_still = _is_leased(site_id, generation, [number]) & _ACTIONS.c.acted_at.is_(None)
        noted = update(_ACTIONS).where(leased_still).values(intent=dict(intent)).returning(_ACTIONS.c.key)
        key = (await tx.execute(noted)).scalar_one_or_none()
        if key is not None and "mute" in intent:
            await mutes.open_mute(tx, site_id, key, intent, now)
    await tx.execute(
        update(_ACTIONS)
        .where(_is_leased(site_id, generation, intents), _ACTIONS.c.acted_at.is_(None))
        .values(acted_at=now, attempts=_ACTIONS.c.attempts + 1)
    )


async def put_back(
    tx: Transaction,
    site_id: str,
    generation: int,
    action_ids: Sequence[int],
    until: datetime | None = None,
    *,
    failing: bool = False,
    begun: bool = False,
) -> None:
    """Give leased actions back as they were. until: not before this. failing: their channel rests so long, and has
    failed if it rests again. begun: also those for which "about to act" was committed and that did nothing yet.
    Raises FencedError.
    """
    if not action_ids:
        return
    await check(tx, site_id, generation)
    leased_still = _is_leased(site_id, generation, action_ids)
    await moves.put_back(tx, leased_still, until, failing=failing, begun=begun)


async def settle(
    tx: Transaction, site_id: str, generation: int, settlements: Sequence[Settlement], now: datetime
) -> list[Settlement]:
    """Write what became of leased actions, and let go or hold what waits for them. Returns what was written: not of
    those that a person has taken meanwhile. Raises FencedError.
    """
    await check(tx, site_id, generation)
    written = []
    for item in settlements:
        values: dict[str, Any] = {"needs": item.needs, "error": item.error, "lost_at": item.lost_at}
        if item.available_at is not None:
            values["available_at"] = item.available_at
        if item.result is not None:
            values["result"] = dict(item.result)
        if item.intent is not None:
            values["intent"] = dict(item.intent)
        which = _is_leased(site_id, generation, [item.action_id])
        if await moves.settle(tx, which, item.state, item.verdict, now, attempts=item.attempts, **values):
            written.append(item)
    await attempts.add(
        tx,
        [
            Try(item.action_id, *item.tried, item.state, item.verdict, item.error)
            for item in written
            if item.tried is not None
        ],
    )
    await orders.fill_in(tx, site_id, [item.action_id for item in written if item.state is State.DONE], now)
    await erasure.scrub_settled(tx, [item.action_id for item in written], now)
    await dependents.release_dependents(tx, [item.action_id for item in written if item.state in FINAL], now)
    return written


async def check(tx: Transaction, site_id: str, generation: int) -> None:
    """Raises FencedError where another drains the site now; locks the site where there are row locks."""
    current = await lock_site(tx, site_id)
    if current != generation:
        raise FencedError(f"generation {generation} of this site is over; {current} drains it now")
