"""The program and what belongs to it: rules, tiers, rewards, redemptions, checkout, imports."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from milestones.wix import checkout, earning_rules, imports, loyalty_coupons, programs, rewards, tiers
from milestones.wix.earning_rules import EarningRule, FixedAmount, FixedConfig
from milestones.wix.errors import WixConflictError, WixPreconditionError, WixRefusedError, WixUnavailableError
from milestones.wix.loyalty_coupons import LoyaltyCouponStatus
from milestones.wix.programs import ExpirationStatus, ProgramStatus
from milestones.wix.rewards import DiscountAmount, DiscountConfig, Reward, RewardType
from milestones.wix.tiers import Tier, TierDefinition
from tests.wix.fakes import FakeWix


async def test_the_program_is_read_with_the_word_for_a_point(wix: FakeWix) -> None:
    wix.answers(
        {"loyaltyProgram": {"name": "Stars", "status": "ACTIVE", "pointsExpiration": {"status": "DISABLED"}}}
    )
    program = await programs.get(wix.client())
    assert (program.status, program.points_name) == (ProgramStatus.ACTIVE, "Points")
    assert program.points_expiration.status is ExpirationStatus.DISABLED


async def test_only_what_is_given_is_changed_in_the_program(wix: FakeWix) -> None:
    wix.answers({"loyaltyProgram": {"status": "DRAFT"}})
    await programs.update(wix.client(), name="Stars", points_name="Star", months_of_inactivity=6)
    assert wix.body() == {
        "loyaltyProgram": {
            "name": "Stars",
            "pointDefinition": {"customName": "Star"},
            "pointsExpiration": {"monthsOfInactivity": 6},
        }
    }


@pytest.mark.parametrize(
    ("switch", "path"),
    [
        (programs.activate, "/activate"),
        (programs.pause, "/pause"),
        (programs.enable_points_expiration, "/points-expiration/enable"),
        (programs.disable_points_expiration, "/points-expiration/disable"),
    ],
)
async def test_the_program_is_switched(wix: FakeWix, switch: Any, path: str) -> None:
    wix.answers({"loyaltyProgram": {"status": "PAUSED"}})
    await switch(wix.client())
    assert wix.requests[0].url.path == "/loyalty-programs/v1/program" + path
    assert wix.body() == {}


async def test_a_program_without_a_name_is_not_activated(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    wix.answers(refusal(400, fields=["programName"], rule="REQUIRED"))
    with pytest.raises(WixRefusedError, match="programName"):
        await programs.activate(wix.client())


async def test_the_plan_says_what_it_allows(wix: FakeWix) -> None:
    wix.answers({"tiers": True, "loyaltyProgram": True})
    features = await programs.premium_features(wix.client())
    assert (features.loyalty_program, features.tiers, features.points_expiration) == (True, True, False)


async def test_a_rule_is_made_without_what_wix_writes(wix: FakeWix) -> None:
    wix.answers({"earningRule": {"id": "r", "revision": "1", "title": "Review"}})
    configs = (FixedConfig(points=50), FixedConfig(tier_id="t", points=75))
    rule = EarningRule(
        title="Review",
        trigger_app_id="app",
        trigger_activity_type="stores/OrderPaid",
        fixed_amount=FixedAmount(configs=configs),
    )
    made = await earning_rules.create(wix.client(), rule)
    assert (made.id, made.revision) == ("r", 1)
    assert wix.requests[0].url.path == "/_api/loyalty-earning-rules/v1/earning-rules"
    assert wix.body()["earningRule"]["fixedAmount"] == {
        "configs": [{"points": 50}, {"tierId": "t", "points": 75}]
    }
    assert not {"id", "revision", "metadata", "createdDate"} & set(wix.body()["earningRule"])


async def test_a_rule_that_is_written_back_keeps_what_we_do_not_know(wix: FakeWix) -> None:
    kept = {
        "id": "r",
        "revision": "4",
        "title": "Order",
        "triggerFilters": [],
        "conversionRate": {"field": "total", "x": 1},
    }
    wix.answers({"earningRules": [kept]})
    (rule,) = await earning_rules.list_all(wix.client(), trigger_app_id="app")
    assert wix.requests[0].url.raw_path.endswith(b"/earning-rules/rules?triggerAppId=app")
    wix.answers({"earningRule": kept})
    await earning_rules.update(wix.client(), rule.model_copy(update={"title": "Orders"}))
    assert (wix.requests[-1].method, wix.requests[-1].url.path.rsplit("/", 1)[-1]) == ("PUT", "r")
    sent = wix.body()["earningRule"]
    assert (sent["title"], sent["revision"], sent["triggerFilters"]) == ("Orders", "4", [])
    assert sent["conversionRate"]["x"] == 1


async def test_a_list_that_is_compared_as_a_whole_is_read_whole_or_not_at_all(wix: FakeWix) -> None:
    wix.answers({"tiers": [{"id": "t"}, {"id": "u", "requiredPoints": "many"}]})
    with pytest.raises(WixUnavailableError, match="1 of tiers"):
        await tiers.list_all(wix.client())


async def test_a_custom_rule_sends_title_and_points_alone(wix: FakeWix) -> None:
    wix.answers({"earningRule": {"id": "r"}})
    rule = EarningRule(title="Birthday", fixed_amount=FixedAmount(configs=(FixedConfig(points=100),)))
    await earning_rules.create_custom(wix.client(), "BIRTHDAY", rule)
    points = {"configs": [{"points": 100}]}
    assert wix.body() == {"type": "BIRTHDAY", "earningRule": {"title": "Birthday", "fixedAmount": points}}


async def test_things_are_deleted_on_condition_of_their_revision(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    await earning_rules.delete(wix.client(), EarningRule(id="r", revision=7))
    await tiers.delete(wix.client(), Tier(id="t", revision=8))
    await rewards.delete(wix.client(), Reward(id="w", revision=9))
    assert [request.url.params["revision"] for request in wix.requests] == ["7", "8", "9"]
    wix.answers(refusal(409, "INVALID_REVISION"))
    with pytest.raises(WixConflictError):
        await tiers.delete(wix.client(), Tier(id="t", revision=8))
    await_path = "/_api/loyalty-earning-rules/v1/automation-earning-rules/x"
    wix.answers({})
    await earning_rules.delete_automated(wix.client(), "x")
    assert wix.requests[-1].url.path == await_path


async def test_tiers_need_a_plan(wix: FakeWix, refusal: Callable[..., httpx.Response]) -> None:
    wix.answers(refusal(428, "BASIC_TIERS_LIMIT_REACHED"))
    tier = Tier(tier_definition=TierDefinition(name="Gold"), required_points=1000)
    with pytest.raises(WixPreconditionError, match="paid plan") as caught:
        await tiers.create(wix.client(), tier)
    assert caught.value.permanent
    assert wix.body() == {"tier": {"tierDefinition": {"name": "Gold"}, "requiredPoints": 1000}}


async def test_tier_settings_are_written_whole(wix: FakeWix) -> None:
    kept = {
        "status": "DRAFT",
        "revision": "2",
        "rollingWindow": {"durationInMonths": 12},
        "baseTierDefinition": {"name": "All", "icon": "i"},
    }
    wix.answers({"programSettings": kept, "tiers": [{"id": "t", "revision": "1"}]})
    found, settings = await tiers.program(wix.client())
    assert found[0].id == "t"
    await tiers.update_settings(
        wix.client(), settings.model_copy(update={"status": tiers.TiersStatus.ACTIVE})
    )
    assert wix.body() == {"programSettings": {**kept, "status": "ACTIVE"}}


async def test_the_money_of_a_reward_is_text(wix: FakeWix) -> None:
    wix.answers({"reward": {"id": "w", "revision": "1", "type": "DISCOUNT_AMOUNT"}})
    configs = (DiscountConfig(cost_in_points=100, amount=Decimal("2.50")),)
    discount = DiscountAmount(configs_by_tier=configs)
    await rewards.create(
        wix.client(),
        Reward(name="2.50 off", active=True, type=RewardType.DISCOUNT_AMOUNT, discount_amount=discount),
    )
    assert wix.body()["reward"] == {
        "name": "2.50 off",
        "active": True,
        "type": "DISCOUNT_AMOUNT",
        "discountAmount": {"configsByTier": [{"costInPoints": 100, "amount": "2.50"}]},
    }


async def test_a_redemption_is_pending_and_its_reading_uses_another_key(wix: FakeWix) -> None:
    wix.answers({"coupon": {"id": "l", "status": "PENDING", "couponReference": {"code": "X"}}})
    redeemed = await loyalty_coupons.redeem(wix.client(), "w", "a")
    assert redeemed.status is LoyaltyCouponStatus.PENDING
    assert wix.body() == {"rewardId": "w", "loyaltyAccountId": "a"}
    wix.answers({"loyaltyCoupon": {"id": "l", "status": "ACTIVE"}})
    assert (await loyalty_coupons.get(wix.client(), "l")).status is LoyaltyCouponStatus.ACTIVE


async def test_redemptions_of_an_account_are_found_by_time(wix: FakeWix) -> None:
    wix.answers({"loyaltyCoupons": [{"id": "l"}], "metadata": {"cursors": {}}})
    where = loyalty_coupons.redemptions_since("a", datetime(2026, 11, 20, tzinfo=UTC))
    assert [len(page.items) async for page in loyalty_coupons.query_all(wix.client(), where)] == [1]
    expected = {"accountId": {"$eq": "a"}, "createdDate": {"$gte": "2026-11-20T00:00:00.000Z"}}
    assert wix.body()["query"]["filter"] == expected


async def test_a_checkout_gets_a_reward_or_a_coupon(wix: FakeWix) -> None:
    wix.answers({"discount": {"id": "d", "checkoutId": "k", "status": "APPLIED"}})
    await checkout.apply_reward(wix.client(), "k", "w", revision=3, points_to_spend=100)
    assert wix.body() == {"checkoutId": "k", "reward": {"id": "w", "revision": "3", "pointsToSpend": 100}}
    await checkout.apply_coupon(wix.client(), "k", "l", revision=4)
    assert wix.body() == {"checkoutId": "k", "loyaltyCoupon": {"id": "l", "revision": "4"}}
    wix.answers({"loyaltyCheckoutDiscounts": [{"id": "d"}]})
    assert (await checkout.query(wix.client(), {"checkoutId": "k"})).items[0].id == "d"


async def test_an_import_goes_step_by_step(wix: FakeWix) -> None:
    wix.answers({"filePath": "/f.csv", "uploadUrl": "https://upload.test"})
    place = await imports.upload_place(wix.client())
    wix.answers({"loyaltyImport": {"id": "i", "status": "PARSED", "parseResult": {"parsedRowCount": 2}}})
    made = await imports.create(wix.client(), place.file_path, file_name="f.csv", file_size=12)
    assert made.parse_result is not None
    assert made.parse_result.parsed_row_count == 2
    await imports.execute(wix.client(), "i", email_column=0, points_column=2)
    assert wix.body()["headerMappingInfo"] == {
        "headerMappings": [
            {"columnName": "EMAIL", "columnIndex": 0},
            {"columnName": "POINTS", "columnIndex": 2},
        ]
    }
    await imports.get(wix.client(), "i")
    assert wix.requests[-1].url.raw_path == b"/_api/loyalty-imports/v1/loyalty-imports?loyaltyImportId=i"
    wix.answers({"url": "https://errors.test"})
    assert await imports.error_file_url(wix.client(), "i") == "https://errors.test"
