"""When actions become due, and by which clock."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from milestones.domain.actions import Need, State
from milestones.domain.verdict import Verdict
from milestones.kinds.registry import NAMES
from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, DefinitionVersion

_ACTIONS = table_of(Action)
_VERSIONS = table_of(DefinitionVersion)

_AVAILABLE = _ACTIONS.c.state == State.AVAILABLE
_WAITS_FOR_CONSENT = (_ACTIONS.c.state == State.WAITING) & (_ACTIONS.c.needs == Need.CONSENT)

PARTS = (_AVAILABLE, _WAITS_FOR_CONSENT)
"""What a drain takes up when its time comes. Who waits for consent does so too: the event may be lost."""

TIMED = _AVAILABLE | _WAITS_FOR_CONSENT

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


async def get_first_due(tx: Transaction, site_id: str) -> dict[Lane, datetime]:
    """When the first action of each lane becomes due; lanes of which nothing waits for a time are missing."""
    of_site = {"site_id": site_id}
    times = {Lane(row.kind, fast=True): row.first for row in await _FIRST_FAST.fetch(tx, of_site)}
    [firsts] = await _FIRST_SLOW.fetch(tx, of_site)
    for kind, *moments in zip(NAMES, firsts[::2], firsts[1::2], strict=True):
        if found := [moment for moment in moments if moment is not None]:
            times[Lane(kind, fast=False)] = min(found)
    return times


_OF_SITE = _ACTIONS.c.site_id == bindparam("site_id")
_MAY = _ACTIONS.c.milestone.not_in(
    select(_VERSIONS.c.milestone).where(_VERSIONS.c.site_id == bindparam("site_id"), _VERSIONS.c.paused)
)

_FIRST_FAST = Prepared(
    select(_ACTIONS.c.kind, func.min(_ACTIONS.c.available_at).label("first"))
    .where(_OF_SITE, TIMED, IS_FAST, _MAY)
    .group_by(_ACTIONS.c.kind)
)
"""People who wait are few."""

_FIRST_SLOW = Prepared(
    select(
        *(
            select(_ACTIONS.c.available_at)
            .where(_OF_SITE, timed, _ACTIONS.c.kind == kind, ~_ACTIONS.c.fast, _MAY)
            .order_by(_ACTIONS.c.available_at)
            .limit(1)
            .scalar_subquery()
            .label(f"{kind}_{place}")
            for kind in NAMES
            for place, timed in enumerate(PARTS)
        )
    )
)
"""One row: of each kind two moments, of what is available and of what waits for consent. Each is the first entry of its
part of the index, however much waits behind it.
"""
