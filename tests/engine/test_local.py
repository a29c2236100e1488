"""Sites are drained side by side, each by one task at a time, and what fails in one is no matter of another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from milestones.engine import local
from milestones.engine.local import LocalEngine
from milestones.errors import StoreUnavailableError
from tests.builders import NOW

SOON = timedelta(milliseconds=20)


@dataclass
class Sites:
    """Counts drains, and does in each what a test wants."""

    engine: LocalEngine = field(init=False)
    drains: Counter[str] = field(default_factory=Counter)
    under_way: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    do: Callable[[str], Awaitable[datetime | None]] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.engine = LocalEngine(self.drain, lambda: NOW)

    async def drain(self, site_id: str) -> datetime | None:
        self.drains[site_id] += 1
        self.under_way[site_id] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[site_id])
        self.changed.set()
        try:
            return await self.do(site_id) if self.do is not None else None
        finally:
            self.under_way[site_id] -= 1

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not enough():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(sites: Sites) -> AsyncIterator[LocalEngine]:
    task = asyncio.create_task(sites.engine.run())
    yield sites.engine
    sites.engine.stop()
    async with asyncio.timeout(60):
        await task


async def test_a_site_that_is_woken_while_it_is_drained_is_drained_once_more_afterwards() -> None:
    sites, go_on = Sites(), asyncio.Event()

    async def wait(_site_id: str) -> None:
        await go_on.wait()

    sites.do = wait
    async with running(sites) as engine:
        engine.wake("a")
        await sites.until(lambda: sites.drains["a"] == 1)
        for _ in range(5):
            engine.wake("a")
        go_on.set()
        await sites.until(lambda: sites.drains["a"] == 2)
    assert sites.drains["a"] == 2
    assert sites.most_at_once == 1


async def test_sites_do_not_wait_for_each_other() -> None:
    sites, go_on = Sites(), asyncio.Event()

    async def hang(site_id: str) -> None:
        if site_id == "slow":
            await go_on.wait()

    sites.do = hang
    async with running(sites) as engine:
        engine.wake("slow")
        engine.wake("quick")
        await sites.until(lambda: sites.drains["slow"] == sites.drains["quick"] == 1)
        go_on.set()


async def test_a_site_is_drained_again_when_something_becomes_due() -> None:
    sites = Sites()

    async def due(_site_id: str) -> datetime | None:
        return NOW + SOON if sites.drains["a"] < 3 else None

    sites.do = due
    async with running(sites) as engine:
        engine.wake("a")
        await sites.until(lambda: sites.drains["a"] == 3)


@pytest.mark.parametrize("failure", [StoreUnavailableError("The disk is full."), TypeError("a fault")])
async def test_a_site_that_fails_is_tried_again_and_disturbs_no_other(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "FIRST_PAUSE", SOON.total_seconds())
    sites = Sites()

    async def fail(site_id: str) -> None:
        if site_id == "bad" and sites.drains["bad"] < 3:
            raise failure

    sites.do = fail
    async with running(sites) as engine:
        engine.wake("bad")
        engine.wake("good")
        await sites.until(lambda: sites.drains["bad"] == 3 and sites.drains["good"] == 1)


async def test_stopping_lets_a_drain_end_what_it_has_begun() -> None:
    sites, go_on, ended = Sites(), asyncio.Event(), []

    async def finish(_site_id: str) -> None:
        await go_on.wait()
        ended.append(sites.engine.stopping)

    sites.do = finish
    async with running(sites) as engine:
        engine.wake("a")
        await sites.until(lambda: sites.drains["a"] == 1)
        # The loop turns only once the engine was told to stop.
        asyncio.get_running_loop().call_soon(go_on.set)
    assert ended == [True]


async def test_a_daemon_without_sites_stops_too() -> None:
    async with running(Sites()):
        pass


def test_the_pause_after_failures_grows_to_a_minute() -> None:
    assert [local._pause(failures) for failures in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]
