"""A site becomes a file, and a plan of that file is empty: for the seeded shop, and for any that can be made."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.program.export import export
from milestones.program.live import Live, Thing
from milestones.program.plan import make
from milestones.program.read import (
    badge_thing,
    of_all_tiers,
    of_program,
    reward_thing,
    rule_thing,
    tier_thing,
)
from milestones.wix.badges import Badge
from milestones.wix.earning_rules import EarningRule
from milestones.wix.programs import Program
from milestones.wix.rewards import Reward
from milestones.wix.tiers import Tier, TiersSettings
from tests.program.conftest import Shop, program
from tests.program.test_apply import WHOLE

REMARK = "The program of the shop"


def assert_the_same(live: Live) -> str:
    text = export(live, REMARK)
    plan = make(program(text), live)
    assert (plan.steps, plan.refusals) == ((), ()), text
    return text


@pytest.mark.asyncio(loop_scope="module")
class TestOfAShop:
    async def test_the_seeded_program_is_written_so_that_nothing_differs(self, shop: Shop) -> None:
        from milestones.program.apply import look

        text = assert_the_same(await look(shop.work("")))
        written = tomllib.loads(text)["program"]
        assert written["name"] == "Star Club"
        assert written["earn"] == [
            {
                "title": "Place an order",
                "on": "order_paid",
                "points": 10,
                "per_money": 1,
                "field": "order.total",
                "active": True,
            }
        ]
        assert [level["title"] for level in written["tiers"]["levels"]] == ["Silver", "Gold"]
        assert not (await shop.plan(text, prune=True)).notes, "it is whole"

    async def test_what_was_applied_is_exported_as_it_was_meant(self, new_shop: Shop) -> None:
        from milestones.program.apply import look

        await new_shop.apply(WHOLE)
        text = assert_the_same(await look(new_shop.work("")))
        exported, meant = program(text), program(WHOLE)
        for kind in ("rewards", "tiers"):
            by_title = [{one.title: one for one in getattr(said, kind)} for said in (exported, meant)]
            assert by_title[0] == by_title[1]


texts = st.text(st.characters(codec=None), min_size=0, max_size=60)
titles = st.one_of(
    st.sampled_from(["A", "Gold", "ключ", 'a "b" \\ c', "x.y = 1", "# no", "]]", "\u202e", "tab\t", ""]),
    texts,
)
points = st.integers(0, 9_999_999)
costs = st.integers(1, 9_999_999)
money = st.one_of(st.floats(0.01, 1e6), st.sampled_from([1.0, 0.1, 4.99, 1e-7, 3e9, 0.3]))
ids = st.uuids().map(str)


@st.composite
def configs(draw: st.DrawFn, tier_ids: list[str], fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for_tiers = draw(st.lists(st.sampled_from([*tier_ids, "gone"]), unique=True)) if tier_ids else []
    choices: list[list[Any]] = [[None, *for_tiers], for_tiers or [None], ["", *for_tiers]]
    tiers = draw(st.sampled_from(choices))
    return [{"tierId": tier, **{key: draw(of) for key, of in fields.items()}} for tier in tiers]


@st.composite
def rewards(draw: st.DrawFn, tier_ids: list[str]) -> Thing:
    reward: dict[str, Any] = {
        "id": draw(ids),
        "name": draw(titles),
        "active": draw(st.booleans()),
        "revision": "3",
    }
    kind = draw(st.sampled_from(["fixedAmount", "percentage", "freeShipping", "discount", "other"]))
    if kind == "discount":
        amounts = st.decimals("0.01", "999999999", places=2).map(str)
        priced = draw(configs(tier_ids, {"costInPoints": costs, "amount": amounts}))
        reward |= {"type": "DISCOUNT_AMOUNT", "discountAmount": {"configsByTier": priced}}
    elif kind == "other":
        reward |= {"type": "SOMETHING_NEW"}
    else:
        amount: dict[str, Any] = {
            "fixedAmount": {"amount": money},
            "percentage": {"percentage": st.floats(0.5, 100)},
        }.get(kind, {})
        coupon: dict[str, Any] = {
            kind: {"configsByTier": draw(configs(tier_ids, {"costInPoints": costs, **amount}))}
        }
        where = draw(st.sampled_from(["scope", "subtotal", "none"]))
        if where == "scope":
            group = draw(
                st.sampled_from([None, {"name": "product"}, {"name": "product", "entityId": "1-2"}, {}])
            )
            coupon["scope"] = {
                "namespace": draw(st.sampled_from(["stores", "bookings", "new", ""])),
                "group": group,
            }
        elif where == "subtotal":
            coupon["minimumSubtotal"] = draw(st.sampled_from([0, 20, 19.99]))
        coupon["limitedToOneItem"] = draw(st.sampled_from([None, True, False]))
        reward |= {"type": "COUPON_REWARD", "couponReward": coupon}
    return reward_thing(Reward.model_validate(reward))


@st.composite
def rules(draw: st.DrawFn, tier_ids: list[str]) -> Thing:
    app, activity = draw(
        st.sampled_from(
            [
                ("215238eb-22a5-4c36-9e7b-e7c08025e04e", "stores/OrderPaid"),
                ("1380b703-ce81-ff05-f115-39571d94dfcd", "stores/OrderPaid"),
                ("other", "stores/OrderPaid"),
                ("13d21c63-b5ec-5912-8397-c3a5ddb27a97", "bookings/BookingConfirmed"),
                ("553c79f3-5625-4f38-b14b-ef7c0d1e87df", "BIRTHDAY"),
                ("x", "wix_pricing_plans-plan_purchased"),
                ("an app", "odd activity"),
            ]
        )
    )
    rule: dict[str, Any] = {
        "id": draw(ids),
        "title": draw(titles),
        "triggerAppId": app,
        "triggerActivityType": activity,
        "status": draw(st.sampled_from(["ACTIVE", "PAUSED", "ODD"])),
        "revision": "1",
    }
    if draw(st.booleans()):
        rule["fixedAmount"] = {"configs": draw(configs(tier_ids, {"points": points}))}
    else:
        field = draw(st.sampled_from([None, "order.total", ""]))
        rule["conversionRate"] = {
            "configs": draw(configs(tier_ids, {"points": points, "moneyAmount": money})),
            "field": field,
        }
    return rule_thing(EarningRule.model_validate(rule), automated=activity in ("BIRTHDAY", "odd activity"))


@st.composite
def sites(draw: st.DrawFn) -> Live:
    levels = draw(
        st.lists(
            st.tuples(titles.filter(bool), costs),
            max_size=4,
            unique_by=(lambda one: one[0], lambda one: one[1]),
        )
    )
    tiers = [
        tier_thing(
            Tier.model_validate(
                {
                    "id": f"tier-{number}",
                    "tierDefinition": {"name": name, "description": draw(st.none() | texts)},
                    "requiredPoints": at,
                    "revision": "1",
                }
            )
        )
        for number, (name, at) in enumerate(levels)
    ]
    tier_ids = [tier.id for tier in tiers]
    told = {
        "name": draw(st.none() | titles),
        "status": draw(st.sampled_from(["DRAFT", "ACTIVE", "PAUSED"])),
        "pointDefinition": {
            "customName": draw(st.none() | titles),
            "icon": draw(st.sampled_from([None, {}, {"url": "u", "width": 4}, {"height": 3}])),
        },
        "pointsExpiration": {
            "status": draw(st.sampled_from(["ENABLED", "DISABLED"])),
            "monthsOfInactivity": draw(st.none() | st.integers(0, 13)),
        },
    }
    settings = TiersSettings.model_validate(
        {
            "status": draw(st.sampled_from(["ACTIVE", "DISABLED", "ODD"])),
            "rollingWindow": {"durationInMonths": draw(st.none() | st.integers(0, 40))},
            "baseTierDefinition": {"name": draw(st.none() | titles), "description": draw(st.none() | texts)},
        }
    )
    badges = [
        badge_thing(
            Badge.model_validate(
                {"id": draw(ids), "title": draw(titles), "backgroundColor": colour, "revision": 1}
            )
        )
        for colour in draw(st.lists(st.sampled_from(["#112233", "#aabbcc", "red", None]), max_size=3))
    ]
    return Live(
        **of_program(Program.model_validate(told)),
        settings=of_all_tiers(settings),
        tiers=tuple(tiers),
        badges=tuple(badges),
        earn=tuple(draw(st.lists(rules(tier_ids), max_size=3))),
        rewards=tuple(draw(st.lists(rewards(tier_ids), max_size=4))),
    )


@pytest.mark.examples
@given(sites())
def test_a_plan_of_what_any_site_was_exported_to_is_empty(live: Live) -> None:
    assert_the_same(live)
