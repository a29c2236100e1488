"""A person at the till of a house: points are redeemed, and spent at a checkout."""

from contextlib import suppress
from typing import Any

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.models.rewards import DiscountCheckout, RedeemForAccount
from tests.crash.house import House


async def redeem(house: House) -> None:
    """A person redeems points for a coupon, and does not wait for it."""
    account = house.strangers[0].account
    await house.shop.adjust(account, 890)
    await _buy(
        house, RedeemForAccount(account=account, reward=await _reward(house, "COUPON_REWARD"), **_key(house))
    )


async def spend(house: House) -> None:
    """A person spends points at a checkout that was not paid for yet."""
    taken = {one.checkout for one in house.bought if isinstance(one, DiscountCheckout)}
    checkouts = (await house.shop.state("checkouts"))["checkouts"]
    at, account = next((one["id"], one["accountId"]) for one in checkouts if one["id"] not in taken)
    await house.shop.adjust(account, 890)
    reward = await _reward(house, "DISCOUNT_AMOUNT")
    await _buy(house, DiscountCheckout(checkout=at, reward=reward, account=account, points=1, **_key(house)))


async def _buy(house: House, order: RedeemForAccount | DiscountCheckout) -> None:
    house.bought.append(order)
    with suppress(RefusedError, NotRunningError):
        await bought_again(house)


async def bought_again(house: House) -> None:
    """Whoever was not answered asks again, with the same key."""
    await ask(house.daemon.folder / "milestones.sock", house.bought[-1])


def _key(house: House) -> dict[str, Any]:
    return {"key": f"bought-{len(house.bought)}", "wait": 0}


async def _reward(house: House, kind: str) -> str:
    rewards = (await house.shop.state("rewards"))["rewards"]
    return str(next(one["id"] for one in rewards if one["type"] == kind))


async def assert_redeemed_once(house: House) -> None:
    """By the sandbox's books, each redemption made one coupon; those that only a person can tell are shown."""
    await house.settled()
    states = [row[0] for row in house.daemon.query("SELECT state FROM actions WHERE kind = 'redemption'")]
    assert states.count("unknown") == house.untold
    assert len(states) == sum(isinstance(one, RedeemForAccount) for one in house.bought)
    account = house.strangers[0].account
    coupons = (await house.shop.state("loyalty_coupons"))["loyalty_coupons"]
    made = [one["status"] for one in coupons if one["accountId"] == account and not one["refundable"]]
    assert made == ["ACTIVE"] * states.count("done")


async def assert_spent_once(house: House) -> None:
    """By the sandbox's books, each checkout that was bought for has one discount."""
    await house.settled()
    discounts = (await house.shop.state("checkout_discounts"))["checkout_discounts"]
    had = sorted(one["checkoutId"] for one in discounts)
    assert had == sorted(one.checkout for one in house.bought if isinstance(one, DiscountCheckout))
