"""Leaves a sign of life every minute, and holds everything when that was broken, as by a sleep or by an old backup."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from milestones.domain.continuity import Beat, ClockWatch, find_break
from milestones.errors import MilestonesError
from milestones.maintenance.service import pause
from milestones.store.database import heartbeat
from milestones.store.database.store import Store
from milestones.store.outbox import schedule

log = structlog.get_logger()

PERIOD = 60.0
"""Seconds between two signs of life."""


async def check_continuity(
    store: Store, now: datetime, *, resume_gap: timedelta, same_machine: bool
) -> str | None:
    """Leave a sign of life; hold everything if the last one says that this may be a copy, an old backup, or long
    asleep. Returns why everything is held, if it is. Raises StoreError.
    """
    beat = Beat(now, heartbeat.machine(), await heartbeat.place(store))
    witnessed = heartbeat.read_witness(store)
    async with store.write() as tx:
        last = await heartbeat.get_last(tx)
        reason = find_break(last, beat, resume_gap, same_machine=same_machine, witnessed=witnessed)
        if reason is not None:
            await heartbeat.hold(tx, reason)
        await heartbeat.beat(tx, beat)
        held = await heartbeat.get_hold(tx)
    heartbeat.witness(store, beat.at)
    return held


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """What a beat needs.

    check: ``check_continuity`` by the configuration in force. reschedule: has the timetable follow a clock that jumped.
    reconcile: hears from Wix what has changed, and returns the sites of which it does not tell.
    """

    store: Store
    clock: Callable[[], datetime]
    check: Callable[[], Awaitable[str | None]]
    reschedule: Callable[[], Awaitable[None]]
    reconcile: Callable[[], Awaitable[Sized]]


@dataclass(slots=True)
class _Memory:
    """What one beat leaves to the next.

    jumped: by how much the clock was set, until that was followed: the database may be busy just now, and the watch
    tells of a jump once. logged, reconciled: the hold that was. failure: of the last beat.
    """

    watch: ClockWatch
    jumped: timedelta = timedelta(0)
    logged: str | None = None
    reconciled: str | None = None
    failure: str | None = None


async def keep_beating(heart: Heart, stop: asyncio.Event) -> None:
    """Beat every minute. A gap while running, as after a sleep, holds everything too."""
    memory = _Memory(ClockWatch(heart.clock(), time.monotonic()))
    while not stop.is_set():
        memory.jumped += memory.watch.jump(heart.clock(), time.monotonic()) or timedelta(0)
        try:
            await _beat(heart, memory)
        except MilestonesError as error:
            if str(error) != memory.failure:
                log.error("no_sign_of_life", reason=str(error))
            memory.failure = str(error)
        else:
            if memory.failure is not None:
                log.info("signs_of_life_again")
            memory.failure = None
        await pause(PERIOD, stop)


async def _beat(heart: Heart, memory: _Memory) -> None:
    # First, since drains are woken next. A clock set forward by more than the gap holds everything too: a virtual
    # machine put back to a snapshot, which must be held, cannot be told from it.
    reason = await heart.check()
    if memory.jumped:
        await _follow_clock(heart, memory.jumped)
        await heart.reschedule()
        memory.jumped = timedelta(0)
    if reason is not None and reason != memory.logged:
        log.warning("held", reason=reason, go_on="milestones resume")
    memory.logged = reason
    if reason is not None and reason != memory.reconciled:
        silent = await heart.reconcile()
        async with heart.store.read() as tx:
            waiting = await heartbeat.count_pending(tx)
        log.warning("reconciled", would_do=waiting, sites_untold=len(silent), go_on="milestones resume")
    # Where Wix told of no site, it is asked again with the next beat.
    memory.reconciled = reason


async def _follow_clock(heart: Heart, jump: timedelta) -> None:
    """What is due follows the new time at once."""
    now = heart.clock()
    log.warning("clock_jumped", seconds=round(jump.total_seconds()))
    if jump < timedelta(0):
        async with heart.store.write() as tx:
            await schedule.follow_clock(tx, now - jump, now)
