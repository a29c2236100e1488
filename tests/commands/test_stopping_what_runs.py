"""A command to stop is answered when it is true."""

import asyncio

from milestones.commands.models.command import UnderWay
from milestones.commands.models.pause import Pause
from milestones.commands.registry import carry_out
from tests.builders import ACCOUNT
from tests.shop import Shop


async def test_a_pause_is_answered_when_it_is_true(shop: Shop) -> None:
    mail = shop.channels["email"]
    mail.ends = {ACCOUNT: asyncio.Event()}
    told: list[UnderWay] = []
    await shop.observe(600, 1000)
    draining = asyncio.create_task(shop.drain())
    await mail.until(lambda: len(mail.performed) == 1)
    pausing = asyncio.create_task(carry_out(shop, Pause(milestone="stars-1000"), told.append))
    other = await carry_out(shop, Pause(milestone="again-500"), told.append)
    assert other.milestone == "again-500"
    assert not pausing.done()
    mail.ends[ACCOUNT].set()
    assert (await pausing).paused
    await draining
    assert told == [UnderWay(under_way=1)]
    assert (await shop.states())["email"] == "done"
