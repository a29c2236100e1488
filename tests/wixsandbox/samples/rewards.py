"""Rewards and tiers."""

from tests.wixsandbox.builders import Shop
from tests.wixsandbox.samples.sample import FORBIDDEN, Sample, cursor_query

PRICED = [{"costInPoints": 200, "amount": 5.0, "tierId": ""}]

COUPON_REWARD = {
    "fixedAmount": {"configsByTier": PRICED},
    "scope": {"namespace": "stores", "group": {"name": "product", "entityId": "shoe"}},
    "limitedToOneItem": True,
    "appliesToSubscriptions": True,
    "discountedCycleCount": 3,
}

REWARD = {"name": "5 off", "type": "COUPON_REWARD", "active": True, "couponReward": COUPON_REWARD}

SPENT = {"configsByTier": [{"costInPoints": 100, "amount": "1.50", "tierId": ""}]}

TIER = {
    "tierDefinition": {"name": "Ruby", "description": "Red", "icon": {"id": "i"}},
    "requiredPoints": 77_001,
}


def samples(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    tier, reward = next(iter(world.tiers)), next(iter(world.rewards))
    settings = {
        "rollingWindow": {"durationInMonths": 12},
        "baseTierDefinition": {"name": "Base", "description": "x"},
    }
    return {
        "createReward": Sample(body={"reward": REWARD}),
        "listRewards": Sample(query={"cursorPaging.limit": "5"}),
        "queryRewards": Sample(body={"query": cursor_query({"active": True, "name": {"$ne": "x"}}, "name")}),
        "getReward": Sample(path={"id": reward["id"]}),
        "updateReward": Sample(path={"rewardId": reward["id"]}, body={"reward": {**REWARD, "revision": "1"}}),
        "deleteReward": Sample(path={"id": reward["id"]}, query={"revision": "1"}),
        "bulkCreateRewards": Sample(
            body={"rewards": [{"name": "x", "type": "DISCOUNT_AMOUNT", "discountAmount": SPENT}]}
        ),
        "bulkGetRewards": FORBIDDEN,
        "createTier": Sample(body={"tier": TIER}),
        "listTiers": Sample(),
        "createTiersProgramSettings": Sample(
            body={"programSettings": {"status": "ACTIVE", **settings}}, status=409
        ),
        "getTiersProgramSettings": Sample(),
        "updateTiersProgramSettings": Sample(
            body={"programSettings": {"status": "ACTIVE", "revision": "1", **settings}}
        ),
        "getTiersProgram": Sample(),
        "getTier": Sample(path={"tierId": tier["id"]}),
        "updateTier": Sample(path={"tierId": tier["id"]}, body={"tier": {**TIER, "revision": "1"}}),
        "deleteTier": Sample(path={"tierId": tier["id"]}, query={"revision": "1"}),
        "bulkCreateTiers": Sample(body={"tiers": [TIER]}),
    }
