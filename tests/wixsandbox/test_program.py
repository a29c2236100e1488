from typing import Any

import pytest

from tests.wixsandbox.builders import Shop

ACCOUNTS = "/loyalty-accounts/v1/accounts"
PROGRAM = "/loyalty-programs/v1/program"
RULES = "/_api/loyalty-earning-rules/v1/earning-rules"
REWARDS = "/loyalty-rewards/v1/rewards"
TIERS = "/loyalty-tiers/v1/tiers"
LOYALTY_APP = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"


async def test_the_program_has_neither_id_nor_revision(shop: Shop) -> None:
    program = (await shop.get(PROGRAM))["loyaltyProgram"]
    assert set(program) == {
        "name", "pointDefinition", "status", "createdDate", "updatedDate", "pointsExpiration", "premiumFeatures",
    }  # fmt: skip
    assert program["pointDefinition"] == {"customName": "Stars"}


async def test_pausing_and_activating_are_told_to_nobody(shop: Shop) -> None:
    assert (await shop.post(f"{PROGRAM}/pause"))["loyaltyProgram"]["status"] == "PAUSED"
    assert (await shop.post(f"{PROGRAM}/activate"))["loyaltyProgram"]["status"] == "ACTIVE"
    for verb in ("enable", "disable"):
        shown = (await shop.post(f"{PROGRAM}/points-expiration/{verb}"))["loyaltyProgram"]
        assert shown["pointsExpiration"]["status"] == f"{verb.upper()}D"
    assert shop.told() == []


async def test_only_name_and_points_tell_an_event(shop: Shop) -> None:
    await shop.call("PATCH", PROGRAM, {"loyaltyProgram": {"pointsExpiration": {"monthsOfInactivity": 6}}})
    assert shop.told() == []
    changes = {"name": "Moon Club", "pointDefinition": {"customName": "Moons"}, "status": "PAUSED"}
    program = (await shop.call("PATCH", PROGRAM, {"loyaltyProgram": changes}))["loyaltyProgram"]
    assert (program["name"], program["status"]) == ("Moon Club", "ACTIVE")
    assert program["pointsExpiration"]["monthsOfInactivity"] == 6
    assert shop.told() == ["wix.loyalty.v1.program_updated"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x"}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"pointDefinition": {"customName": "x" * 21}}, "pointDefinition.customName"),
        ({"pointsExpiration": {"monthsOfInactivity": 13}}, "pointsExpiration.monthsOfInactivity"),
        ({"pointsExpiration": {"expiringPointsPercentage": 0}}, "pointsExpiration.expiringPointsPercentage"),
    ],
)
async def test_the_program_names_the_field_that_breaks_a_limit(
    shop: Shop, changes: dict[str, Any], field: str
) -> None:
    body = {"loyaltyProgram": changes}
    assert await shop.violated(PROGRAM, body, method="PATCH") == [f"loyaltyProgram.{field}"]


async def test_a_new_program_is_a_draft_and_cannot_be_activated_without_a_name(shop: Shop) -> None:
    key = (await shop.post("/_sandbox/reset", {"customers": 20, "new_program": True}))["api_key"]
    shop.client.headers.update({"Authorization": key, "wix-site-id": shop.sandbox.world.identity.site_id})
    program = (await shop.get(PROGRAM))["loyaltyProgram"]
    assert "name" not in program
    assert (program["status"], program["pointDefinition"]["customName"]) == ("DRAFT", "Points")
    assert await shop.violated(f"{PROGRAM}/activate", {}) == ["programName"]
    contact = next(iter(shop.sandbox.world.contacts))
    opening = {"contactId": contact.id}
    assert await shop.refused(ACCOUNTS, opening, status=428) == "FAILED_PRECONDITION"
    await shop.call("PATCH", PROGRAM, {"loyaltyProgram": {"name": "Star Club"}})
    assert (await shop.post(f"{PROGRAM}/activate"))["loyaltyProgram"]["status"] == "ACTIVE"
    assert (await shop.post(ACCOUNTS, opening))["account"]["points"]["balance"] == 0
    state = await shop.get("/_sandbox/state", only="rewards,tiers,earning_rules,accounts")
    assert [len(state[name]) for name in ("rewards", "tiers", "earning_rules", "accounts")] == [0, 0, 0, 1]


async def test_programs_of_all_sites_are_for_wix_users(shop: Shop) -> None:
    for service in ("programs", "rewards", "coupons"):
        await shop.get(f"/loyalty-{service}/v1/bulk/{service}", status=403)
    own = shop.sandbox.credentials()
    shop.client.headers.update({"Authorization": own.api_key, "wix-site-id": own.site_id})
    answer = await shop.get("/loyalty-programs/v1/bulk/programs")
    assert answer["programInSites"][0]["metaSiteId"] == own.site_id
    assert (await shop.get("/loyalty-rewards/v1/bulk/rewards"))["rewardsInSite"]
    assert (await shop.get("/loyalty-coupons/v1/bulk/coupons"))["couponsInSite"]
    features = await shop.get(f"{PROGRAM}/premium-features")
    assert features == {"loyaltyProgram": True, "tiers": True, "pointsExpiration": True}


def rule(**changes: Any) -> dict[str, Any]:
    wanted = {
        "sourceAppId": LOYALTY_APP,
        "triggerAppId": "reviews",
        "triggerActivityType": "reviews/Created",
        "title": "Write a review",
        "status": "ACTIVE",
        "fixedAmount": {"configs": [{"points": 50}]},
        **changes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


async def test_an_earning_rule_lives_under_the_api_prefix(shop: Shop) -> None:
    created = (await shop.post(RULES, {"earningRule": rule()}))["earningRule"]
    assert created["revision"] == "1"
    assert created["metadata"] == {"canBeDeleted": True}
    assert shop.told() == ["wix.loyalty.v1.loyalty_earning_rule_created"]
    assert (await shop.get(f"{RULES}/{created['id']}"))["earningRule"] == created
    listed = (await shop.get(f"{RULES}/rules", triggerActivityType="reviews/Created"))["earningRules"]
    assert listed == [created]
    assert len((await shop.get(f"{RULES}/rules"))["earningRules"]) == 2
    assert await shop.refused(RULES, {"earningRule": rule()}, status=409) == "ALREADY_EXISTS"


async def test_changing_and_deleting_a_rule_needs_its_revision(shop: Shop) -> None:
    path = f"{RULES}/{(await shop.post(RULES, {'earningRule': rule()}))['earningRule']['id']}"
    body: dict[str, Any] = {"earningRule": {"title": "Review"}}
    assert await shop.refused(path, body, status=409, method="PUT") == "INVALID_REVISION"
    body = {
        "earningRule": {"revision": "1", "conversionRate": {"configs": [{"moneyAmount": 1, "points": 2}]}}
    }
    both = {**body["earningRule"], "fixedAmount": {"configs": [{"points": 1}]}}
    assert await shop.violated(path, {"earningRule": both}, method="PUT") == ["earningRule"]
    changed = (await shop.call("PUT", path, body))["earningRule"]
    assert changed["revision"] == "2"
    assert changed["title"] == "Write a review"
    assert "fixedAmount" not in changed
    await shop.call("DELETE", path, status=409)
    assert await shop.call("DELETE", path, revision="2") == {}
    await shop.get(path, status=404)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x" * 51},
        {"sourceAppId": "x"},
        {"status": None},
        {"fixedAmount": None},
        {"conversionRate": {"configs": [{"moneyAmount": 1, "points": 1}]}},
        {"fixedAmount": {"configs": [{"points": 1}] * 22}},
        {"triggerAppId": "x" * 81},
    ],
)
async def test_a_rule_must_be_complete(shop: Shop, changes: dict[str, Any]) -> None:
    assert await shop.violated(RULES, {"earningRule": rule(**changes)})


async def test_automated_rules_have_calls_of_their_own(shop: Shop) -> None:
    body = {
        "type": "BIRTHDAY",
        "earningRule": {"title": "Birthday", "fixedAmount": {"configs": [{"points": 9}]}},
    }
    created = (await shop.post(f"{RULES}/custom", body))["earningRule"]
    await shop.get(f"{RULES}/{created['id']}", status=404)
    root = "/_api/loyalty-earning-rules/v1"
    await shop.call("DELETE", f"{root}/automation-earning-rules/{created['id']}")
    answer = await shop.post(f"{root}/bulk/earning-rules/create", {"earningRules": [rule(), rule(), {}]})
    assert [one["itemMetadata"]["success"] for one in answer["results"]] == [True, False, False]


def reward(**changes: Any) -> dict[str, Any]:
    priced = {"configsByTier": [{"costInPoints": 200, "percentage": 10}]}
    coupon = {"percentage": priced, "scope": {"namespace": "stores"}}
    return {"name": "10% off", "type": "COUPON_REWARD", "couponReward": coupon, **changes}


def of_money(amount: Any) -> dict[str, Any]:
    """What makes a reward one that is spent at the checkout."""
    return {
        "couponReward": None,
        "discountAmount": {"configsByTier": [{"costInPoints": 1, "amount": amount}]},
    }


async def test_a_reward_is_inactive_unless_told_otherwise_and_makes_no_coupon(shop: Shop) -> None:
    created = (await shop.post(REWARDS, {"reward": reward()}))["reward"]
    assert created["active"] is False
    assert created["revision"] == "1"
    assert shop.told() == ["wix.loyalty.v1.reward_created"]
    assert len(shop.sandbox.world.coupons) == 0
    listed = await shop.get(REWARDS)
    assert len(listed["rewards"]) == 4
    query = {"query": {"filter": {"active": False}}}
    assert [one["id"] for one in (await shop.post(f"{REWARDS}/query", query))["rewards"]] == [created["id"]]


async def test_a_reward_is_replaced_as_a_whole_but_keeps_its_type(shop: Shop) -> None:
    path = f"{REWARDS}/{(await shop.post(REWARDS, {'reward': reward()}))['reward']['id']}"
    changed = (await shop.call("PUT", path, {"reward": reward(name="New", active=True, revision=1)}))[
        "reward"
    ]
    assert (changed["name"], changed["revision"]) == ("New", "2")
    assert (
        await shop.refused(path, {"reward": reward(revision="1")}, status=409, method="PUT")
        == "INVALID_REVISION"
    )
    amount = {"configsByTier": [{"costInPoints": 1, "amount": "0.50"}]}
    other = {"name": "x", "discountAmount": amount, "revision": "2"}
    assert await shop.violated(path, {"reward": other}, method="PUT") == ["reward.type"]
    await shop.call("DELETE", path, status=400)
    assert await shop.call("DELETE", path, revision="2") == {}
    await shop.get(path, status=404)


async def test_when_rewards_go_the_accounts_they_were_in_reach_of_are_told_of_it(shop: Shop) -> None:
    reached = sum(one.reward_available for one in shop.sandbox.world.accounts)
    for one in list(shop.sandbox.world.rewards):
        await shop.call("DELETE", f"{REWARDS}/{one['id']}", revision="1")
    shop.told()
    shop.sandbox.advance()
    told = shop.told()
    assert told.count("wix.loyalty.v1.account_reward_availability_updated") == reached > 0
    assert not any(one.reward_available for one in shop.sandbox.world.accounts)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "x" * 51},
        {"couponReward": {}},
        {"type": "DISCOUNT_AMOUNT"},
        {"couponReward": {"percentage": {"configsByTier": []}}},
        {"couponReward": {"fixedAmount": {"configsByTier": [{"costInPoints": 1, "amount": 0.0}]}}},
        {"couponReward": {"fixedAmount": {"configsByTier": [{"costInPoints": 1, "amount": "5.00"}]}}},
        {"type": "DISCOUNT_AMOUNT", **of_money(5.0)},
        {"type": "DISCOUNT_AMOUNT", **of_money("0.00")},
        {"type": "DISCOUNT_AMOUNT", **of_money("1.234")},
        {"couponReward": {"freeShipping": {"configsByTier": [{"costInPoints": 0}]}}},
        {"discountAmount": {"configsByTier": [{"costInPoints": 1, "amount": "1"}]}},
    ],
)
async def test_a_reward_must_be_complete(shop: Shop, changes: dict[str, Any]) -> None:
    assert await shop.violated(REWARDS, {"reward": reward(**changes)})


async def test_money_is_text_at_the_checkout_and_a_number_in_a_coupon(shop: Shop) -> None:
    spent = reward(type="DISCOUNT_AMOUNT", **of_money("1.50"))
    made = (await shop.post(REWARDS, {"reward": spent}))["reward"]
    assert made["discountAmount"]["configsByTier"] == [{"costInPoints": 1, "amount": "1.50"}]
    fixed = {"fixedAmount": {"configsByTier": [{"costInPoints": 1, "amount": 1.5}]}}
    made = (await shop.post(REWARDS, {"reward": reward(couponReward=fixed)}))["reward"]
    assert made["couponReward"]["fixedAmount"]["configsByTier"] == [{"costInPoints": 1, "amount": 1.5}]


async def test_ten_rewards_at_once_are_the_most(shop: Shop) -> None:
    path = "/loyalty-rewards/v1/bulk/rewards/create"
    answer = await shop.post(path, {"rewards": [reward(), reward(name="")]})
    assert answer["bulkActionMetadata"] == {"totalSuccesses": 1, "totalFailures": 1, "undetailedFailures": 0}
    assert answer["results"][0]["item"]["name"] == "10% off"
    assert await shop.violated(path, {"rewards": [reward()] * 11}) == ["rewards"]


def tier(name: str = "Platinum", points: int = 9000) -> dict[str, Any]:
    return {"tierDefinition": {"name": name}, "requiredPoints": points}


async def test_a_tier_needs_a_paid_plan_and_is_unique_in_name_and_points(shop: Shop) -> None:
    created = (await shop.post(TIERS, {"tier": tier()}))["tier"]
    assert created["revision"] == "1"
    assert await shop.refused(TIERS, {"tier": tier(points=1)}, status=409) == "ALREADY_EXISTS"
    assert await shop.refused(TIERS, {"tier": tier(name="x")}, status=409) == "ALREADY_EXISTS"
    shop.switch(paid_plan=False)
    refused = await shop.refused(TIERS, {"tier": tier("Other", 1)}, status=428)
    assert refused == "BASIC_TIERS_LIMIT_REACHED"
    assert await shop.violated(TIERS, {"tier": tier("x" * 51)}) == ["tier.tierDefinition.name"]


async def test_a_tier_tells_what_it_was_before(shop: Shop) -> None:
    (silver, _) = (await shop.get(TIERS))["tiers"]
    path = f"{TIERS}/{silver['id']}"
    body: dict[str, Any] = {"tier": {"requiredPoints": 2000, "revision": "1"}}
    changed = (await shop.call("PATCH", path, body))["tier"]
    assert changed["tierDefinition"] == silver["tierDefinition"]
    (event,) = shop.events
    assert event.data["updatedEvent"]["modifiedFields"] == {"requiredPoints": 2500}
    assert (await shop.get(path))["tier"] == changed
    await shop.call("DELETE", path, status=409, revision="1")
    await shop.call("DELETE", path, revision="2")
    assert len((await shop.get(TIERS))["tiers"]) == 1


async def test_a_site_has_twenty_tiers_at_most(shop: Shop) -> None:
    tiers = [tier(f"T{number}", 10_000 + number) for number in range(20)]
    answer = await shop.post("/loyalty-tiers/v1/bulk/tiers/create", {"tiers": tiers})
    assert answer["bulkActionMetadata"]["totalSuccesses"] == 18


async def test_tier_settings_need_all_their_fields(shop: Shop) -> None:
    path = f"{TIERS}/program-settings"
    settings = (await shop.get(path))["programSettings"]
    assert settings["status"] == "ACTIVE"
    body: dict[str, Any] = {"programSettings": {"status": "PAUSED"}}
    fields = await shop.violated(path, body, method="PATCH")
    assert fields == ["programSettings.rollingWindow", "programSettings.revision"]
    window = {"durationInMonths": 6}
    body = {"programSettings": {"status": "PAUSED", "rollingWindow": window, "revision": "1"}}
    changed = (await shop.call("PATCH", path, body))["programSettings"]
    assert changed["revision"] == "2"
    assert "baseTierDefinition" not in changed
    assert await shop.refused(path, body, status=409, method="PATCH") == "INVALID_REVISION"
    assert await shop.refused(path, {"programSettings": {}}, status=409) == "ALREADY_EXISTS"
    both = await shop.get(f"{TIERS}/program")
    assert both["programSettings"] == changed
    assert len(both["tiers"]) == 2


async def test_the_tiers_program_makes_default_settings_where_there_are_none(shop: Shop) -> None:
    shop.sandbox.world.tier_settings = None
    await shop.get(f"{TIERS}/program-settings", status=404)
    assert (await shop.get(f"{TIERS}/program"))["programSettings"]["status"] == "DISABLED"
    assert (await shop.get(f"{TIERS}/program-settings"))["programSettings"]["rollingWindow"]


async def test_paused_tiers_put_everybody_into_the_base_tier(shop: Shop) -> None:
    world = shop.sandbox.world
    assert any(one.tier_id for one in world.accounts)
    body = {
        "programSettings": {"status": "PAUSED", "rollingWindow": {"durationInMonths": 12}, "revision": "1"}
    }
    await shop.call("PATCH", f"{TIERS}/program-settings", body)
    shop.sandbox.advance()
    assert not any(one.tier_id for one in world.accounts)
