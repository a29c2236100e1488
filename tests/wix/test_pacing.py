"""The budget of a site, on a clock that only moves when somebody sleeps."""

import asyncio

import pytest

from milestones.wix.pacing import PausedError, SlidingWindowPacer
from tests.wix.fakes import FakeClock


@pytest.fixture
def pacer(clock: FakeClock) -> SlidingWindowPacer:
    return SlidingWindowPacer(10, 3, monotonic=clock.monotonic, sleep=clock.sleep)


async def test_ordinary_callers_stop_where_the_reserve_begins(
    pacer: SlidingWindowPacer, clock: FakeClock
) -> None:
    for _ in range(7):
        await pacer.acquire()
    assert clock.slept == []
    await pacer.acquire()
    assert clock.slept == [60]


async def test_people_who_wait_use_the_reserve(pacer: SlidingWindowPacer, clock: FakeClock) -> None:
    for _ in range(7):
        await pacer.acquire()
    for _ in range(3):
        await pacer.acquire(priority=True)
    assert clock.slept == []
    await pacer.acquire(priority=True)
    assert clock.slept == [60]


async def test_people_may_use_the_whole_budget_and_then_nobody_goes(
    pacer: SlidingWindowPacer, clock: FakeClock
) -> None:
    for _ in range(10):
        await pacer.acquire(priority=True)
    await pacer.acquire()
    assert clock.slept == [60]


async def test_no_minute_wherever_it_begins_holds_more_than_the_budget(
    pacer: SlidingWindowPacer, clock: FakeClock
) -> None:
    started = []
    for number in range(200):
        await pacer.acquire(priority=number % 5 == 0)
        started.append((clock.seconds, number % 5 == 0))
        clock.seconds += 0.7 * (number % 3)
    for begin, _ in started:
        inside = [person for moment, person in started if begin <= moment < begin + 60]
        assert len(inside) <= 10
        assert sum(not person for person in inside) <= 7


async def test_a_pause_holds_ordinary_callers_and_refuses_people(
    pacer: SlidingWindowPacer, clock: FakeClock
) -> None:
    await pacer.pause(60)
    await pacer.pause(5)
    with pytest.raises(PausedError) as caught:
        await pacer.acquire(priority=True)
    assert caught.value.seconds == 60
    await pacer.acquire()
    assert clock.slept == [60]
    await pacer.acquire(priority=True)


async def test_a_budget_smaller_than_the_reserve_still_lets_everybody_through(clock: FakeClock) -> None:
    tiny = SlidingWindowPacer(1, 20, monotonic=clock.monotonic, sleep=clock.sleep)
    await tiny.acquire()
    await tiny.acquire(priority=True)
    assert clock.slept == [60]


@pytest.mark.parametrize(("per_minute", "reserve"), [(0, 0), (10, -1)])
def test_a_budget_that_makes_no_sense_is_refused(per_minute: int, reserve: int) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        SlidingWindowPacer(per_minute, reserve)


async def test_callers_go_in_the_order_in_which_they_came_and_a_cancelled_one_counts_nothing() -> None:
    now = 0.0
    gate = asyncio.Event()
    went: list[int] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        await gate.wait()
        now += seconds

    pacer = SlidingWindowPacer(2, 0, monotonic=lambda: now, sleep=sleep)

    async def go(number: int) -> None:
        await pacer.acquire()
        went.append(number)

    tasks = [asyncio.create_task(go(number)) for number in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert went == [0, 1, 3, 4]
    assert now == 60


async def test_a_person_does_not_queue_behind_a_scan() -> None:
    never = asyncio.Event()

    async def sleep(_: float) -> None:
        await never.wait()

    pacer = SlidingWindowPacer(4, 2, monotonic=lambda: 0.0, sleep=sleep)
    scans = [asyncio.create_task(pacer.acquire()) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.wait_for(pacer.acquire(priority=True), 60)
    for scan in scans:
        scan.cancel()
    await asyncio.gather(*scans, return_exceptions=True)
