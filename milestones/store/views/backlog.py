"""What waits to be done, in figures."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, DefinitionVersion, Site, SiteState

_ACTIONS = table_of(Action)
_SITES = table_of(Site)
_VERSIONS = table_of(DefinitionVersion)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be done.

    due: actions that could be done now. oldest: for how long the oldest of them could; while a channel rests after a
        fault, none of its actions could.
    failing: for how long the oldest has failed that is tried again and again, or whose channel rests.
    held: by whatever.
    """

    due: int
    oldest: timedelta | None
    failing: timedelta | None
    held: int


async def get_backlog(tx: Transaction, now: datetime) -> Backlog:
    """What waits to be done, over the sites that are drained and the milestones that are not paused."""
    drained = select(_SITES.c.id).where(_SITES.c.state == SiteState.ACTIVE, ~_SITES.c.paused)
    paused = select(_VERSIONS.c.number).where(
        _VERSIONS.c.site_id == _ACTIONS.c.site_id,
        _VERSIONS.c.milestone == _ACTIONS.c.milestone,
        _VERSIONS.c.paused,
    )
    is_due = _ACTIONS.c.available_at <= now
    due = select(
        func.count().filter(is_due),
        func.min(_ACTIONS.c.available_at).filter(is_due),
        func.min(_ACTIONS.c.failing_since),
    ).where(
        _ACTIONS.c.site_id.in_(drained),
        _ACTIONS.c.state.in_([State.AVAILABLE, State.RUNNING]),
        ~paused.exists(),
    )
    held = (
        select(func.count())
        .select_from(_ACTIONS)
        .where(
            # Sites first, as the index of what is due has them.
            _ACTIONS.c.site_id.in_(select(_SITES.c.id)),
            _ACTIONS.c.state == State.HELD,
            _ACTIONS.c.verdict != Verdict.SCAN_UNDER_WAY,
        )
    )
    number, due_since, failing_since = (await tx.execute(due)).one()
    held_number = (await tx.execute(held)).scalar_one()
    oldest, failing = (
        # A rest that has not ended lies ahead.
        None if moment is None else max(now - moment, timedelta(0))
        for moment in (due_since, failing_since)
    )
    return Backlog(int(number), oldest, failing, int(held_number))
