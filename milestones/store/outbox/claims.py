"""The outbox's transactions. Every one of them is conditional on the generation of the drain that makes it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update

from milestones.domain.actions import FINAL, Kind, State
from milestones.domain.observation import Customer, Measures
from milestones.domain.verdict import Verdict
from milestones.errors import FencedError
from milestones.store import sites
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
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
    """

    action: Action
    customer: Customer
    measures: Measures | None
    erased: bool
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grants: Sequence[Grant] = ()
    definition: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a leased action.

    lost_at: when an answer was lost: what may have happened is looked for before it is done again.
    uncount: the attempt was counted by "about to act" and shall not be: the whole channel was at fault, or it only waited.
    """

    action_id: int
    state: State
    verdict: Verdict
    available_at: datetime | None = None
    needs: str | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    lost_at: datetime | None = None
    uncount: bool = False


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
    """Lease up to ``CLAIM`` actions of a kind that are due, oldest first. Raises FencedError."""
    await _check(tx, site_id, generation)
    statement = (
        select(_ACTIONS)
        .where(
            _ACTIONS.c.site_id == site_id,
            TIMED,
            _ACTIONS.c.kind == kind,
            _ACTIONS.c.available_at <= now,
            _ACTIONS.c.milestone.not_in(await sites.paused_milestones(tx, site_id)),
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
    return await _with_facts(tx, site_id, actions)


async def _with_facts(tx: Transaction, site_id: str, actions: Sequence[Action]) -> list[Claimed]:
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
    announced = any("near" in action.payload for action in actions)
    definitions = await sites.definitions_in_force(tx, site_id) if announced else {}
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
            )
        )
    return claimed


def _customer(row: Mapping[Any, Any] | None) -> Customer:
    if row is None:
        return Customer()
    return Customer(row["contact_id"], row["member_id"], row["email"], row["name"])


def _measures(row: Mapping[Any, Any] | None) -> Measures | None:
    return None if row is None else Measures(row["balance"], row["earned"], row["tier_points"])


async def about_to_act(
    tx: Transaction, site_id: str, generation: int, action_ids: Sequence[int], now: datetime
) -> None:
    """The last step before effects: from here on a lost answer is looked for. Raises FencedError."""
    await _check(tx, site_id, generation)
    await tx.execute(
        update(_ACTIONS)
        .where(_ACTIONS.c.id.in_(action_ids), _ACTIONS.c.generation == generation)
        .values(acted_at=now, attempts=_ACTIONS.c.attempts + 1)
    )


async def put_back(
    tx: Transaction, site_id: str, generation: int, action_ids: Sequence[int], until: datetime | None
) -> None:
    """Give leased actions back as they were. until: their channel rests so long, and has failed if it rests again.
    Raises FencedError.
    """
    await _check(tx, site_id, generation)
    values: dict[str, Any] = {"state": State.AVAILABLE, "generation": None}
    if until is not None:
        values |= {"available_at": until, "failing_since": _first_failure(until)}
    await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id.in_(action_ids)).values(**values))


def _first_failure(at: datetime) -> Any:
    return func.coalesce(_ACTIONS.c.failing_since, at)


async def settle(
    tx: Transaction, site_id: str, generation: int, settlements: Sequence[Settlement], now: datetime
) -> None:
    """Write what became of leased actions, and let go or hold what waits for them. Raises FencedError."""
    await _check(tx, site_id, generation)
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
        if item.uncount:
            values["attempts"] = case((_ACTIONS.c.attempts > 0, _ACTIONS.c.attempts - 1), else_=0)
        await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id == item.action_id).values(**values))
    await erasure.scrub_settled(tx, [item.action_id for item in settlements], now)
    await release_dependents(tx, [item.action_id for item in settlements if item.state in FINAL], now)


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
    {Verdict.QUIET_HOURS, Verdict.PROGRAM_NOT_ACTIVE, Verdict.NO_CONSENT_YET, Verdict.BADGE_JUST_GIVEN}
)
"""Of what a gate put off for a while: to ask it sooner does no harm."""


async def clock_set_back(tx: Transaction, was: datetime, now: datetime) -> int:
    """What was due by the clock as it was is due now, and so is what was put off for a while by it: it must not wait
    until the clock is there again.
    """
    put_off = _ACTIONS.c.failing_since.is_not(None) | _ACTIONS.c.verdict.in_(_ASKED_AGAIN)
    due = TIMED & (_ACTIONS.c.available_at > now) & ((_ACTIONS.c.available_at <= was) | put_off)
    return (await tx.execute(update(_ACTIONS).where(due).values(available_at=now))).rowcount


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


async def _check(tx: Transaction, site_id: str, generation: int) -> None:
    current = await sites.generation(tx, site_id)
    if current != generation:
        raise FencedError(f"generation {generation} of this site is over; {current} drains it now")
