"""What a person orders of actions: retry, release, hold, cancel, resolve. Each is one transaction of the caller.

Every order says which states it takes; of a single action in another state it says why not, and of many it takes
those that it can. What waits for an action that was moved is moved along in the same transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select, update

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.kinds.registry import read_payload
from milestones.store.database.locks import lock_site
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import dependents, ledger, moves
from milestones.store.tables import Action
from milestones.store.views.lookup import Which, list_actions

_ACTIONS = table_of(Action)

STAGE = "person"
"""The stage under which a person's orders stand in the traces."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What an order came to.

    states: how many of them are now in which state. sites: where something may be due.
    refused: of those that were named by id, why some were left alone.
    """

    ids: tuple[int, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    sites: frozenset[str] = frozenset()


async def retry(tx: Transaction, which: Which, now: datetime) -> Moved:
    """Do again what was discarded, cancelled or of unknown fate, and now what failed and waits for its next attempt.

    What nobody knows of is looked for before it is repeated. All gates are asked again.
    """
    chosen, refused = await _choose(tx, which, _why_not_retried)
    ids = [_id(action) for action in chosen]
    await moves.begin_anew(
        tx,
        moves.RETRY,
        chosen,
        lost_at=case(
            (_ACTIONS.c.state == State.UNKNOWN, func.coalesce(_ACTIONS.c.lost_at, now)),
            else_=_ACTIONS.c.lost_at,
        ),
        # The end of a return period stays; the end of a pause between two attempts does not.
        available_at=case(
            (_ACTIONS.c.verdict == Verdict.RETRY, now), else_=_later(_ACTIONS.c.available_at, now)
        ),
        attempts=0,
        error=None,
        failing_since=None,
        settled_at=None,
    )
    await _unblock(tx, ids, now)
    return await _count_moves(tx, chosen, refused, Verdict.RELEASED_BY_PERSON, now)


async def release(tx: Transaction, which: Which, now: datetime) -> Moved:
    """Let go what is held. What waits for another action goes on waiting, or stays held if that will not come."""
    chosen, refused = await _choose(tx, which, _why_not_released)
    await moves.begin_anew(tx, moves.RELEASE, chosen, available_at=_later(_ACTIONS.c.available_at, now))
    await dependents.release_dependents(tx, [_id(action) for action in chosen], now)
    return await _count_moves(tx, chosen, refused, Verdict.RELEASED_BY_PERSON, now)


async def hold(tx: Transaction, which: Which, now: datetime) -> Moved:
    """Keep back what has not begun, until a person releases it."""
    chosen, refused = await _choose(tx, which, _why_not_held)
    ids = [_id(action) for action in chosen]
    await moves.hold(tx, ids)
    return await _count_moves(tx, chosen, refused, Verdict.HELD_BY_PERSON, now)


async def cancel(tx: Transaction, which: Which, now: datetime) -> Moved:
    """Give up what has not begun. What waits for it is held, for a person to decide."""
    chosen, refused = await _choose(tx, which, _why_not_cancelled)
    ids = [_id(action) for action in chosen]
    await moves.cancel(tx, ids, now)
    await dependents.release_dependents(tx, ids, now)
    return await _count_moves(tx, chosen, refused, Verdict.CANCELLED_BY_PERSON, now)


async def resolve(tx: Transaction, which: Which, now: datetime, *, done: bool) -> Moved:
    """Say what became of actions whose fate nobody told: they are done, or to be done again, knowingly."""
    chosen, refused = await _choose(tx, which, _why_not_resolved)
    ids = [_id(action) for action in chosen]
    if done:
        for action in chosen:
            await tx.execute(
                update(_ACTIONS)
                .where(_ACTIONS.c.id == action.id)
                .values(result=read_payload(action.kind, action.payload).assumed_result())
            )
    await moves.resolve(tx, ids, now, done=done)
    if done:
        await dependents.release_dependents(tx, ids, now)
    verdict = Verdict.DONE if done else Verdict.RELEASED_BY_PERSON
    return await _count_moves(tx, chosen, refused, verdict, now)


# Which actions an order takes


def _why_not_retried(action: Action) -> str | None:
    if action.state in {State.DISCARDED, State.CANCELLED, State.UNKNOWN}:
        return None
    if action.state == State.AVAILABLE and action.verdict == Verdict.RETRY:
        return None
    return {
        State.DONE.value: "is done",
        State.RUNNING.value: "is under way",
        State.AVAILABLE.value: "is due by itself",
        State.WAITING.value: "waits for something and goes on by itself",
        State.HELD.value: "is held; `milestones outbox release` lets it go",
    }[action.state]


def _why_not_released(action: Action) -> str | None:
    if action.verdict == Verdict.SCAN_UNDER_WAY and action.state == State.HELD:
        return "goes out when the scan that found it is complete"
    return None if action.state == State.HELD else f"is not held but {_state_name(action)}"


def _has_not_begun(action: Action) -> bool:
    """Whether a drain has claimed it and not begun to act: it asks once more before it does, and finds it taken."""
    return action.state == State.RUNNING and action.acted_at is None


_PENDING = "has begun and is not finished on the other side; what becomes of it is asked by itself"


def _is_pending(action: Action) -> bool:
    return action.state == State.AVAILABLE and action.verdict == Verdict.PENDING


def _why_not_held(action: Action) -> str | None:
    if _is_pending(action):
        return _PENDING
    if action.state in {State.AVAILABLE, State.WAITING} or action.verdict == Verdict.SCAN_UNDER_WAY:
        return None
    if _has_not_begun(action):
        return None
    return "is under way" if action.state == State.RUNNING else f"is {_state_name(action)}"


def _why_not_cancelled(action: Action) -> str | None:
    if action.state == State.UNKNOWN:
        return "may have happened already; say what became of it with `milestones outbox resolve`"
    if _is_pending(action):
        return _PENDING
    if action.state in {State.AVAILABLE, State.WAITING, State.HELD} or _has_not_begun(action):
        return None
    return "is under way" if action.state == State.RUNNING else f"is {_state_name(action)} already"


def _why_not_resolved(action: Action) -> str | None:
    return None if action.state == State.UNKNOWN else f"is not of unknown fate but {_state_name(action)}"


def _state_name(action: Action) -> str:
    return "under way" if action.state == State.RUNNING else str(action.state)


WhyNot = Callable[[Action], str | None]

WHY_NOT = {
    "retry": _why_not_retried,
    "release": _why_not_released,
    "hold": _why_not_held,
    "cancel": _why_not_cancelled,
    "resolve": _why_not_resolved,
}
"""For each order, what keeps it from an action: the rest of a sentence that begins with the action, or None."""


async def takes(tx: Transaction, order: str, which: Which) -> list[Action]:
    """The actions that an order by this name would move now, newest first: for asking before it is given."""
    return [action for action in await list_actions(tx, which) if WHY_NOT[order](action) is None]


async def _choose(tx: Transaction, which: Which, why_not: WhyNot) -> tuple[list[Action], dict[int, str]]:
    """The actions that an order takes, and of those that were named, why it does not take them."""
    concerned = select(_ACTIONS.c.site_id).where(which.condition).distinct().order_by(_ACTIONS.c.site_id)
    for site_id in (await tx.execute(concerned)).scalars().all():
        # Locks the site where there are row locks: a drain must not claim what is moved here.
        await lock_site(tx, site_id)
    reasons = {_id(action): (action, why_not(action)) for action in await list_actions(tx, which)}
    missing = dict.fromkeys(set(which.ids) - reasons.keys(), "is not in the outbox")
    refused = {number: why for number in which.ids if (why := reasons.get(number, (None, None))[1])}
    return [action for action, why in reasons.values() if why is None], {**missing, **refused}


# How they are moved


def _id(action: Action) -> int:
    assert action.id is not None, "it was read from the table"
    return action.id


def _later(column: Any, now: datetime) -> Any:
    return case((column > now, column), else_=now)


async def _unblock(tx: Transaction, ids: Sequence[int], now: datetime) -> None:
    """What was held because of these waits again; then whatever waits goes where it belongs."""
    for some in chunks(ids):
        owners = select(_ACTIONS.c.owner).where(_ACTIONS.c.id.in_(some))
        await moves.unblock(tx, _ACTIONS.c.owner.in_(owners))
    await dependents.release_dependents(tx, ids, now)


async def _count_moves(
    tx: Transaction, chosen: Sequence[Action], refused: Mapping[int, str], verdict: Verdict, now: datetime
) -> Moved:
    by_site: dict[str, set[tuple[str, str, Verdict]]] = {}
    for action in chosen:
        told = by_site.setdefault(action.site_id, set())
        if action.account_id:
            told.add((action.account_id, action.milestone, verdict))
    for site_id, verdicts in by_site.items():
        await ledger.add_traces(tx, site_id, STAGE, sorted(verdicts), now)
    ids = tuple(sorted(map(_id, chosen)))
    states: dict[str, int] = {}
    for some in chunks(ids):
        statement = select(_ACTIONS.c.state, func.count()).where(_ACTIONS.c.id.in_(some))
        for state, number in (await tx.execute(statement.group_by(_ACTIONS.c.state))).all():
            states[state] = states.get(state, 0) + number
    return Moved(ids, states, refused, frozenset(by_site))
