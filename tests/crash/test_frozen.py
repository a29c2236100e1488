"""A worker that is frozen and thawed: what happened meanwhile is not undone, doubled or overwritten."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from milestones import effects
from milestones.kinds.channel import Channel, Found, Stop, Task
from milestones.outbox.drain import drain
from tests.crash.customers import strangers
from tests.crash.giving import Giving, giving
from tests.crash.house import KINDS, a_house, begun
from tests.crash.receiver import receiver
from tests.process import shop, until


@dataclass
class Freezing:
    """A channel in front of which its worker freezes, in ``gate`` or in ``perform``."""

    channel: Channel
    where: str
    frozen: asyncio.Event = field(default_factory=asyncio.Event)
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def concurrency(self) -> int:
        return self.channel.concurrency

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        answer = await self.channel.gate(tasks)
        await self._freeze("gate")
        return answer

    async def perform(self, task: Task) -> Mapping[str, Any]:
        # At the worst moment: it may act, and has not yet.
        await effects.begin()
        await self._freeze("perform")
        return await self.channel.perform(task)

    async def recover(self, task: Task) -> Found:
        return await self.channel.recover(task)

    async def _freeze(self, where: str) -> None:
        if where == self.where:
            self.frozen.set()
            await self.thawed.wait()


@pytest.fixture
async def shop_with_program(tmp_path: Path) -> AsyncIterator[Giving]:
    # Shorter than a consent may be old, so that the mail of the frozen one still leaves.
    async with giving(tmp_path) as found, found.started(query_lag="30s"):
        yield found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["gate", "perform"])
async def test_a_worker_that_was_overtaken_while_frozen_is_fenced(
    shop_with_program: Giving, where: str, kind: str
) -> None:
    running = shop_with_program
    work = running.work
    freezing = Freezing(work.channels[kind], where)
    first = replace(work, channels={**work.channels, kind: freezing})
    await running.crossing()
    frozen = asyncio.create_task(drain(lambda: first))
    await freezing.frozen.wait()
    await running.finish()
    before = [(row.kind, row.state, row.settled_at) for row in await running.actions()]
    freezing.thawed.set()
    assert await frozen is None
    assert [(row.kind, row.state, row.settled_at) for row in await running.actions()] == before
    # Frozen between "about to act" and the act nobody can be fenced: the mail leaves, and was not sent by the other.
    unknown = {"email"} if (kind, where) == ("email", "perform") else set()
    await running.assert_everything_once(unknown=frozenset(unknown))


@pytest.mark.slow
@pytest.mark.parametrize("point", ["drain.claimed", "drain.gated", "drain.acting", "drain.before_settle"])
async def test_a_daemon_that_is_stopped_keeps_its_place_and_goes_on(tmp_path: Path, point: str) -> None:
    async with shop(tmp_path, customers=100, seed=5, time_scale=3600.0) as wix, receiver() as hook:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        async with begun(a_house(tmp_path, wix, hook, await strangers(wix))) as house:
            daemon = house.daemon
            assert daemon.process is not None
            pid = daemon.process.pid
            house.arm(f"{point} stop")
            await house.crossing()
            await until(daemon.is_frozen, "it is frozen")
            code, _, told = await daemon.command("run")
            assert code != 0
            assert f"in use by process {pid}" in told
            house.arm("")
            os.kill(pid, signal.SIGCONT)
            await house.settled()
            await house.assert_everything_once()
