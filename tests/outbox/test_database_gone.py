"""The database goes away while effects are under way: what they came to is kept, and written when it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from milestones.errors import ChannelError, StoreUnavailableError
from milestones.kinds.channel import Fate, Found
from milestones.outbox import books
from milestones.store.database.store import Transaction
from milestones.store.outbox import claims
from tests.builders import SITE, a_coupon, a_milestone
from tests.outbox.bench import ALL_DONE, Bench
from tests.outbox.fakes import FakeChannel

COUPON = a_milestone(rewards=(a_coupon(),))


class Outage:
    """A fence of the store that lets nothing through while ``down``. refused: how often it did not."""

    def __init__(self) -> None:
        self.down = False
        self.refused = 0
        self.again = asyncio.Event()

    async def open(self) -> None:
        self.require()

    def require(self) -> None:
        if self.down:
            self.refused += 1
            self.again.set()
            raise StoreUnavailableError("The database cannot be used now: the server is stopping.")

    async def until_refused(self, times: int) -> None:
        async with asyncio.timeout(60):
            while self.refused < times:
                self.again.clear()
                await self.again.wait()


@pytest.fixture
def outage(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Outage:
    """It begins with whatever effect begins, of whatever kind, and nothing can be read while it lasts either."""
    found, read = Outage(), bench.store.read

    @asynccontextmanager
    async def reading() -> AsyncIterator[Transaction]:
        found.require()
        async with read() as tx:
            yield tx

    def begin(_task: object) -> None:
        found.down = found.refused == 0

    monkeypatch.setattr(bench.store, "read", reading)
    monkeypatch.setattr(books, "FIRST_PAUSE", 0.01)
    bench.store.fences.append(found)
    for channel in bench.channels.values():
        channel.before = begin
    return found


def given(channel: FakeChannel) -> list[str]:
    return [task.account_id for task in channel.performed]


async def test_what_happened_is_written_when_the_database_is_back(bench: Bench, outage: Outage) -> None:
    await bench.reach()
    with capture_logs() as logs:
        drain = asyncio.create_task(bench.drain())
        await outage.until_refused(5)
        outage.down = False
        await asyncio.gather(drain, return_exceptions=True)
    assert [line["results"] for line in logs if line["event"] == "results_kept"] == [1]
    bench.now += timedelta(minutes=1)
    await bench.drain()
    assert await bench.states() == ALL_DONE
    assert [len(channel.performed) for channel in bench.channels.values() if channel.performed] == [1, 1, 1]
    assert all(channel.recovered == [] for channel in bench.channels.values())


async def test_a_failure_is_written_when_the_database_is_back(bench: Bench, outage: Outage) -> None:
    bench.channels["coupon"].answers = [ChannelError("The answer was lost.", lost=True)]
    await bench.reach(milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await outage.until_refused(4)
    outage.down = False
    await asyncio.gather(drain, return_exceptions=True)
    row = await bench.row("coupon")
    assert (row.state, row.error, row.attempts) == ("available", "The answer was lost.", 1)
    assert row.lost


async def test_nothing_begins_while_the_database_is_gone(bench: Bench, outage: Outage) -> None:
    channel = bench.channels["coupon"]
    channel.concurrency = 1
    await bench.reach("a", "b", "c", milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await outage.until_refused(6)
    assert given(channel) == ["a"]
    outage.down = False
    await asyncio.gather(drain, return_exceptions=True)
    await bench.drain()
    assert given(channel) == ["a", "b", "c"]
    assert {row.state for row in await bench.rows()} == {"done"}


async def test_a_stop_bounds_the_waiting_and_the_answer_is_lost(bench: Bench, outage: Outage) -> None:
    channel = bench.channels["coupon"]
    channel.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.reach(milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await outage.until_refused(4)
    drain.cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(drain, return_exceptions=True)
    outage.down = False
    bench.restart()
    await bench.drain()
    assert [len(channel.performed), len(channel.recovered)] == [1, 1]
    assert await bench.states() == {"coupon": "done"}


async def test_a_stop_writes_what_is_kept_if_the_database_is_just_back(bench: Bench, outage: Outage) -> None:
    books.FIRST_PAUSE = 60
    await bench.reach(milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await outage.until_refused(1)
    await asyncio.sleep(0)
    outage.down = False
    drain.cancel()
    await asyncio.gather(drain, return_exceptions=True)
    assert await bench.states() == {"coupon": "done"}


async def test_what_was_kept_is_not_written_over_what_another_drain_did(bench: Bench, outage: Outage) -> None:
    await bench.reach(milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await outage.until_refused(4)
    outage.down = False
    async with bench.store.write() as tx:
        await claims.begin(tx, SITE)
    await asyncio.gather(drain, return_exceptions=True)
    row = await bench.row("coupon")
    assert (row.state, row.lost) == ("available", True)
