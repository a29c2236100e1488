"""Rules, tiers, rewards, redemptions, checkout and imports over HTTP against the simulated Wix."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import httpx
import pytest

from milestones.wix import (
    accounts,
    checkout,
    coupons,
    earning_rules,
    imports,
    loyalty_coupons,
    programs,
    rewards,
    tiers,
)
from milestones.wix.account import Account
from milestones.wix.earning_rules import EarningRule, FixedAmount, FixedConfig, RuleStatus
from milestones.wix.errors import WixConflictError, WixNotFoundError, WixPreconditionError, WixRefusedError
from milestones.wix.imports import ImportStatus
from milestones.wix.loyalty_coupons import LoyaltyCouponStatus
from milestones.wix.rewards import (
    CouponConfig,
    CouponKind,
    CouponReward,
    DiscountAmount,
    DiscountConfig,
    Reward,
    RewardScope,
    RewardType,
)
from milestones.wix.tiers import Tier, TierDefinition, TiersStatus
from milestones.wix.transport import WixClient
from wixsandbox.server import RunningSandbox

T = TypeVar("T")


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def until(look: Callable[[], Awaitable[T]], settled: Callable[[T], bool]) -> T:
    """Looks until what it sees has settled, 60 s at most."""
    deadline = time.monotonic() + 60
    while not settled(seen := await look()):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.02)
    return seen


async def a_rich_account(client: WixClient) -> Account:
    account = (await accounts.query(client)).items[0]
    await accounts.adjust(client, account.id, balance=5000, description="a present")
    return await accounts.get(client, account.id)


def a_coupon_reward() -> Reward:
    percent = CouponKind(configs_by_tier=(CouponConfig(cost_in_points=100, percentage=10),))
    coupon = CouponReward(percentage=percent, scope=RewardScope(namespace="stores"))
    return Reward(name="10% off", type=RewardType.COUPON_REWARD, active=True, coupon_reward=coupon)


def a_discount() -> Reward:
    configs = (DiscountConfig(cost_in_points=100, amount=Decimal("2.50")),)
    discount = DiscountAmount(configs_by_tier=configs)
    return Reward(name="Money off", type=RewardType.DISCOUNT_AMOUNT, active=True, discount_amount=discount)


async def test_a_program_without_name_is_not_activated_and_says_why(
    shop: RunningSandbox, client: WixClient
) -> None:
    shop.sandbox.world.program.pop("name", None)
    with pytest.raises(WixRefusedError, match="programName"):
        await programs.activate(client)


async def test_rules_are_made_changed_and_removed(client: WixClient) -> None:
    rule = EarningRule(
        title="Order",
        trigger_app_id="13d21c63-b5ec-5912-8397-c3a5ddb27a97",
        trigger_activity_type="bookings/BookingConfirmed",
        status=RuleStatus.ACTIVE,
        fixed_amount=FixedAmount(configs=(FixedConfig(points=50),)),
    )
    made = await earning_rules.create(client, rule)
    assert await earning_rules.get(client, made.id) == made
    assert made.id in {found.id for found in await earning_rules.list_all(client)}
    changed = await earning_rules.update(client, made.model_copy(update={"title": "Every order"}))
    assert (changed.title, changed.revision) == ("Every order", made.revision + 1)
    assert changed.fixed_amount == made.fixed_amount
    with pytest.raises(WixConflictError):
        await earning_rules.update(client, made)
    with pytest.raises(WixConflictError):
        await earning_rules.delete(client, made)
    await earning_rules.delete(client, changed)
    with pytest.raises(WixNotFoundError):
        await earning_rules.get(client, made.id)


async def test_a_custom_rule_is_made_and_removed(client: WixClient) -> None:
    birthday = EarningRule(title="Birthday", fixed_amount=FixedAmount(configs=(FixedConfig(points=100),)))
    made = await earning_rules.create_custom(client, "BIRTHDAY", birthday)
    assert made.id in {rule.id for rule in await earning_rules.list_all(client)}
    await earning_rules.delete_automated(client, made.id)
    assert made.id not in {rule.id for rule in await earning_rules.list_all(client)}


async def test_tiers_are_made_changed_and_removed(shop: RunningSandbox, client: WixClient) -> None:
    wanted = Tier(tier_definition=TierDefinition(name="Platinum"), required_points=77_777)
    made = await tiers.create(client, wanted)
    with pytest.raises((WixConflictError, WixRefusedError)) as caught:
        await tiers.create(client, wanted)
    assert tiers.already_exists(caught.value)
    changed = await tiers.update(client, made.model_copy(update={"required_points": 88_888}))
    assert (await tiers.get(client, made.id)).required_points == 88_888
    with pytest.raises(WixConflictError):
        await tiers.delete(client, made)
    assert made.id in {tier.id for tier in await tiers.list_all(client)}
    await tiers.delete(client, changed)
    assert made.id not in {tier.id for tier in await tiers.list_all(client)}
    shop.sandbox.switch(shop.sandbox.world.switches.model_copy(update={"paid_plan": False}))
    with pytest.raises(WixPreconditionError):
        await tiers.create(client, wanted)


async def test_tier_settings_are_switched_and_keep_the_rest(client: WixClient) -> None:
    found, settings = await tiers.program(client)
    assert found == await tiers.list_all(client)
    paused = await tiers.update_settings(client, settings.model_copy(update={"status": TiersStatus.PAUSED}))
    assert await tiers.settings(client) == paused
    assert paused.rolling_window == settings.rolling_window
    with pytest.raises(WixConflictError):
        await tiers.update_settings(client, settings)


async def test_rewards_are_made_changed_and_removed(client: WixClient) -> None:
    for wanted in (a_discount(), a_coupon_reward()):
        made = await rewards.create(client, wanted)
        assert await rewards.get(client, made.id) == made
        assert (made.discount_amount, made.type) == (wanted.discount_amount, wanted.type)
        changed = await rewards.update(client, made.model_copy(update={"active": False}))
        assert not changed.active
        assert changed.coupon_reward == made.coupon_reward
        with pytest.raises(WixConflictError):
            await rewards.delete(client, made)
        pages = [page async for page in rewards.query_all(client)]
        assert made.id in {reward.id for page in pages for reward in page.items}
        await rewards.delete(client, changed)


@pytest.mark.parametrize("outcome", ["ACTIVE", "FAILED"])
async def test_points_are_redeemed_for_a_coupon_that_is_pending_first(
    shop: RunningSandbox, client: WixClient, outcome: str
) -> None:
    shop.sandbox.switch(shop.sandbox.world.switches.model_copy(update={"redeem_outcome": outcome}))
    account, reward = await a_rich_account(client), await rewards.create(client, a_coupon_reward())
    began = datetime.now(UTC) - timedelta(seconds=1)
    redeemed = await loyalty_coupons.redeem(client, reward.id, account.id)
    assert redeemed.status is LoyaltyCouponStatus.PENDING
    settled = await until(
        lambda: loyalty_coupons.get(client, redeemed.id),
        lambda coupon: coupon.status is not LoyaltyCouponStatus.PENDING,
    )
    assert settled.status.value == outcome
    where = loyalty_coupons.redemptions_since(account.id, began)
    found = [coupon async for page in loyalty_coupons.query_all(client, where) for coupon in page.items]
    assert [coupon.id for coupon in found] == [redeemed.id]
    assert found[0].reward_name == reward.name
    if outcome == "ACTIVE":
        assert settled.coupon_reference.code is not None
        assert await coupons.find_by_code(client, settled.coupon_reference.code) is not None
    await loyalty_coupons.delete(client, settled)


async def test_points_that_are_not_there_buy_nothing(client: WixClient) -> None:
    account, reward = await a_rich_account(client), await rewards.create(client, a_coupon_reward())
    await accounts.adjust(client, account.id, balance=0, description="gone")
    with pytest.raises((WixConflictError, WixRefusedError)):
        await loyalty_coupons.redeem(client, reward.id, account.id)


async def test_a_checkout_is_discounted_by_points(shop: RunningSandbox, client: WixClient) -> None:
    at = next(iter(shop.sandbox.world.checkouts))
    await accounts.adjust(client, at["accountId"], balance=5000, description="a present")
    reward = await rewards.create(client, a_discount())
    applied = await checkout.apply_reward(
        client, at["id"], reward.id, revision=reward.revision, points_to_spend=100
    )
    assert (applied.checkout_id, applied.reward_id) == (at["id"], reward.id)
    assert [found.id for found in (await checkout.query(client, {"checkoutId": at["id"]})).items] == [
        applied.id
    ]
    assert (await accounts.get(client, at["accountId"])).points.balance == 4900


async def test_a_checkout_is_discounted_by_a_redeemed_coupon(shop: RunningSandbox, client: WixClient) -> None:
    at, reward = next(iter(shop.sandbox.world.checkouts)), await rewards.create(client, a_coupon_reward())
    await accounts.adjust(client, at["accountId"], balance=5000, description="a present")
    redeemed = await loyalty_coupons.redeem(client, reward.id, at["accountId"])
    active = await until(
        lambda: loyalty_coupons.get(client, redeemed.id),
        lambda coupon: coupon.status is LoyaltyCouponStatus.ACTIVE,
    )
    applied = await checkout.apply_coupon(client, at["id"], active.id, revision=active.revision)
    assert applied.loyalty_coupon_id == active.id


async def test_a_file_is_imported(http: httpx.AsyncClient, client: WixClient) -> None:
    account = (await accounts.query(client)).items[0]
    file = f"mail;points\n{account.contact.email};1234\nnobody@nowhere.example;5\n".replace(";", ",").encode()
    place = await imports.upload_place(client)
    (await http.put(place.upload_url, content=file)).raise_for_status()
    made = await imports.create(client, place.file_path, file_name="points.csv", file_size=len(file))
    parsed = await until(
        lambda: imports.get(client, made.id),
        lambda one: one.status in {ImportStatus.PARSED, ImportStatus.FAILED},
    )
    assert parsed.status is ImportStatus.PARSED
    await imports.execute(client, made.id, email_column=0, points_column=1)
    done = await until(
        lambda: imports.get(client, made.id),
        lambda one: one.status in {ImportStatus.IMPORTED, ImportStatus.FAILED},
    )
    assert done.status is ImportStatus.IMPORTED
    assert done.import_result is not None
    assert done.import_result.success_count >= 1
    assert (await accounts.get(client, account.id)).points.balance == 1234
    assert [one.id for one in (await imports.query(client)).items] == [made.id]
    assert (await imports.error_file_url(client, made.id)).startswith("http")
