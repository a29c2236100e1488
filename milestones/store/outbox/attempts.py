"""The attempts of actions: when each began and ended, how it ended, and in what words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal, select, update

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, Attempt

_ACTIONS = table_of(Action)
_ATTEMPTS = table_of(Attempt)

DIED = "This program ended between the hand-over and its answer."
"""How an attempt ended of which nobody saw the end."""


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that has ended, of an action by its id."""

    action_id: int
    began_at: datetime
    ended_at: datetime
    state: State
    verdict: Verdict
    error: str | None = None


def _next_number(action_id: ColumnElement[int]) -> ColumnElement[int]:
    former = _ATTEMPTS.alias("former")
    newest = select(func.coalesce(func.max(former.c.number), 0) + 1).where(former.c.action_id == action_id)
    return newest.scalar_subquery()


async def add(tx: Transaction, tries: Iterable[Try]) -> None:
    """Write attempts, at most one of each action, behind those that it has."""
    rows = [
        {
            "of_action": one.action_id,
            "action_id": one.action_id,
            "began_at": one.began_at,
            "ended_at": one.ended_at,
            "state": one.state.value,
            "verdict": one.verdict.value,
            "error": one.error,
        }
        for one in tries
    ]
    if rows:
        number = _next_number(bindparam("of_action", type_=_ATTEMPTS.c.action_id.type))
        await tx.execute(insert(_ATTEMPTS).values(number=number), rows)


async def add_unended(tx: Transaction, site_id: str) -> None:
    """Write those that an ended drain had begun, before it is taken back."""
    left = select(
        _ACTIONS.c.id,
        _next_number(_ACTIONS.c.id),
        _ACTIONS.c.acted_at,
        literal(State.AVAILABLE.value),
        literal(Verdict.LOST_ANSWER.value),
        literal(DIED),
    ).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.RUNNING,
        _ACTIONS.c.acted_at.is_not(None),
    )
    names = ["action_id", "number", "began_at", "state", "verdict", "error"]
    await tx.execute(insert(_ATTEMPTS).from_select(names, left))


async def list_attempts(tx: Transaction, action_ids: Sequence[int]) -> dict[int, list[Attempt]]:
    """The attempts of these actions, oldest first; of one without any, nothing."""
    result: dict[int, list[Attempt]] = {}
    for ids in chunks(action_ids):
        statement = select(_ATTEMPTS).where(_ATTEMPTS.c.action_id.in_(ids))
        ordered = statement.order_by(_ATTEMPTS.c.action_id, _ATTEMPTS.c.number)
        for row in (await tx.execute(ordered)).mappings():
            result.setdefault(row["action_id"], []).append(Attempt(**row))
    return result


async def scrub(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Take the words out of the attempts of actions: they may name a person."""
    concerned = select(_ACTIONS.c.id).where(which)
    worded = _ATTEMPTS.c.action_id.in_(concerned) & _ATTEMPTS.c.error.is_not(None)
    await tx.execute(update(_ATTEMPTS).where(worded).values(error=None))


async def forget(tx: Transaction, action_ids: Sequence[int]) -> None:
    """Delete the attempts of actions that are deleted themselves."""
    await tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.action_id.in_(action_ids)))
