"""What was never handed over is never lost: whatever fails before an effect begins, for every kind of effect."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from milestones.domain.retry import RetryPolicy
from milestones.kinds.channel import Task
from tests.kinds.smtp_client import transport_to
from tests.kinds.smtp_server import SILENCE, mailserver
from tests.outbox.bench import Bench
from tests.outbox.fakes import FakeChannel
from tests.outbox.test_refused_mails import NAMES, mails_over, reach, states


class Stumbling(FakeChannel):
    """A channel with a fault of its own, before its effect begins: a template, a name, a host, an address of a link."""

    async def perform(self, task: Task) -> Mapping[str, Any]:
        self.performed.append(task)
        raise UnicodeEncodeError("ascii", "büro-pc", 1, 2, "no")


@pytest.mark.parametrize("kind", ["coupon", "badge", "email"])
async def test_a_fault_before_an_effect_begins_loses_nothing(bench: Bench, kind: str) -> None:
    bench.channels[kind] = Stumbling()
    await bench.reach()
    bench.work.retry = RetryPolicy(attempts=3)
    for _ in range(4):
        await bench.drain()
        row = await bench.row(kind)
        assert not row.lost
        bench.now += timedelta(hours=2)
    assert (await bench.row(kind)).state == "discarded"
    assert bench.channels[kind].recovered == []


@pytest.mark.parametrize(("verb", "lost"), [("EHLO", 0), ("MAIL", 0), ("RCPT", 0), ("DOT", 1)])
async def test_a_mail_is_lost_only_after_the_server_was_to_take_it(
    bench: Bench, verb: str, lost: int
) -> None:
    """The program is stopped at once while the server is silent; only what it was handed may have been taken."""
    async with mailserver() as server, transport_to(server, connections=1) as transport:
        mails_over(bench, transport)
        await reach(bench)
        server.at[verb] = SILENCE
        draining = asyncio.create_task(bench.drain())
        async with asyncio.timeout(60):
            await server.reached["DATA" if verb == "DOT" else verb].wait()
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        server.at.clear()
        bench.restart()
        bench.now += timedelta(minutes=1)
        await bench.drain()
        found = await states(bench)
        assert (found.count("unknown"), found.count("done")) == (lost, 8 - lost)
        assert len(server.recipients) == len(set(server.recipients)) == 8 - lost
        assert set(server.recipients) <= set(NAMES)
