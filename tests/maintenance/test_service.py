"""What all services have in common: they repeat, they outlive a database that fails, and they end when told to."""

import asyncio

import pytest
from structlog.testing import capture_logs

from milestones.errors import StoreBusyError
from milestones.maintenance.service import pause, repeat

LONG = 3600.0


async def test_a_work_that_fails_is_done_again_the_next_time() -> None:
    stop, times = asyncio.Event(), 0

    async def work() -> None:
        nonlocal times
        times += 1
        if times == 2:
            stop.set()
        raise StoreBusyError("The database is locked.")

    with capture_logs() as logs:
        await repeat(work, stop, every=0, failure="not_done")
    assert times == 2
    assert [line["event"] for line in logs] == ["not_done"] * 2


async def test_what_is_woken_does_not_wait_and_what_is_stopped_ends() -> None:
    stop, woken, done = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)

    async def work() -> None:
        done.release()

    async with asyncio.timeout(60):
        service = asyncio.create_task(repeat(work, stop, every=LONG, failure=None, woken=woken))
        for _ in range(3):
            await done.acquire()
            woken.set()
        stop.set()
        await service


async def test_a_pause_ends_with_its_time_and_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    await pause(0, asyncio.Event(), asyncio.Event())
    cancelled = asyncio.create_task(pause(LONG, asyncio.Event()))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
