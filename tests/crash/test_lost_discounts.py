"""A discount whose answer is lost, in every way and under every answer to what nobody could verify: applied once."""

from pathlib import Path
from typing import Any

import pytest

from milestones.domain.order import OrderSource, Person
from milestones.kinds.discount.payload import ApplyDiscount
from milestones.pipeline.orders import Asking, place
from milestones.store.tables import Action
from milestones.store.views.lookup import Which, list_actions
from tests.crash.giving import Giving, dying_in, giving
from tests.crash.test_lost_answers import LOSSES
from tests.crash.test_lost_redemptions import COST, RARELY, customer
from wixsandbox import ledger, redemption
from wixsandbox.faults import Fault
from wixsandbox.records import Account
from wixsandbox.wire import Document

pytestmark = pytest.mark.usefixtures("impatient")

APPLY = ("POST", "^/loyalty-checkout-exchange/v1/loyalty-checkout-discount$")
SHOWN = ("POST", "/loyalty-checkout-exchange/v1/loyalty-checkout-discounts/query")
REWARD = ("GET", "^/loyalty-rewards/v1/rewards/[^/]+$")


def checkout(shop: Giving, account: Account) -> str:
    number = shop.books.new_id("checkout")
    shop.books.checkouts.put({"id": number, "accountId": account.id})
    return number


def reward(shop: Giving, kind: str = "DISCOUNT_AMOUNT") -> Document:
    return next(one for one in shop.books.rewards if one["type"] == kind)


async def order(shop: Giving, account: Account, request: ApplyDiscount, key: str = "key") -> None:
    asking = Asking(shop.site_id, OrderSource.CLI, key, Person(account_id=account.id), request)
    await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())


def of_reward(shop: Giving, at: str, kind: str = "DISCOUNT_AMOUNT", **more: Any) -> ApplyDiscount:
    found = reward(shop, kind)
    return ApplyDiscount(at, found["name"], reward_id=found["id"], **more)


def of_coupon(shop: Giving, account: Account, at: str) -> ApplyDiscount:
    """A loyalty coupon that is paid for."""
    world = shop.books
    coupon = redemption.redeem(
        world, ledger.the_account(world, account.id), reward(shop, "COUPON_REWARD")["id"], None
    )
    active = {**coupon, "status": "ACTIVE", "revision": "2"}
    world.loyalty_coupons.put(active)
    return ApplyDiscount(at, coupon["rewardName"], coupon_id=coupon["id"])


async def the_actions(shop: Giving) -> list[Action]:
    async with shop.runtime.store.read() as tx:
        return sorted(await list_actions(tx, Which(kind="discount")), key=lambda one: one.id or 0)


async def the_action(shop: Giving) -> Action:
    """The last that was ordered."""
    return (await the_actions(shop))[-1]


def applied(shop: Giving) -> list[str]:
    return [one["id"] for one in shop.books.discounts]


def spent(shop: Giving, account: Account) -> int:
    return 5000 - ledger.the_account(shop.books, account.id).balance


async def test_a_lost_answer_doubles_nothing_and_leaves_nothing_out(shop: Giving) -> None:
    async with shop.started():
        for number, (loss, fault) in enumerate(LOSSES.items(), start=1):
            account = await customer(shop)
            shop.fault(*APPLY, fault)
            await order(shop, account, of_reward(shop, checkout(shop, account)), f"key-{number}")
            await shop.finish()
            action = await the_action(shop)
            assert (action.state, len(applied(shop))) == ("done", number), loss
            assert action.result is not None
            assert action.result["points"] == spent(shop, account) > 0, loss


async def test_answers_that_are_lost_again_and_again_double_nothing(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        for loss in ("500 before", "connection dropped before", "connection dropped after"):
            shop.fault(*APPLY, LOSSES[loss])
        shop.fault(*SHOWN, Fault(effect="status", status=500, times=4, skip=1))
        shop.fault(*REWARD, Fault(effect="drop_after", times=3))
        await order(shop, account, of_reward(shop, checkout(shop, account)))
        await shop.finish()
        assert ((await the_action(shop)).state, len(applied(shop))) == ("done", 1)


@pytest.mark.parametrize("repeated", ["kept", *map(RARELY, ("already_exists", "existing"))])
async def test_whatever_wix_says_to_a_second_one_it_is_applied_once(tmp_path: Path, repeated: str) -> None:
    async with giving(tmp_path, repeated_discount=repeated) as shop, shop.started():
        account = await customer(shop)
        at = [checkout(shop, account) for _ in range(3)]
        requests = [
            of_reward(shop, at[0], points=250),
            of_reward(shop, at[1], "COUPON_REWARD"),
            of_coupon(shop, account, at[2]),
        ]
        for number, request in enumerate(requests, start=1):
            shop.fault(*APPLY, LOSSES["connection dropped after"])
            await order(shop, account, request, f"first-{number}")
            await order(shop, account, request, f"second-{number}")
            await shop.finish()
            first, second = (await the_actions(shop))[-2:]
            assert (first.state, second.state, len(applied(shop))) == ("done", "discarded", number)
            assert "is on this checkout already" in (second.error or "")
        assert spent(shop, account) == 250 + COST


async def test_after_a_death_in_the_effect_nothing_is_doubled_while_queries_lag(
    shop: Giving,
) -> None:
    async with shop.started():
        account = await customer(shop)
        await order(shop, account, of_reward(shop, checkout(shop, account)))
        with dying_in("discount"):
            await shop.finish()
    async with shop.started():
        await shop.finish()
        assert ((await the_action(shop)).state, len(applied(shop))) == ("done", 1)


@pytest.mark.parametrize("status", [409, 412, *map(RARELY, (400, 428))])
async def test_a_reward_that_changed_meanwhile_is_read_anew_in_whatever_words_wix_says_it(
    tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with giving(tmp_path, stale_checkout_status=status) as shop, shop.started():
        account = await customer(shop)
        channel = shop.runtime.assembly.parts(shop.site_id).work.channels["discount"]
        real = type(channel)._apply  # type: ignore[attr-defined]

        # Between the look and the act, somebody edits it.
        async def raced(*arguments: Any) -> Any:
            monkeypatch.undo()
            found = reward(shop)
            shop.books.rewards.put({**found, "revision": str(int(found["revision"]) + 1)})
            return await real(*arguments)

        monkeypatch.setattr(type(channel), "_apply", raced)
        await order(shop, account, of_reward(shop, checkout(shop, account)))
        await shop.finish()
        assert ((await the_action(shop)).state, len(applied(shop))) == ("done", 1)


@pytest.mark.parametrize("status", [404, 428, RARELY(400)])
async def test_a_checkout_that_there_is_not_is_a_sentence(tmp_path: Path, status: int) -> None:
    async with giving(tmp_path, unknown_checkout_status=status) as shop, shop.started():
        account = await customer(shop)
        await order(shop, account, of_reward(shop, "0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42"))
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, applied(shop), spent(shop, account)) == ("discarded", [], 0)
        assert "knows no checkout 0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42" in (action.error or "")


async def test_while_the_program_is_paused_nothing_is_sent_and_nothing_is_lost(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        shop.books.program["status"] = "PAUSED"
        await order(shop, account, of_reward(shop, checkout(shop, account)))
        await shop.runtime.engine.drain(shop.site_id)
        action = await the_action(shop)
        assert (action.state, action.verdict, applied(shop)) == ("available", "program_not_active", [])
        shop.books.program["status"] = "ACTIVE"
        await shop.finish()
        assert len(applied(shop)) == 1
