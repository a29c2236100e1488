"""A program from a file is made so on the simulated shop, over HTTP: each kind of step, and each refusal."""

import pytest

from milestones.program.apply import PlanError
from tests.program.conftest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = """
[program]
name = "Corner Stars"
points = "Stars"
icon = { url = "https://example.com/star.png", width = 40, height = 40 }
active = true
expiry = { enabled = true, months = 6, percent = 50 }

[[program.earn]]
title = "Orders"
on = "order_paid"
points = 10
per_money = 1
at = { Gold = 20, Silver = { points = 15, per_money = 0.5 } }

[[program.earn]]
title = "A review"
on = { app = "reviews", activity = "reviews/Created" }
points = 50
active = false

[[program.earn]]
title = "Happy birthday"
on = "birthday"
points = 100

[[program.rewards]]
title = "5 off"
coupon = { money_off = 5, minimum_subtotal = 20 }
cost = 500
at = { Gold = { cost = 400, money_off = 6 } }

[[program.rewards]]
title = "Socks"
coupon = { percent_off = 12.5, scope = "stores/product/1234", limited_to_one_item = true }
cost = 700

[[program.rewards]]
title = "Shipping"
coupon = { free_shipping = true }
cost = 300
active = false

[[program.rewards]]
title = "Money"
discount = { money_off = "1.00" }
cost = 100

[[program.rewards]]
title = "For the best"
discount = { money_off = 2 }
at = { Gold = 50 }

[program.tiers]
status = "active"
window = 24
base = { title = "Bronze", description = "Everybody" }
levels = [
  { title = "Silver", points = 2500, description = "Half way" },
  { title = "Gold", points = 5000 },
]

[[program.badges]]
title = "Star"
description = "Shines"
background = "#112233"
"""


async def test_a_new_program_is_set_up_whole_and_then_nothing_differs(new_shop: Shop) -> None:
    left = await new_shop.apply(WHOLE)
    assert not left.differs, left
    world = new_shop.world
    assert world.program["status"] == "ACTIVE"
    assert world.program["name"] == "Corner Stars"
    assert world.program["pointsExpiration"] == {
        "status": "ENABLED",
        "monthsOfInactivity": 6,
        "expiringPointsPercentage": 50,
    }
    assert new_shop.titles("tiers") == ["Gold", "Silver"]
    assert world.tier_settings["status"] == "ACTIVE"
    assert world.tier_settings["rollingWindow"] == {"durationInMonths": 24}
    gold = next(tier["id"] for tier in world.tiers if tier["tierDefinition"]["name"] == "Gold")
    orders = next(rule for rule in world.earning_rules if rule["title"] == "Orders")
    rates = {config.get("tierId"): config["points"] for config in orders["conversionRate"]["configs"]}
    assert rates[None] == 10
    assert rates[gold] == 20
    best = next(reward for reward in world.rewards if reward["name"] == "For the best")
    assert best["discountAmount"] == {"configsByTier": [{"tierId": gold, "costInPoints": 50, "amount": "2"}]}
    assert new_shop.told[-1] == "Activate the program: customers can take part.", "when all else is in place"
    again = await new_shop.plan(WHOLE)
    assert (again.steps, again.refusals, again.notes) == ((), (), ())


async def test_changes_reach_what_is_there_and_what_the_file_does_not_name_survives(shop: Shop) -> None:
    icon = {"id": "i", "url": "https://example.com/i.png"}
    tier = next(tier for tier in shop.world.tiers if tier["tierDefinition"]["name"] == "Gold")
    shop.world.tiers.put({**tier, "tierDefinition": {**tier["tierDefinition"], "icon": icon}})
    shop.world.program["pointDefinition"] = {"customName": "Stars", "icon": icon}
    text = """
    [program]
    points = "Coins"
    active = false
    [program.tiers]
    status = "paused"
    levels = [{ title = "Golden", was = "Gold", points = 6000 }]
    [[program.earn]]
    title = "Place an order"
    on = "order_paid"
    points = 12
    per_money = 1
    [[program.rewards]]
    title = "15% off everything"
    coupon = { money_off = 3, scope = "stores" }
    cost = 1000
    at = { Golden = 900 }
    [[program.badges]]
    title = "First order"
    description = ""
    text = "#000000"
    """
    left = await shop.apply(text)
    assert not left.differs, left
    world = shop.world
    assert world.program["status"] == "PAUSED"
    assert world.program["name"] == "Star Club"
    assert world.program["pointDefinition"] == {"customName": "Coins", "icon": icon}
    golden = world.tiers.get(tier["id"])
    assert golden["tierDefinition"] == {
        "name": "Golden",
        "description": tier["tierDefinition"]["description"],
        "icon": icon,
    }
    assert golden["requiredPoints"] == 6000
    assert world.tier_settings["baseTierDefinition"] == {
        "name": "Bronze",
        "description": "Everybody starts here",
    }
    rule = next(iter(world.earning_rules))
    assert rule["conversionRate"]["field"] == "order.total"
    reward = next(one for one in world.rewards if one["name"] == "15% off everything")
    assert "percentage" not in reward["couponReward"]
    badge = next(iter(world.badges))
    assert (badge["description"], badge["textColor"], badge["backgroundColor"]) == ("", "#000000", "#796EFF")
    assert len(left.notes) == 3, "Silver and two rewards are left alone"


async def test_nothing_is_deleted_without_prune(shop: Shop) -> None:
    text = "[program]\nearn = []\nrewards = []\nbadges = []\ntiers = { levels = [] }\n"
    plan = await shop.plan(text)
    assert not plan.differs
    assert len(plan.notes) == 7
    assert not (await shop.apply(text)).differs
    assert len(shop.titles("rewards")) == 3
    left = await shop.apply(text, prune=True, in_use=frozenset({"First order"}))
    assert not left.differs
    assert [shop.titles(name) for name in ("rewards", "tiers", "earning_rules", "badges")] == [
        [],
        [],
        [],
        ["First order"],
    ]
    assert "a milestone gives it" in left.notes[0]


async def test_a_custom_rule_can_be_deleted_and_one_that_wix_installed_cannot(shop: Shop) -> None:
    await shop.apply('[[program.earn]]\ntitle = "B"\non = "birthday"\npoints = 5\n')
    rule = {
        **next(iter(shop.world.earning_rules)),
        "id": "11111111-1111-4111-8111-111111111111",
        "title": "Plans",
    }
    rule |= {"triggerActivityType": "wix_pricing_plans-plan_purchased", "automated": True}
    shop.world.earning_rules.put({**rule, "metadata": {"canBeDeleted": False}})
    left = await shop.apply("[program]\nearn = []\n", prune=True)
    assert not left.differs
    assert shop.titles("earning_rules") == ["Plans"]
    assert "can only be paused" in left.notes[0]


REFUSALS = [
    ("[program]\nactive = true\n", "A program without a name cannot be activated"),
    (
        '[program]\nname = "N"\n'.replace('"N"', '"Na"')
        + "tiers = { levels = [{ title = 'Gold', points = 5 }] }\n",
        "Tiers need a paid plan at Wix",
    ),
    (
        '[[program.rewards]]\ntitle = "R"\ndiscount = { money_off = 1 }\ncost = 5\nat = { Silver = 3 }\n',
        'names the tier "Silver", which neither the site nor the file has',
    ),
    (
        '[[program.earn]]\ntitle = "P"\non = "plan_purchased"\npoints = 5\n',
        "Wix installs the rule for plan_purchased with its app",
    ),
    (
        '[[program.earn]]\ntitle = "P"\non = "birthday"\npoints = 5\nactive = false\n',
        "is automated: Wix makes it active",
    ),
    (
        '[[program.badges]]\ntitle = "P"\nid = "nope"\n',
        "has an id in the file that nothing on the site has: nope",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSALS)
async def test_what_cannot_be_is_said_before_anything_is_done(
    new_shop: Shop, text: str, sentence: str
) -> None:
    new_shop.switch(paid_plan=False)
    before = new_shop.world.changes
    plan = await new_shop.plan(text)
    assert plan.differs
    assert any(sentence in refusal for refusal in plan.refusals), plan.refusals
    with pytest.raises(PlanError, match="Nothing was done, since not all of it can be"):
        await new_shop.apply(text)
    assert new_shop.world.changes == before


SEEDED_REFUSALS = [
    (
        '[[program.rewards]]\ntitle = "5 off your order"\ndiscount = { money_off = 1 }\ncost = 5\n',
        "is of another type on the site, and Wix lets nobody change that",
    ),
    (
        '[[program.earn]]\ntitle = "Place an order"\non = "event_rsvp"\npoints = 5\n',
        "is for another activity on the site",
    ),
    (
        '[[program.earn]]\ntitle = "Orders"\non = "order_paid"\npoints = 5\n',
        'already, "Place an order", so "Orders" cannot be made. If it is the same one, write was = "Place an order"',
    ),
    (
        "[program.tiers]\nlevels = ["
        + ",".join(f"{{ title = 'T{n}', points = {n + 1} }}" for n in range(19))
        + "]\n",
        "The site would have 21 tiers; Wix takes 20",
    ),
    (
        "[program.tiers]\nlevels = [{ title = 'Gold', points = 2500 }]\n",
        'while the site has the tier "Silver" from 2500 points',
    ),
]


@pytest.mark.parametrize(("text", "sentence"), SEEDED_REFUSALS)
async def test_what_cannot_be_changed_is_said_before(shop: Shop, text: str, sentence: str) -> None:
    plan = await shop.plan(text)
    assert any(sentence in refusal for refusal in plan.refusals), plan.refusals
    with pytest.raises(PlanError, match="Nothing was done"):
        await shop.apply(text)


async def test_an_automated_rule_that_differs_is_refused_and_one_that_agrees_is_none(shop: Shop) -> None:
    text = '[[program.earn]]\ntitle = "B"\non = "birthday"\npoints = 5\n'
    assert not (await shop.apply(text)).differs
    refusal = (await shop.plan(text.replace("5", "6"))).refusals
    assert len(refusal) == 1
    assert "is automated: Wix's API cannot change it (points)" in refusal[0]


async def test_titles_that_several_have_are_told_apart_by_id(shop: Shop) -> None:
    first = next(iter(shop.world.rewards))
    twin = {**first, "id": "22222222-2222-4222-8222-222222222222", "revision": "4"}
    shop.world.rewards.put(twin)
    text = '[[program.rewards]]\ntitle = "5 off your order"\ncoupon = { money_off = 5, minimum_subtotal = 20 }\ncost = 450\n'
    assert "Say in the file which is meant, by id" in (await shop.plan(text)).refusals[0]
    assert not (await shop.apply(text + f'id = "{twin["id"]}"\n')).differs
    costs = {
        one["id"]: one["couponReward"]["fixedAmount"]["configsByTier"][0]["costInPoints"]
        for one in shop.world.rewards
        if "couponReward" in one and "fixedAmount" in one["couponReward"]
    }
    assert costs == {first["id"]: 500, twin["id"]: 450}


async def test_tiers_may_pass_each_other_on_the_way(shop: Shop) -> None:
    text = "[program.tiers]\nlevels = [{ title = 'Silver', points = 5000 }, { title = 'Gold', points = 7000 }, { title = 'Tin', points = 2500 }]\n"
    left = await shop.apply(text)
    assert not left.differs
    assert shop.titles("tiers") == ["Gold", "Silver", "Tin"]
