"""The one shape of what the daemon does by the clock: an async function that runs until it is told to stop.

A service takes what it needs as arguments, the stop event last, and outlives whatever the database does.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from milestones.errors import MilestonesError

log = structlog.get_logger()


async def repeat(
    work: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    *,
    every: float,
    failure: str | None,
    woken: asyncio.Event | None = None,
) -> None:
    """Do a work at once and then again and again, until ``stop``. A work that fails is done again the next time.

    every: seconds between the end of one and the begin of the next. woken: does it before that. failure: the event of
    the log when it fails; None for what is seen elsewhere.
    """
    while not stop.is_set():
        if woken is not None:
            woken.clear()
        try:
            await work()
        except MilestonesError as error:
            if failure is not None:
                log.warning(failure, error=str(error))
        await pause(every, stop, *([] if woken is None else [woken]))


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Wait for one of these events, for so long at most."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()
