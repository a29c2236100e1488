"""Points that an import brings come back as a webhook, which may overtake the answer: they reach nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select

from milestones import effects
from milestones.domain.order import OrderSource, Person
from milestones.errors import ChannelError
from milestones.kinds.adjust.channel import AdjustChannel, Booked, Standing
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.email.variables import Program
from milestones.maintenance.mutes import close_all
from milestones.pipeline.orders import Asking, place
from milestones.store.outbox import ledger
from milestones.store.tables import MutedStep
from milestones.views.customers import find_accounts
from milestones.views.explain import explain
from tests.builders import ACCOUNT, SITE
from tests.shop import Shop


@dataclass
class Ledger:
    """Wix, in which one account stands. meanwhile: happens when it has booked, and before it answers."""

    revision: int
    balance: int
    meanwhile: Callable[[], Awaitable[object]] | None = None
    before: Callable[[], Awaitable[object]] | None = None
    lost: bool = False
    booked: dict[str, Booked] = field(default_factory=dict)

    async def get_standing(self, account_id: str, /) -> Standing:
        return Standing(self.revision, self.balance, earned=self.balance)

    async def adjust(
        self, account_id: str, *, amount: int | None, balance: int | None, description: str, revision: int
    ) -> Booked:
        await effects.begin()
        if self.before is not None:
            then, self.before = self.before, None
            await then()
        if revision != self.revision:
            raise ChannelError("It has another revision.", permanent=True)
        before, self.balance = self.balance, balance if balance is not None else self.balance + (amount or 0)
        self.revision += 1
        self.booked[description] = Booked("t", before, self.balance)
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.lost:
            raise ChannelError("No answer came.", lost=True)
        return self.booked[description]

    async def find(self, account_id: str, description: str, /) -> Booked | None:
        return self.booked.get(description)


async def active(*, anew: bool = False) -> Program:
    return Program("Stars")


async def bring(shop: Shop, wix: Ledger, *, to: int, mutes: bool = True) -> None:
    shop.channels["adjust"] = AdjustChannel(  # type: ignore[assignment]
        wix, program=active, query_lag=timedelta(0), clock=shop.clock
    )
    request = AdjustPoints(None, to, "Moved in", mutes)
    asking = Asking(SITE, OrderSource.IMPORT, "row-1", Person(account_id=ACCOUNT), request)
    await place(shop.store, shop.rules, asking, shop.now)
    await shop.drain()


async def close(shop: Shop) -> None:
    await close_all(shop.store, shop.rules, shop.tell, shop.now)


async def given(shop: Shop) -> dict[str, int]:
    async with shop.store.read() as tx:
        grants = await ledger.get_grants(tx, SITE, [ACCOUNT])
    return {key: len(of_milestone) for (_, key), of_milestone in grants.items()}


async def count_open(shop: Shop) -> int:
    async with shop.store.read() as tx:
        statement = select(func.count()).select_from(MutedStep).where(MutedStep.closed_at.is_(None))  # type: ignore[union-attr]
        return int((await tx.execute(statement)).scalar_one())


async def test_a_webhook_that_overtakes_the_answer_gives_nothing_and_what_follows_is_the_customer_s(
    shop: Shop,
) -> None:
    await shop.observe(300, revision=5)
    wix = Ledger(5, 300)

    async def overtake() -> None:
        # Already something that the customer did after it is told.
        await shop.observe(1200, revision=6)
        await shop.observe(1250, revision=7)

    wix.meanwhile = overtake
    await bring(shop, wix, to=1200)
    await close(shop)
    assert await given(shop) == {}
    await shop.observe(150, revision=8)
    await shop.observe(1010, revision=9)
    assert await given(shop) == {"stars-1000": 1, "again-500": 1}


async def test_what_the_customer_reached_before_is_given_though_it_is_told_late(shop: Shop) -> None:
    await shop.observe(100, revision=1)
    await bring(shop, Ledger(5, 300), to=2000)
    await close(shop)
    await shop.observe(600, revision=3)
    assert await given(shop) == {"again-500": 1}


async def test_what_is_reached_while_the_answer_is_awaited_is_given_as_soon_as_it_is_told_what_became_of_it(
    shop: Shop,
) -> None:
    await shop.observe(1500, revision=5)
    wix = Ledger(5, 1500, lost=True)

    async def spend_and_earn() -> None:
        await shop.observe(1100, revision=7)

    wix.meanwhile = spend_and_earn
    await bring(shop, wix, to=900)
    await close(shop)
    assert (await shop.action("adjust")).lost
    assert (await given(shop), await count_open(shop)) == ({}, 1)
    shop.later(hours=1)
    await shop.drain()
    assert (await shop.action("adjust")).state == "done"
    await close(shop)
    assert (await given(shop), await count_open(shop)) == ({"stars-1000": 1}, 0)


async def test_a_customer_who_is_faster_than_the_import_is_given_what_he_reached(shop: Shop) -> None:
    await shop.observe(950, revision=5)
    wix = Ledger(5, 950)

    async def earn() -> None:
        wix.revision, wix.balance = 6, 1010
        await shop.observe(1010, revision=6)

    wix.before = earn
    await bring(shop, wix, to=3000)
    assert await given(shop) == {}
    await close(shop)
    assert (await given(shop), await count_open(shop)) == ({"stars-1000": 1}, 0)
    shop.later(hours=1)
    await shop.drain()
    await close(shop)
    assert (wix.balance, await given(shop), await count_open(shop)) == (3000, {"stars-1000": 1}, 0)


async def test_points_that_shall_fire_do(shop: Shop) -> None:
    await shop.observe(300, revision=5)
    await bring(shop, Ledger(5, 300), to=1200, mutes=False)
    await shop.observe(1200, revision=6)
    assert await given(shop) == {"stars-1000": 1, "again-500": 1}


async def test_explain_says_that_the_points_were_imported(shop: Shop) -> None:
    await shop.observe(300, revision=5)
    await bring(shop, Ledger(5, 300), to=1200)
    await close(shop)
    async with shop.store.read() as tx:
        (account,) = await find_accounts(tx, ACCOUNT, None)
        found = await explain(tx, shop.settings, account, shop.now, "stars-1000")
    (story,) = found.stories
    assert story.standing == "imported"
    assert "milestones backfill stars-1000" in story.because
