"""Every move of an action from state to state. Nobody else writes ``actions.state``.

A move says from which states it takes an action and where it leads (``MOVES``; docs/states.md shows the same table). Its
function adds the states to the condition it is given, so what is in another state by now stays where it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, update

from milestones.domain.actions import FINAL, Need, PlannedAction, State
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action

_ACTIONS = table_of(Action)

Where = ColumnElement[bool]

_HAS_NOT_BEGUN = _ACTIONS.c.acted_at.is_(None)

ENDS = frozenset({Verdict.SHADOW, Verdict.EARNED_BEFORE, Verdict.EARN_CAP})
"""With which an action is recorded that nobody is to do."""

OPEN = frozenset({State.AVAILABLE, State.WAITING, State.HELD})
"""Where an action stands that no drain has claimed and that is not settled."""


@dataclass(frozen=True, slots=True)
class Move:
    """One way from states to states. name: as in docs/states.md."""

    name: str
    starts: frozenset[State]
    leads: frozenset[State]

    @property
    def pairs(self) -> set[tuple[State, State]]:
        """(from, to), for every way that this move may take."""
        return {(start, lead) for start in self.starts for lead in self.leads}


def _move(name: str, starts: Iterable[State], *leads: State) -> Move:
    return Move(name, frozenset(starts), frozenset(leads))


_RUNNING = [State.RUNNING]
_WAITING = [State.WAITING]
_HELD = [State.HELD]

RECLAIM = _move("reclaim", _RUNNING, State.AVAILABLE)
CLAIM = _move("claim", [State.AVAILABLE, State.WAITING], State.RUNNING)
PUT_BACK = _move("put back", _RUNNING, State.AVAILABLE)
SETTLE = _move("settle", _RUNNING, *(state for state in State if state is not State.RUNNING))
GO_ON = _move("go on", _WAITING, State.AVAILABLE)
SUPERSEDE = _move("supersede", _WAITING, State.CANCELLED)
BLOCK = _move("block", _WAITING, State.HELD)
UNBLOCK = _move("unblock", _HELD, State.WAITING)
RETRY = _move(
    "retry",
    [State.AVAILABLE, State.DISCARDED, State.CANCELLED, State.UNKNOWN],
    State.AVAILABLE,
    State.WAITING,
)
RELEASE = _move("release", _HELD, State.AVAILABLE, State.WAITING)
HOLD = _move("hold", [*OPEN, State.RUNNING], State.HELD)
CANCEL = _move("cancel", [*OPEN, State.RUNNING], State.CANCELLED)
RESOLVE = _move("resolve", [State.UNKNOWN], State.DONE, State.AVAILABLE)
GIVE_UP = _move("give up", OPEN, State.CANCELLED)
AWAIT_HEIR = _move("await the heir", [State.AVAILABLE, State.WAITING], State.WAITING)
SELECT = _move("select", _HELD, State.AVAILABLE)
ABANDON_SCAN = _move("abandon the scan", _HELD, State.CANCELLED)

MOVES = (
    RECLAIM,
    CLAIM,
    PUT_BACK,
    SETTLE,
    GO_ON,
    SUPERSEDE,
    BLOCK,
    UNBLOCK,
    RETRY,
    RELEASE,
    HOLD,
    CANCEL,
    RESOLVE,
    GIVE_UP,
    AWAIT_HEIR,
    SELECT,
    ABANDON_SCAN,
)


async def _take(tx: Transaction, move: Move, lead: State, where: Where, **values: Any) -> int:
    """Move those of ``where`` that stand where the move starts. Returns how many."""
    assert lead in move.leads, f"{move.name} does not lead to {lead}"
    statement = update(_ACTIONS).where(where, _ACTIONS.c.state.in_(move.starts))
    return (await tx.execute(statement.values(state=lead, **values))).rowcount


async def _take_ids(tx: Transaction, move: Move, lead: State, ids: Sequence[int], **values: Any) -> None:
    for some in chunks(ids):
        await _take(tx, move, lead, _ACTIONS.c.id.in_(some), generation=None, acted_at=None, **values)


# Into the outbox


def first_state(action: PlannedAction, stop: Verdict | None) -> State:
    """Where an action is recorded. stop: one of ``ENDS`` cancels it, anything else holds it."""
    if stop in ENDS:
        return State.CANCELLED
    if stop is not None:
        return State.HELD
    return State.WAITING if action.waits_for else State.AVAILABLE


# By a drain


async def reclaim(tx: Transaction, site_id: str) -> None:
    """Take back what an ended drain left: untouched if it had not begun to act, else as a lost answer."""
    left = _ACTIONS.c.site_id == site_id
    await _take(tx, RECLAIM, State.AVAILABLE, left & _HAS_NOT_BEGUN)
    await _take(tx, RECLAIM, State.AVAILABLE, left & ~_HAS_NOT_BEGUN, lost_at=_ACTIONS.c.acted_at)


async def claim(tx: Transaction, ids: Sequence[int], generation: int) -> None:
    """Lease actions to the drain of a generation."""
    await _take(
        tx,
        CLAIM,
        State.RUNNING,
        _ACTIONS.c.id.in_(ids),
        generation=generation,
        acted_at=None,
        needs=None,
    )


async def put_back(
    tx: Transaction, leased: Where, until: datetime | None, *, failing: bool, begun: bool
) -> None:
    """Give leased actions back. The arguments mean what they do in ``claims.put_back``."""
    values: dict[str, Any] = {"generation": None, "acted_at": None}
    if until is not None:
        values["available_at"] = until
    if failing and until is not None:
        values["failing_since"] = _first_failure(until)
    if begun:
        values["attempts"] = case((_HAS_NOT_BEGUN, _ACTIONS.c.attempts), else_=_ACTIONS.c.attempts - 1)
    await _take(tx, PUT_BACK, State.AVAILABLE, leased if begun else leased & _HAS_NOT_BEGUN, **values)


async def settle(
    tx: Transaction,
    leased: Where,
    state: State,
    verdict: Verdict,
    now: datetime,
    *,
    attempts: int,
    **values: Any,
) -> bool:
    """Write what became of one leased action; False where it is not leased any more. attempts: added to its own."""
    if state in FINAL or state is State.UNKNOWN:
        values["settled_at"] = now
    if attempts:
        total = _ACTIONS.c.attempts + attempts
        values["attempts"] = case((total > 0, total), else_=0)
    values["failing_since"] = _first_failure(now) if verdict is Verdict.RETRY else None
    moved = await _take(tx, SETTLE, state, leased, verdict=verdict, generation=None, acted_at=None, **values)
    return moved > 0


def _first_failure(at: datetime) -> Any:
    return func.coalesce(_ACTIONS.c.failing_since, at)


# By what an action waits for


async def go_on(tx: Transaction, where: Where, available_at: datetime | None = None, **values: Any) -> int:
    """Let go on what waited. available_at: from when it is due, if not from when it was."""
    if available_at is not None:
        values["available_at"] = available_at
    return await _take(tx, GO_ON, State.AVAILABLE, where, needs=None, **values)


async def supersede(tx: Transaction, action_id: int, now: datetime) -> None:
    """Give up what waited for something that another reward took the place of."""
    values = {"verdict": Verdict.SUPERSEDED, "settled_at": now}
    await _take(tx, SUPERSEDE, State.CANCELLED, _ACTIONS.c.id == action_id, **values)


async def block(tx: Transaction, action_id: int) -> None:
    """Hold what waits for something that will not come."""
    await _take(tx, BLOCK, State.HELD, _ACTIONS.c.id == action_id, verdict=Verdict.BLOCKED)


async def unblock(tx: Transaction, where: Where) -> None:
    """Let what is held because of another action wait for it again."""
    blocked = where & (_ACTIONS.c.verdict == Verdict.BLOCKED)
    await _take(tx, UNBLOCK, State.WAITING, blocked, verdict=None)


# By a person


async def begin_anew(tx: Transaction, move: Move, chosen: Sequence[Action], **values: Any) -> None:
    """Make actions available, or waiting where they wait for others: by RETRY or RELEASE.

    A gate asks again for consent and the like: it may have come in the meantime, when nobody woke them.
    """
    for lead, ids in (
        (State.WAITING, [_id(action) for action in chosen if action.waits_for]),
        (State.AVAILABLE, [_id(action) for action in chosen if not action.waits_for]),
    ):
        await _take_ids(tx, move, lead, ids, needs=None, verdict=Verdict.RELEASED_BY_PERSON, **values)


async def hold(tx: Transaction, ids: Sequence[int]) -> None:
    """Keep back what has not begun, also what a drain has claimed: it asks once more before it acts."""
    await _take_ids(tx, HOLD, State.HELD, ids, verdict=Verdict.HELD_BY_PERSON)


async def cancel(tx: Transaction, ids: Sequence[int], now: datetime) -> None:
    """Give up what has not begun, as ``hold``."""
    verdict = Verdict.CANCELLED_BY_PERSON
    await _take_ids(tx, CANCEL, State.CANCELLED, ids, verdict=verdict, settled_at=now)


async def resolve(tx: Transaction, ids: Sequence[int], now: datetime, *, done: bool) -> None:
    """Say of what nobody knows that it is done, or is to be done again."""
    if done:
        await _take_ids(tx, RESOLVE, State.DONE, ids, verdict=Verdict.DONE, lost_at=None, settled_at=now)
        return
    await _take_ids(
        tx,
        RESOLVE,
        State.AVAILABLE,
        ids,
        verdict=Verdict.RELEASED_BY_PERSON,
        available_at=now,
        attempts=0,
        lost_at=None,
        error=None,
        settled_at=None,
    )


def _id(action: Action) -> int:
    assert action.id is not None, "it was read from the table"
    return action.id


# By what becomes of the customer


def unlost() -> Where:
    """What may have happened already is looked for first, whosever it is; the gates stop it from being repeated."""
    return _ACTIONS.c.lost_at.is_(None)


async def give_up(tx: Transaction, where: Where, verdict: Verdict, now: datetime, **values: Any) -> None:
    """Cancel what has not begun: its customer is gone, or was given the same under another account."""
    await _take(
        tx,
        GIVE_UP,
        State.CANCELLED,
        where & unlost(),
        verdict=verdict,
        needs=None,
        settled_at=now,
        **values,
    )


async def await_heir(tx: Transaction, where: Where) -> None:
    """Have wait, after a merge, what is owed to an account that is not known yet."""
    await _take(tx, AWAIT_HEIR, State.WAITING, where & unlost(), needs=Need.ACCOUNT)


# By a scan


async def select(tx: Transaction, scan_reminders: Where, now: datetime) -> None:
    """Let go the reminders of a scan that is complete."""
    await _take(tx, SELECT, State.AVAILABLE, scan_reminders, verdict=None, available_at=now)


async def abandon_scan(tx: Transaction, site_id: str, now: datetime) -> None:
    """Cancel the reminders that wait for the end of a scan that will not come."""
    waiting = (_ACTIONS.c.site_id == site_id) & (_ACTIONS.c.verdict == Verdict.SCAN_UNDER_WAY)
    await _take(tx, ABANDON_SCAN, State.CANCELLED, waiting, verdict=Verdict.SITE_NOT_ACTIVE, settled_at=now)
