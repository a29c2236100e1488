"""Keeps the figures of the backlog up to date."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from milestones.kinds.registry import NAMES
from milestones.maintenance.service import repeat
from milestones.observability.metrics import Metrics
from milestones.store import programs, scans
from milestones.store.database.store import Store
from milestones.store.outbox import rests
from milestones.store.views import timeline
from milestones.store.views.backlog import get_backlog

PERIOD = 15.0
"""Seconds between two readings."""


async def keep_measuring(
    store: Store,
    metrics: Metrics,
    is_live: Callable[[], bool],
    clock: Callable[[], datetime],
    stop: asyncio.Event,
) -> None:
    """Read the figures every 15 seconds. is_live: whether anything is sent at all."""

    async def measure() -> None:
        await _measure(store, metrics, clock(), is_live=is_live())

    # A database that cannot be read is told by the heartbeat.
    await repeat(measure, stop, every=PERIOD, failure=None)


async def _measure(store: Store, metrics: Metrics, now: datetime, *, is_live: bool) -> None:
    async with store.read() as tx:
        backlog, tallies = await get_backlog(tx, now), await timeline.get_tallies(tx, now)
        failing = await scans.list_failing(tx)
        resting = await rests.count_rests(tx, now)
        differing = await programs.count_drifts(tx)
    # In shadow mode nothing is done on purpose.
    waits = backlog.oldest if is_live else None
    metrics.backlog.set(0 if waits is None else backlog.due)
    metrics.backlog_age.set(0 if waits is None else waits.total_seconds())
    metrics.held.set(backlog.held)
    metrics.unknown.set(tallies.unknown)
    metrics.scans_failing.set(len(failing))
    metrics.programs_differing.set(differing)
    for kind in NAMES:
        metrics.resting.labels(kind).set(resting.get(kind, 0))
