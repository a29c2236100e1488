"""When actions become due, and by which clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, select, update

from milestones.domain.actions import Need, State
from milestones.domain.verdict import Verdict
from milestones.kinds.registry import NAMES
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action

_ACTIONS = table_of(Action)

TIMED = (_ACTIONS.c.state == State.AVAILABLE) | (
    (_ACTIONS.c.state == State.WAITING) & (_ACTIONS.c.needs == Need.CONSENT)
)
"""What a drain takes up when its time comes. Who waits for consent does so too: the event may be lost."""

IS_FAST = _ACTIONS.c.fast & _ACTIONS.c.settled_at.is_(None)
"""What a person waits for, or did; in the words of its index."""

_ASKED_AGAIN = frozenset(
    {
        Verdict.QUIET_HOURS,
        Verdict.PROGRAM_NOT_ACTIVE,
        Verdict.NO_CONSENT_YET,
        Verdict.BADGE_JUST_GIVEN,
        Verdict.ONE_AT_A_TIME,
        Verdict.REDEMPTION_UNDER_WAY,
        Verdict.DISCOUNT_UNDER_WAY,
        Verdict.PENDING,
    }
)
"""Of what was put off for a while: to ask sooner does no harm."""


async def follow_clock(tx: Transaction, was: datetime, now: datetime) -> int:
    """What was due by the clock as it was is due now, and so is what was put off for a while by it: it must not wait
    until the clock is there again.
    """
    put_off = _ACTIONS.c.failing_since.is_not(None) | _ACTIONS.c.verdict.in_(_ASKED_AGAIN)
    due = TIMED & (_ACTIONS.c.available_at > now) & ((_ACTIONS.c.available_at <= was) | put_off)
    return (await tx.execute(update(_ACTIONS).where(due).values(available_at=now))).rowcount


class Lane(NamedTuple):
    """What is drained side by side: each kind, and of each what a person waits for (``fast``) beside the rest."""

    kind: str
    fast: bool


LANES = tuple(Lane(kind, fast) for kind in NAMES for fast in (True, False))


async def find_due_lanes(tx: Transaction, site_id: str, lanes: Sequence[Lane], now: datetime) -> set[Lane]:
    """Those of the lanes in which something is due."""
    paused = await sites.list_paused_milestones(tx, site_id)
    due = and_(TIMED, _ACTIONS.c.available_at <= now, _ACTIONS.c.milestone.not_in(paused))
    of_site = select(_ACTIONS.c.kind).where(_ACTIONS.c.site_id == site_id, due)
    fast = (await tx.execute(of_site.where(IS_FAST).distinct())).scalars().all()
    result = {Lane(kind, fast=True) for kind in fast} & set(lanes)
    for lane in lanes:
        if not lane.fast:
            slow = of_site.where(_ACTIONS.c.kind == lane.kind, ~_ACTIONS.c.fast).limit(1)
            if (await tx.execute(slow)).first() is not None:
                result.add(lane)
    return result


async def find_next_due(tx: Transaction, site_id: str, lanes: Sequence[Lane]) -> datetime | None:
    """When the next action of these lanes becomes due, if any does."""
    paused = await sites.list_paused_milestones(tx, site_id)
    found = []
    for which, of_lane in ((True, IS_FAST), (False, ~_ACTIONS.c.fast)):
        statement = select(func.min(_ACTIONS.c.available_at)).where(
            _ACTIONS.c.site_id == site_id,
            TIMED,
            _ACTIONS.c.kind.in_([lane.kind for lane in lanes if lane.fast is which]),
            of_lane,
            _ACTIONS.c.milestone.not_in(paused),
        )
        found.append((await tx.execute(statement)).scalar_one())
    return min((moment for moment in found if moment is not None), default=None)
