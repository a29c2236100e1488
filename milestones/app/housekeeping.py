"""What the daemon does by the clock: a sign of life, forgetting what is old, and the gauges."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sized
from datetime import timedelta

import structlog

from milestones.app.runtime import Program
from milestones.domain.actions import Kind
from milestones.domain.continuity import ClockWatch
from milestones.errors import MilestonesError
from milestones.store import scans
from milestones.store.database import heartbeat
from milestones.store.outbox import claims, rests
from milestones.store.views import lookup, timeline

log = structlog.get_logger()

GAUGE_SECONDS = 15
BEAT_SECONDS = 60
FORGET_SECONDS = 3600


async def heart(
    program: Program,
    stop: asyncio.Event,
    reschedule: Callable[[], Awaitable[None]],
    reconcile: Callable[[], Awaitable[Sized]],
) -> None:
    """A sign of life every minute. A gap in it while running, as after a sleep, holds everything too.

    reschedule: has the timetable follow a clock that jumped. reconcile: hears from Wix what has changed, and
    returns the sites of which it does not tell.
    """
    told: str | None = None
    asked: str | None = None
    failed: str | None = None
    watch = ClockWatch(program.clock(), time.monotonic())
    jumped = timedelta(0)
    while not stop.is_set():
        # Kept until it was followed: the database may be busy just now, and the watch tells of a jump once.
        jumped += watch.jump(program.clock(), time.monotonic()) or timedelta(0)
        try:
            # First, since drains are woken next. A clock set forward by more than the gap holds everything too: a
            # virtual machine put back to a snapshot, which must be held, cannot be told from it.
            reason = await program.look_back()
            if jumped:
                await _clock_jumped(program, jumped)
                await reschedule()
                jumped = timedelta(0)
            if reason is not None and reason != told:
                log.warning("held", reason=reason, go_on="milestones resume")
            told = reason
            if reason is not None and reason != asked:
                untold = await reconcile()
                async with program.store.read() as tx:
                    waiting = await heartbeat.pending(tx)
                log.warning(
                    "reconciled", would_do=waiting, sites_untold=len(untold), go_on="milestones resume"
                )
            # Where Wix told of no site, it is asked again with the next beat.
            asked = reason
        except MilestonesError as error:
            if str(error) != failed:
                log.error("no_sign_of_life", reason=str(error))
            failed = str(error)
        else:
            if failed is not None:
                log.info("signs_of_life_again")
            failed = None
        await _pause(stop, BEAT_SECONDS)


async def _clock_jumped(program: Program, jump: timedelta) -> None:
    """What is due follows the new time at once."""
    now = program.clock()
    log.warning("clock_jumped", seconds=round(jump.total_seconds()))
    if jump < timedelta(0):
        async with program.store.write() as tx:
            await claims.clock_set_back(tx, now - jump, now)


async def forgetting(program: Program, stop: asyncio.Event) -> None:
    """Forget what is old: a minute after the start, when nobody waits any more, and then every hour."""
    await _pause(stop, BEAT_SECONDS)
    while not stop.is_set():
        try:
            counts = await program.forget(stop.is_set)
        except MilestonesError as error:
            log.warning("nothing_forgotten", error=str(error))
        else:
            if any(counts.values()):
                log.info("forgotten", **counts)
        await _pause(stop, FORGET_SECONDS)


async def gauges(program: Program, stop: asyncio.Event) -> None:
    """Keep the figures of the backlog up to date."""
    metrics = program.metrics
    while not stop.is_set():
        with contextlib.suppress(MilestonesError):
            async with program.store.read() as tx:
                now = program.clock()
                backlog, tallies = await lookup.backlog(tx, now), await timeline.tallies(tx, now)
                failing = await scans.failing(tx)
                resting = await rests.counts(tx, now)
            # In shadow mode nothing is done on purpose.
            waits = backlog.oldest if program.settings.daemon.mode == "live" else None
            metrics.backlog.set(0 if waits is None else backlog.due)
            metrics.backlog_age.set(0 if waits is None else waits.total_seconds())
            metrics.held.set(backlog.held)
            metrics.unknown.set(tallies.unknown)
            metrics.scans_failing.set(len(failing))
            for kind in Kind:
                metrics.resting.labels(kind.value).set(resting.get(kind, 0))
        await _pause(stop, GAUGE_SECONDS)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
