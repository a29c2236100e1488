from dataclasses import replace
from typing import Any

import pytest

from tests.wixsandbox.builders import Shop
from wixsandbox.records import Account

ROOT = "/loyalty-coupons/v1/coupons"
EXCHANGE = "/loyalty-checkout-exchange/v1"
GUID = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"


def rich(shop: Shop) -> Account:
    """A customer of the base tier with enough for the cheapest coupon and nothing besides."""
    world = shop.sandbox.world
    account = shop.account(lambda one: 500 <= one.balance < 1000 and one.tier_id is None)
    return world.accounts.put(
        replace(account, balance=520, redeemed=account.redeemed + account.balance - 520)
    )


def reward_id(shop: Shop, name: str = "5 off your order") -> str:
    return next(str(one["id"]) for one in shop.sandbox.world.rewards if one["name"] == name)


async def redeem(shop: Shop, account: Account) -> dict[str, Any]:
    body = {"rewardId": reward_id(shop), "loyaltyAccountId": account.id}
    coupon: dict[str, Any] = (await shop.post(ROOT, body))["coupon"]
    return coupon


def settle(shop: Shop) -> None:
    shop.clock.pass_(3)
    shop.sandbox.advance()


async def test_a_redemption_is_pending_first_and_active_later(shop: Shop) -> None:
    account = rich(shop)
    coupon = await redeem(shop, account)
    assert coupon["status"] == "PENDING"
    assert "transactionId" not in coupon
    assert coupon["couponReference"]["specification"]["type"] == "MONEY_OFF_AMOUNT"
    assert shop.told() == ["wix.ecommerce.coupons.v2.coupon_created", "wix.loyalty.v1.coupon_created"]
    settle(shop)
    later = (await shop.get(f"{ROOT}/{coupon['id']}"))["loyaltyCoupon"]
    assert (later["status"], later["revision"]) == ("ACTIVE", "2")
    assert shop.told() == [
        "wix.loyalty.v1.account_points_updated",
        "wix.loyalty.v1.account_updated",
        "wix.loyalty.v1.account_reward_availability_updated",
    ]
    after = shop.sandbox.world.accounts.get(account.id)
    assert after is not None
    assert after.balance == account.balance - 500
    path = f"/loyalty-transactions/v1/loyalty-transactions/{later['transactionId']}"
    transaction = (await shop.get(path))["loyaltyTransaction"]
    assert transaction["transactionType"] == "REDEEM"
    assert transaction["redeemInfo"]["referenceEntityId"] == coupon["id"]


async def test_the_wix_coupon_of_a_redemption_is_real(shop: Shop) -> None:
    coupon = await redeem(shop, rich(shop))
    found = (await shop.get(f"/stores/v2/coupons/{coupon['couponReference']['couponId']}"))["coupon"]
    assert found["specification"]["code"] == coupon["couponReference"]["code"]
    assert found["specification"]["moneyOffAmount"] == 5.0
    assert found["specification"]["minimumSubtotal"] == 20.0


async def test_a_failed_redemption_may_or_may_not_take_the_points(shop: Shop) -> None:
    shop.switch(redeem_outcome="FAILED")
    account = rich(shop)
    coupon = await redeem(shop, account)
    settle(shop)
    assert (await shop.get(f"{ROOT}/{coupon['id']}"))["loyaltyCoupon"]["status"] == "FAILED"
    assert shop.sandbox.world.accounts.get(account.id) == account
    shop.switch(failed_redemption_takes_points=True)
    await redeem(shop, account)
    settle(shop)
    after = shop.sandbox.world.accounts.get(account.id)
    assert after is not None
    assert after.balance == account.balance - 500


async def test_of_two_redemptions_that_the_balance_cannot_pay_the_second_fails(shop: Shop) -> None:
    account = rich(shop)
    first, second = await redeem(shop, account), await redeem(shop, account)
    settle(shop)
    statuses = [(await shop.get(f"{ROOT}/{one['id']}"))["loyaltyCoupon"]["status"] for one in (first, second)]
    assert statuses == ["ACTIVE", "FAILED"]


async def test_what_cannot_be_redeemed_is_refused(shop: Shop) -> None:
    poor = shop.account(lambda one: one.balance < 500)
    body = {"rewardId": reward_id(shop), "loyaltyAccountId": poor.id}
    assert await shop.refused(ROOT, body, status=428) == "FAILED_PRECONDITION"
    body = {"rewardId": reward_id(shop, "Points for money"), "loyaltyAccountId": rich(shop).id}
    assert await shop.refused(ROOT, body, status=428) == "FAILED_PRECONDITION"
    body = {"rewardId": GUID, "loyaltyAccountId": rich(shop).id}
    assert await shop.refused(ROOT, body, status=404) == "NOT_FOUND"
    assert await shop.violated(ROOT, {}) == ["rewardId", "loyaltyAccountId"]


async def test_loyalty_coupons_are_found_by_account_and_date_in_both_ways_of_paging(shop: Shop) -> None:
    account = rich(shop)
    coupon = await redeem(shop, account)
    filter_ = {"accountId": account.id, "createdDate": {"$gte": coupon["createdDate"]}}
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": filter_}})
    assert [one["id"] for one in answer["loyaltyCoupons"]] == [coupon["id"]]
    assert "pagingMetadata" not in answer
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": filter_, "paging": {"limit": 10}}})
    assert answer["metadata"] == {"count": 1, "offset": 0, "total": 1, "tooManyToCount": False}
    both = {"paging": {"limit": 1}, "cursorPaging": {"limit": 1}}
    assert await shop.violated(f"{ROOT}/query", {"query": both})
    assert await shop.violated(f"{ROOT}/query", {}) == ["query"]


async def test_deleting_a_loyalty_coupon_leaves_the_wix_coupon(shop: Shop) -> None:
    coupon = await redeem(shop, rich(shop))
    await shop.call("DELETE", f"{ROOT}/{coupon['id']}", status=400)
    await shop.call("DELETE", f"{ROOT}/{coupon['id']}", status=409, revision="9")
    await shop.call("DELETE", f"{ROOT}/{coupon['id']}", revision="1")
    await shop.get(f"/stores/v2/coupons/{coupon['couponReference']['couponId']}")
    settle(shop)


async def test_a_loyalty_coupon_is_archived_with_its_wix_coupon(shop: Shop) -> None:
    account = rich(shop)
    coupon = await redeem(shop, account)
    await shop.call("DELETE", f"/stores/v2/coupons/{coupon['couponReference']['couponId']}")
    settle(shop)
    archived = (await shop.get(f"{ROOT}/{coupon['id']}"))["loyaltyCoupon"]
    assert (archived["status"], archived["revision"]) == ("ARCHIVED", "2")
    assert archived["couponReference"]["deleted"] is True
    assert shop.sandbox.world.accounts.get(account.id) == account


def checkout(shop: Shop, account: Account) -> str:
    shop.sandbox.world.checkouts.put({"id": GUID, "accountId": account.id})
    return GUID


async def test_a_flexible_reward_is_spent_at_the_checkout(shop: Shop) -> None:
    account = rich(shop)
    wanted = {"id": reward_id(shop, "Points for money"), "pointsToSpend": 200, "revision": "1"}
    body = {"checkoutId": checkout(shop, account), "reward": wanted}
    discount = (await shop.post(f"{EXCHANGE}/loyalty-checkout-discount", body))["discount"]
    assert discount["discountType"] == "DISCOUNT_AMOUNT"
    assert discount["status"] == "APPLIED"
    after = shop.sandbox.world.accounts.get(account.id)
    assert after is not None
    assert after.balance == account.balance - 200
    query = {"query": {"filter": {"checkoutId": GUID}}}
    answer = await shop.post(f"{EXCHANGE}/loyalty-checkout-discounts/query", query)
    assert answer["loyaltyCheckoutDiscounts"] == [discount]
    stale = {**body, "reward": {**wanted, "revision": "2"}}
    assert (
        await shop.refused(f"{EXCHANGE}/loyalty-checkout-discount", stale, status=409) == "INVALID_REVISION"
    )


async def test_a_coupon_reward_at_the_checkout_makes_a_refundable_coupon(shop: Shop) -> None:
    body = {"checkoutId": checkout(shop, rich(shop)), "reward": {"id": reward_id(shop)}}
    discount = (await shop.post(f"{EXCHANGE}/loyalty-checkout-discount", body))["discount"]
    assert discount["discountType"] == "COUPON_REWARD"
    (coupon,) = shop.sandbox.world.loyalty_coupons
    assert (coupon["status"], coupon["refundable"]) == ("APPLIED", True)


async def test_a_loyalty_coupon_is_applied_once_it_is_active(shop: Shop) -> None:
    account = rich(shop)
    coupon = await redeem(shop, account)
    body = {"checkoutId": checkout(shop, account), "loyaltyCoupon": {"id": coupon["id"]}}
    path = f"{EXCHANGE}/loyalty-checkout-discount"
    assert await shop.refused(path, body, status=428) == "FAILED_PRECONDITION"
    settle(shop)
    assert (await shop.post(path, body))["discount"]["discountType"] == "LOYALTY_COUPON"
    assert (await shop.get(f"{ROOT}/{coupon['id']}"))["loyaltyCoupon"]["status"] == "APPLIED"


@pytest.mark.parametrize(
    "body",
    [
        {"checkoutId": GUID},
        {"checkoutId": "x", "reward": {"id": GUID}},
        {"checkoutId": GUID, "reward": {"id": GUID}, "loyaltyCoupon": {"id": GUID}},
        {"checkoutId": GUID, "reward": {"id": GUID, "pointsToSpend": 0}},
    ],
)
async def test_a_discount_is_exactly_one_thing(shop: Shop, body: dict[str, Any]) -> None:
    assert await shop.violated(f"{EXCHANGE}/loyalty-checkout-discount", body)
