"""The process is killed at every step of a sync, started again, and both programs have every change once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.models.sync import RunSync
from tests.crash.customers import Customer, strangers
from tests.crash.house import House, a_house, begun
from tests.crash.points import SYNC
from tests.crash.receiver import receiver
from tests.process import QUICK_SYNCS, shop, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.xdist_group("crash in a sync"),
]

EXTERNAL = """
[[external]]
name = "smile"
preset = "smile"
base_url = "{url}/external/smile/v1"
rate = "100000 per 1s"
start = "theirs"
"""
RARE = {
    "sync.committed,order.before_commit",
    "drain.before_acting@external",
    "drain.acting@external",
    "drain.effect_done@external",
    "drain.settled@external,external.answered",
}
"""Guarded by those beside them: neither the database nor a program knows of anything more. The last of them reads."""


@dataclass
class Pair:
    """A customer of both programs. both: the balance that both are to have."""

    house: House
    customer: Customer
    both: int

    async def change(self) -> None:
        """Points there and points here, and nobody waits for what follows."""
        http = self.house.shop.http
        order = {"id": "1", "amount": 5, "text": "theirs"}
        (await http.post("/external/smile/_sandbox/points", json=order)).raise_for_status()
        await self.house.shop.adjust(self.customer.account, await self.here() + 3)
        self.both += 8

    async def run(self) -> None:
        with suppress(RefusedError, NotRunningError):
            await ask(self.house.daemon.folder / "milestones.sock", RunSync())

    async def here(self) -> int:
        accounts = (await self.house.shop.state("accounts"))["accounts"]
        (found,) = [one["points"]["balance"] for one in accounts if one["id"] == self.customer.account]
        return int(found)

    async def there(self) -> int:
        state = (await self.house.shop.http.get("/external/smile/_sandbox/state")).json()
        return int(state["members"][0]["balance"])

    async def is_in_step(self) -> bool:
        if (await self.here(), await self.there()) != (self.both, self.both):
            return False
        return not self.house.daemon.query("SELECT 1 FROM agreements WHERE state <> 'settled'")

    async def assert_booked_once(self) -> None:
        """Of what was booked there, each mark of ours stands once."""
        state = (await self.house.shop.http.get("/external/smile/_sandbox/state")).json()
        ours = [one["text"] for one in state["movements"] if one["text"] != "theirs"]
        assert len(ours) == len(set(ours))


@asynccontextmanager
async def a_pair(folder: Path) -> AsyncIterator[Pair]:
    async with (
        shop(folder, customers=60, seed=5, time_scale=3600.0) as wix,
        receiver() as hook,
    ):
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        found = await strangers(wix)
        house = a_house(folder, wix, hook, found)
        house.daemon.environment["SMILE_API_KEY"] = "x"
        house.daemon.constants = QUICK_SYNCS
        with house.daemon.config.open("a") as file:
            file.write(EXTERNAL.format(url=str(wix.http.base_url).rstrip("/")))
        pair = Pair(house, found[0], 0)
        pair.both = await pair.here()
        member = {"id": "1", "email": found[0].address, "balance": pair.both}
        joined = await wix.http.post("/external/smile/_sandbox/members", json={"members": [member]})
        joined.raise_for_status()
        async with begun(house):
            await pair.run()
            yield pair


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    async with a_pair(tmp_path_factory.mktemp("pair")) as found:
        yield found


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=[pytest.mark.rare] if point in RARE else []) for point in SYNC]
)
async def test_both_have_every_change_once_although_the_process_died_at(pair: Pair, point: str) -> None:
    pair.house.arm(point)
    await pair.change()
    await pair.run()
    await pair.house.killed_and_started_again()
    await pair.run()
    await until(pair.is_in_step, f"both have {pair.both} points")
    await pair.house.settled()
    assert await pair.is_in_step()
    await pair.assert_booked_once()
