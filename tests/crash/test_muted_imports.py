"""An import's points, with the process killed at any step and Wix's news coming at any moment: booked once, reaching nothing."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select

from milestones.domain.observation import Source
from milestones.domain.order import OrderSource, Person
from milestones.errors import MilestonesError
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.maintenance.mutes import close_all
from milestones.outbox import act, books
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, place
from milestones.scans.pages import observation
from milestones.store.outbox import ledger as grants
from milestones.store.tables import MutedStep
from milestones.wix.account import Account as WixAccount
from tests.crash.giving import Giving
from tests.crash.test_lost_answers import LOSSES
from wixsandbox import ledger

pytestmark = pytest.mark.usefixtures("impatient")

POINTS = {
    "drain.before_acting": books,
    "drain.acting": books,
    "drain.effect_done": act,
    "drain.before_settle": books,
    "drain.settled": books,
}


class DiedError(Exception):
    """Stands in for SIGKILL: what was being written is not, and what is written stays."""


async def hear(shop: Giving, account_id: str) -> None:
    """Wix tells how the account stands."""
    told = WixAccount.model_validate(ledger.document(shop.books, ledger.the_account(shop.books, account_id)))
    seen = [observation(told, Source.WEBHOOK, shop.clock())]
    await observe.observe(shop.runtime.store, shop.runtime.rules, shop.site_id, seen, shop.clock())


def change(shop: Giving, account_id: str, balance: int) -> None:
    account = ledger.the_account(shop.books, account_id)
    ledger.adjust(shop.books, account, balance - account.balance, shop.books.owner, "by hand")


async def bring(shop: Giving) -> str:
    """5,000 points for somebody who has 100."""
    account = shop.next_stranger()
    change(shop, account.id, 100)
    await hear(shop, account.id)
    request = AdjustPoints(None, 5000, "Moved in", mutes=True)
    asking = Asking(shop.site_id, OrderSource.IMPORT, "row", Person(account_id=account.id), request)
    await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())
    return account.id


async def count_given(shop: Giving, account_id: str) -> int:
    async with shop.runtime.store.read() as tx:
        return len(await grants.get_grants(tx, shop.site_id, [account_id]))


async def assert_moved_in(shop: Giving, account_id: str) -> None:
    """Once, giving nothing, with nothing left undecided; and what the customer reaches then is his."""
    await shop.finish()
    await hear(shop, account_id)
    await close_all(shop.runtime.store, shop.runtime.rules, shop.runtime.tell, shop.clock())
    booked = [one for one in shop.books.transactions if (one.description or "").startswith("Moved in (")]
    assert [one.amount for one in booked] == [4900]
    assert await count_given(shop, account_id) == 0
    async with shop.runtime.store.read() as tx:
        still_open = select(func.count()).where(MutedStep.closed_at.is_(None))  # type: ignore[union-attr]
        assert (await tx.execute(still_open)).scalar_one() == 0
    for balance in (10, 1010):
        change(shop, account_id, balance)
        await hear(shop, account_id)
    assert await count_given(shop, account_id) == 1


@pytest.mark.parametrize("point", POINTS)
async def test_after_a_death_at_any_step_it_is_booked_once_and_reaches_nothing(
    shop: Giving, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reach(name: str, kind: str = "") -> None:
        if (name, kind) == (point, "adjust"):
            monkeypatch.setattr(POINTS[point], "reach", lambda *_: None)
            raise DiedError

    monkeypatch.setattr(POINTS[point], "reach", reach)
    async with shop.started():
        account_id = await bring(shop)
        with suppress(DiedError, MilestonesError):
            async with asyncio.timeout(20):
                await shop.runtime.engine.drain(shop.site_id)
        await shop._wix_has_done_what_it_began()
        await hear(shop, account_id)
    async with shop.started():
        await hear(shop, account_id)
        await assert_moved_in(shop, account_id)


@pytest.mark.parametrize(
    "loss",
    [
        loss if loss == "connection dropped after" else pytest.param(loss, marks=pytest.mark.rare)
        for loss in LOSSES
    ],
)
async def test_a_lost_answer_leaves_undecided_what_may_be_ours(shop: Giving, loss: Any) -> None:
    async with shop.started():
        shop.fault("POST", "^/loyalty-accounts/v1/accounts/[^/]+/adjust-points$", LOSSES[loss])
        account_id = await bring(shop)
        await shop.runtime.engine.drain(shop.site_id)
        await shop._wix_has_done_what_it_began()
        await hear(shop, account_id)
        await close_all(shop.runtime.store, shop.runtime.rules, shop.runtime.tell, shop.clock())
        assert await count_given(shop, account_id) == 0
        await assert_moved_in(shop, account_id)
