"""The outbox's transactions. Every one of them is conditional on the generation of the drain that makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, update

from milestones.domain.actions import FINAL, Kind, State
from milestones.domain.observation import Customer, Measures
from milestones.domain.verdict import Verdict
from milestones.errors import FencedError
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import reminders
from milestones.store.people import erasure
from milestones.store.tables import Account, Action, Grant
from milestones.store.views import lookup

_ACTIONS = table_of(Action)
_ACCOUNTS = table_of(Account)

TIMED = (_ACTIONS.c.state == State.AVAILABLE) | (
    (_ACTIONS.c.state == State.WAITING) & (_ACTIONS.c.needs == "consent")
)
"""What a drain takes up when its time comes. Who waits for consent does so too: the event may be lost."""

CLAIM = 100
"""Actions leased at once: as many addresses as Wix answers for in one question."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased action with what its gates look at.

    grants: what its account was given of its milestone, oldest first; read where a gate asks for it.
    definition: what its milestone is now; None where the configuration has it no longer, or no gate asks for it.
    free_at: when the mail of a reminder may leave, if another one to the same person comes first.
    """

    action: Action
    customer: Customer
    measures: Measures | None
    erased: bool
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grants: Sequence[Grant] = ()
    definition: Mapping[str, Any] | None = None
    free_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a leased action.

    lost_at: when an answer was lost: what may have happened is looked for before it is done again.
    attempts: by how many its attempts change. "About to act" counted one already, and where the whole channel was at
        fault or it only waited, that is taken back; what failed before it began is counted here.
    """

    action_id: int
    state: State
    verdict: Verdict
    available_at: datetime | None = None
    needs: str | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    lost_at: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a site and its operator allow now. is_open: whether anything may be done. paused: keys of milestones."""

    is_open: bool
    paused: frozenset[str]

    def allows(self, milestone: str) -> bool:
        """Whether what this milestone owes may be done."""
        return self.is_open and milestone not in self.paused


async def standing(tx: Transaction, site_id: str) -> Standing:
    """How the site stands, with what is ordered for the whole database."""
    site = await sites.named(tx, site_id)
    is_open = site is not None and site.state == "active" and not site.paused
    return Standing(
        is_open and await heartbeat.held(tx) is None, frozenset(await sites.paused_milestones(tx, site_id))
    )


async def begin(tx: Transaction, site_id: str) -> int:
    """Start a drain. What an older generation left running is put back: untouched if it had not begun to act,
    else as a lost answer.
    """
    generation = await sites.raise_generation(tx, site_id)
    left = (_ACTIONS.c.site_id == site_id) & (_ACTIONS.c.state == State.RUNNING)
    await tx.execute(
        update(_ACTIONS).where(left, _ACTIONS.c.acted_at.is_(None)).values(state=State.AVAILABLE)
    )
    await tx.execute(
        update(_ACTIONS)
        .where(left, _ACTIONS.c.acted_at.is_not(None))
        .values(state=State.AVAILABLE, lost_at=_ACTIONS.c.acted_at)
    )
    return generation


async def claim(tx: Transaction, site_id: str, generation: int, kind: Kind, now: datetime) -> list[Claimed]:
    """Lease up to ``CLAIM`` actions of a kind that are due, oldest first; none while nothing may be done for the site.

    Raises FencedError.
    """
    await check(tx, site_id, generation)
    allowed = await standing(tx, site_id)
    if not allowed.is_open:
        return []
    statement = (
        select(_ACTIONS)
        .where(
            _ACTIONS.c.site_id == site_id,
            TIMED,
            _ACTIONS.c.kind == kind,
            _ACTIONS.c.available_at <= now,
            _ACTIONS.c.milestone.not_in(allowed.paused),
        )
        .order_by(_ACTIONS.c.available_at, _ACTIONS.c.id)
        .limit(CLAIM)
    )
    actions = [Action(**row) for row in (await tx.execute(statement)).mappings()]
    if not actions:
        return []
    await tx.execute(
        update(_ACTIONS)
        .where(_ACTIONS.c.id.in_([action.id for action in actions]))
        .values(state=State.RUNNING, generation=generation, acted_at=None, needs=None)
    )
    return await _with_facts(tx, site_id, actions, now)


async def _with_facts(
    tx: Transaction, site_id: str, actions: Sequence[Action], now: datetime
) -> list[Claimed]:
    accounts = {
        row["id"]: row
        for row in (
            await tx.execute(
                select(_ACCOUNTS).where(
                    _ACCOUNTS.c.site_id == site_id,
                    _ACCOUNTS.c.id.in_({action.account_id for action in actions}),
                )
            )
        ).mappings()
    }
    wanted = {key for action in actions for key in action.waits_for}
    statement = select(_ACTIONS.c.key, _ACTIONS.c.kind, _ACTIONS.c.result).where(_ACTIONS.c.key.in_(wanted))
    results = {row.key: (row.kind, row.result or {}) for row in (await tx.execute(statement)).all()}
    concerned = {
        action.account_id for action in actions if "near" in action.payload or "settle" in action.payload
    }
    grants = await lookup.grants_by_account(tx, site_id, sorted(concerned))
    announced = sorted({action.account_id for action in actions if "near" in action.payload})
    definitions = await sites.definitions_in_force(tx, site_id) if announced else {}
    told = await reminders.of_people(tx, site_id, announced) if announced else {}
    claimed = []
    for action in actions:
        account = accounts.get(action.account_id)
        inputs: dict[str, Mapping[str, Any]] = {}
        for key in action.waits_for:
            kind, result = results[key]
            inputs.setdefault(kind, result)
        claimed.append(
            Claimed(
                action=action,
                customer=_customer(account),
                measures=_measures(account),
                erased=account is not None and account["erased_at"] is not None,
                inputs=inputs,
                grants=[
                    grant
                    for grant in grants.get(action.account_id, [])
                    if grant.milestone == action.milestone
                ],
                definition=definitions.get(action.milestone),
                free_at=told[action.account_id].free_at(action, now) if "near" in action.payload else None,
            )
        )
    return claimed


def _customer(row: Mapping[Any, Any] | None) -> Customer:
    if row is None:
        return Customer()
    return Customer(row["contact_id"], row["member_id"], row["email"], row["name"])


def _measures(row: Mapping[Any, Any] | None) -> Measures | None:
    return None if row is None else Measures(row["balance"], row["earned"], row["tier_points"])


def _leased(site_id: str, generation: int, action_ids: Iterable[int]) -> ColumnElement[bool]:
    """Those that still are this drain's: a person may have taken what had not begun."""
    return and_(
        _ACTIONS.c.id.in_(list(action_ids)),
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.generation == generation,
    )


async def leased(
    tx: Transaction, site_id: str, generation: int, action_ids: Sequence[int], now: datetime
) -> dict[int, Claimed]:
    """Of these, what is this drain's still and has not begun, with its facts as they are now. Changes nothing."""
    statement = select(_ACTIONS).where(
        _leased(site_id, generation, action_ids), _ACTIONS.c.acted_at.is_(None)
    )
    actions = [Action(**row) for row in (await tx.execute(statement)).mappings()]
    found = await _with_facts(tx, site_id, actions, now) if actions else []
    return {item.action.id: item for item in found if item.action.id is not None}


async def waiting_leases(tx: Transaction, site_id: str, generation: int) -> set[int]:
    """What a drain has claimed, has not begun, and is its still."""
    statement = select(_ACTIONS.c.id).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.generation == generation,
        _ACTIONS.c.acted_at.is_(None),
    )
    return set((await tx.execute(statement)).scalars())


async def about_to_act(
    tx: Transaction, site_id: str, generation: int, action_ids: Sequence[int], now: datetime
) -> None:
    """The last step before effects: from here on a lost answer is looked for. Raises FencedError."""
    await check(tx, site_id, generation)
    await tx.execute(
        update(_ACTIONS)
        .where(_leased(site_id, generation, action_ids), _ACTIONS.c.acted_at.is_(None))
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
    values: dict[str, Any] = {"state": State.AVAILABLE, "generation": None, "acted_at": None}
    if until is not None:
        values["available_at"] = until
    if failing and until is not None:
        values["failing_since"] = _first_failure(until)
    which = _leased(site_id, generation, action_ids)
    if begun:
        counted = _ACTIONS.c.acted_at.is_not(None)
        values["attempts"] = case((counted, _ACTIONS.c.attempts - 1), else_=_ACTIONS.c.attempts)
    else:
        which = and_(which, _ACTIONS.c.acted_at.is_(None))
    await tx.execute(update(_ACTIONS).where(which).values(**values))


def _first_failure(at: datetime) -> Any:
    return func.coalesce(_ACTIONS.c.failing_since, at)


async def settle(
    tx: Transaction, site_id: str, generation: int, settlements: Sequence[Settlement], now: datetime
) -> list[Settlement]:
    """Write what became of leased actions, and let go or hold what waits for them. Returns what was written: not of
    those that a person has taken meanwhile. Raises FencedError.
    """
    await check(tx, site_id, generation)
    written = []
    for item in settlements:
        values: dict[str, Any] = {
            "state": item.state,
            "verdict": item.verdict,
            "needs": item.needs,
            "error": item.error,
            "lost_at": item.lost_at,
            "generation": None,
            "acted_at": None,
            "failing_since": _first_failure(now) if item.verdict is Verdict.RETRY else None,
        }
        if item.available_at is not None:
            values["available_at"] = item.available_at
        if item.result is not None:
            values["result"] = dict(item.result)
        if item.state in FINAL or item.state is State.UNKNOWN:
            values["settled_at"] = now
        if item.attempts:
            attempts = _ACTIONS.c.attempts + item.attempts
            values["attempts"] = case((attempts > 0, attempts), else_=0)
        which = _leased(site_id, generation, [item.action_id])
        if (await tx.execute(update(_ACTIONS).where(which).values(**values))).rowcount:
            written.append(item)
    await erasure.scrub_settled(tx, [item.action_id for item in written], now)
    await release_dependents(tx, [item.action_id for item in written if item.state in FINAL], now)
    return written


async def release_dependents(tx: Transaction, action_ids: Iterable[int], now: datetime) -> None:
    """Move on what waits for these actions: ready when all of it is done, held when something was discarded, and
    given up with what another reward took the place of.
    """
    for ids in chunks(list(action_ids)):
        owners = select(_ACTIONS.c.owner).where(_ACTIONS.c.id.in_(ids))
        columns = (_ACTIONS.c.id, _ACTIONS.c.key, _ACTIONS.c.state, _ACTIONS.c.verdict)
        needed = (_ACTIONS.c.waits_for, _ACTIONS.c.needs)
        rows = (await tx.execute(select(*columns, *needed).where(_ACTIONS.c.owner.in_(owners)))).all()
        states = {row.key: State(row.state) for row in rows}
        superseded = {row.key for row in rows if row.verdict == Verdict.SUPERSEDED}
        for row in rows:
            if row.state != State.WAITING or not row.waits_for or row.needs:
                continue
            standing = {states[key] for key in row.waits_for}
            if standing == {State.DONE}:
                await _set(tx, row.id, state=State.AVAILABLE)
            elif not superseded.isdisjoint(row.waits_for):
                await _set(tx, row.id, state=State.CANCELLED, verdict=Verdict.SUPERSEDED, settled_at=now)
            elif standing & {State.DISCARDED, State.CANCELLED}:
                await _set(tx, row.id, state=State.HELD, verdict=Verdict.BLOCKED)


async def _set(tx: Transaction, action_id: int, **values: Any) -> None:
    await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id == action_id).values(**values))


_ASKED_AGAIN = frozenset(
    {
        Verdict.QUIET_HOURS,
        Verdict.PROGRAM_NOT_ACTIVE,
        Verdict.NO_CONSENT_YET,
        Verdict.BADGE_JUST_GIVEN,
        Verdict.ONE_AT_A_TIME,
    }
)
"""Of what a gate put off for a while: to ask it sooner does no harm."""


async def clock_set_back(tx: Transaction, was: datetime, now: datetime) -> int:
    """What was due by the clock as it was is due now, and so is what was put off for a while by it: it must not wait
    until the clock is there again.
    """
    put_off = _ACTIONS.c.failing_since.is_not(None) | _ACTIONS.c.verdict.in_(_ASKED_AGAIN)
    due = TIMED & (_ACTIONS.c.available_at > now) & ((_ACTIONS.c.available_at <= was) | put_off)
    return (await tx.execute(update(_ACTIONS).where(due).values(available_at=now))).rowcount


async def due_kinds(tx: Transaction, site_id: str, kinds: Sequence[Kind], now: datetime) -> set[Kind]:
    """Those of the kinds of which something is due."""
    paused = await sites.paused_milestones(tx, site_id)
    found = set()
    for kind in kinds:
        due = select(_ACTIONS.c.id).where(
            _ACTIONS.c.site_id == site_id,
            TIMED,
            _ACTIONS.c.kind == kind,
            _ACTIONS.c.available_at <= now,
            _ACTIONS.c.milestone.not_in(paused),
        )
        if (await tx.execute(due.limit(1))).first() is not None:
            found.add(kind)
    return found


async def next_due(tx: Transaction, site_id: str, kinds: Sequence[Kind]) -> datetime | None:
    """When the next action of these kinds becomes due, if any does."""
    statement = select(func.min(_ACTIONS.c.available_at)).where(
        _ACTIONS.c.site_id == site_id,
        TIMED,
        _ACTIONS.c.kind.in_(kinds),
        _ACTIONS.c.milestone.not_in(await sites.paused_milestones(tx, site_id)),
    )
    moment: datetime | None = (await tx.execute(statement)).scalar_one()
    return moment


async def check(tx: Transaction, site_id: str, generation: int) -> None:
    """Raises FencedError where another drains the site now; locks the site where there are row locks."""
    current = await sites.generation(tx, site_id)
    if current != generation:
        raise FencedError(f"generation {generation} of this site is over; {current} drains it now")
