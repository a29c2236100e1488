"""When actions become due, and by which clock."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from milestones.domain.actions import Need, State
from milestones.domain.verdict import Verdict
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action

_ACTIONS = table_of(Action)

TIMED = (_ACTIONS.c.state == State.AVAILABLE) | (
    (_ACTIONS.c.state == State.WAITING) & (_ACTIONS.c.needs == Need.CONSENT)
)
"""What a drain takes up when its time comes. Who waits for consent does so too: the event may be lost."""

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


async def find_due_kinds(tx: Transaction, site_id: str, kinds: Sequence[str], now: datetime) -> set[str]:
    """Those of the kinds of which something is due."""
    paused = await sites.list_paused_milestones(tx, site_id)
    result = set()
    for kind in kinds:
        due = select(_ACTIONS.c.id).where(
            _ACTIONS.c.site_id == site_id,
            TIMED,
            _ACTIONS.c.kind == kind,
            _ACTIONS.c.available_at <= now,
            _ACTIONS.c.milestone.not_in(paused),
        )
        if (await tx.execute(due.limit(1))).first() is not None:
            result.add(kind)
    return result


async def find_next_due(tx: Transaction, site_id: str, kinds: Sequence[str]) -> datetime | None:
    """When the next action of these kinds becomes due, if any does."""
    statement = select(func.min(_ACTIONS.c.available_at)).where(
        _ACTIONS.c.site_id == site_id,
        TIMED,
        _ACTIONS.c.kind.in_(kinds),
        _ACTIONS.c.milestone.not_in(await sites.list_paused_milestones(tx, site_id)),
    )
    moment: datetime | None = (await tx.execute(statement)).scalar_one()
    return moment
