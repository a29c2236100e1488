"""What points buy, in words, and why something cannot be bought or spent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milestones.errors import UsageError
from milestones.rewards.catalogue import Buyer, Offer, Price, find_offer, read_offer
from milestones.rewards.refusals import (
    find_code_fault,
    find_coupon_fault,
    find_discount_fault,
    find_redemption_fault,
)
from milestones.wix.coupons import Coupon, CouponSpecification
from milestones.wix.loyalty_coupons import LoyaltyCouponStatus
from milestones.wix.rewards import Reward, RewardType

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def an_offer(**overrides: Any) -> Offer:
    values: dict[str, Any] = {
        "id": "a1b2c3d4-0000-4000-8000-000000000001",
        "name": "10% off",
        "active": True,
        "type": RewardType.COUPON_REWARD,
        "prices": (Price(None, 100, "10% off"), Price("gold", 80, "15% off")),
    }
    return Offer(**{**values, **overrides})


@pytest.mark.parametrize(
    ("wire", "worth", "terms"),
    [
        (
            {"couponReward": {"percentage": {"configsByTier": [{"costInPoints": 5, "percentage": 12.5}]}}},
            "12.5% off",
            None,
        ),
        (
            {
                "couponReward": {
                    "fixedAmount": {"configsByTier": [{"costInPoints": 5, "amount": 1234.5, "tierId": ""}]},
                    "minimumSubtotal": 20,
                    "limitedToOneItem": True,
                }
            },
            "1,234.50 off",
            "from 20.00, one item",
        ),
        (
            {
                "couponReward": {
                    "freeShipping": {"configsByTier": [{"costInPoints": 5}]},
                    "scope": {"namespace": "stores", "group": {"name": "product", "entityId": "p1"}},
                }
            },
            "free shipping",
            "for stores/product/p1",
        ),
        ({"discountAmount": {"configsByTier": [{"costInPoints": 5, "amount": "1.00"}]}}, "1.00 off", None),
    ],
)
def test_a_reward_is_told_in_words(wire: dict[str, Any], worth: str, terms: str | None) -> None:
    offer = read_offer(Reward.model_validate({"id": "r", "name": "Reward", "revision": "3", **wire}))
    assert (offer.prices, offer.terms, offer.revision) == ((Price(None, 5, worth),), terms, 3)


def test_what_wix_leaves_out_costs_nothing_that_could_be_paid() -> None:
    wires: tuple[dict[str, Any], ...] = ({}, {"couponReward": {}}, {"type": "SOMETHING_NEW"})
    for wire in wires:
        offer = read_offer(Reward.model_validate({"id": "r", "name": "Reward", **wire}))
        assert (offer.prices, offer.type) == ((), RewardType.UNKNOWN)


def test_a_tier_without_a_price_has_that_of_the_base_tier() -> None:
    offer = an_offer()
    assert [getattr(offer.find_price(tier), "points", None) for tier in (None, "gold", "silver")] == [
        100,
        80,
        100,
    ]
    assert an_offer(prices=offer.prices[1:]).find_price("silver") is None


def test_a_reward_is_found_by_id_name_or_the_beginning_of_either() -> None:
    ten = an_offer()
    fifteen = an_offer(id="a1b2ffff-0000-4000-8000-000000000002", name="15% off")
    shipping = an_offer(id="c3d4e5f6-0000-4000-8000-000000000003", name="Free shipping")
    offers = [ten, fifteen, shipping]
    for named in (ten.id, ten.id.upper(), "10% OFF", " 10% off ", "a1b2c", "10"):
        assert find_offer(offers, named) is ten
    assert find_offer([*offers, replace(ten, id="x", name="10% off everything")], "10% off") is ten
    with pytest.raises(UsageError, match=r"several rewards: 10% off \(a1b2c3d4.*, 15% off \(a1b2ffff"):
        find_offer(offers, "1")
    with pytest.raises(UsageError, match="several rewards"):
        find_offer([ten, replace(ten, id="x")], "10% off")
    with pytest.raises(UsageError, match="There is no reward 'Gold'; there are 10% off"):
        find_offer(offers, "Gold")
    with pytest.raises(UsageError, match="the site has none"):
        find_offer([], "")
    with pytest.raises(UsageError, match="There is no reward"):
        find_offer(offers, "")


@pytest.mark.parametrize(
    ("offer", "buyer", "agreed", "fault"),
    [
        (an_offer(), Buyer(100, None), None, None),
        (an_offer(), Buyer(100, None), 100, None),
        (an_offer(), Buyer(80, "gold"), 100, None),
        (an_offer(), Buyer(99, None), None, "costs 100 points and the account has 99, so 1 are missing"),
        (an_offer(), Buyer(-5, None), None, "so 105 are missing"),
        (an_offer(), Buyer(900, None), 99, "costs 100 points by now, and cost 99 when it was ordered"),
        (an_offer(active=False), Buyer(900, None), None, "is not active"),
        (an_offer(prices=(Price("gold", 1, ""),)), Buyer(900, None), None, "not offered in the tier"),
        (an_offer(type=RewardType.UNKNOWN), Buyer(900, None), None, "does not know"),
        (
            an_offer(type=RewardType.DISCOUNT_AMOUNT),
            Buyer(900, None),
            None,
            "`milestones rewards apply CHECKOUT --reward",
        ),
    ],
)
def test_why_a_coupon_cannot_be_redeemed_is_a_sentence(
    offer: Offer, buyer: Buyer, agreed: int | None, fault: str | None
) -> None:
    said = find_redemption_fault(offer, buyer, agreed)
    assert said is None if fault is None else fault in (said or "")


@pytest.mark.parametrize(
    ("offer", "points", "fault"),
    [
        (an_offer(type=RewardType.DISCOUNT_AMOUNT), None, None),
        (an_offer(type=RewardType.DISCOUNT_AMOUNT), 150, None),
        (
            an_offer(type=RewardType.DISCOUNT_AMOUNT),
            151,
            "151 points were to be spent and the account has 150, so 1",
        ),
        (an_offer(), None, None),
        (an_offer(), 120, "has a fixed price"),
        (an_offer(active=False), None, "is not active"),
    ],
)
def test_why_a_discount_cannot_be_spent_is_a_sentence(
    offer: Offer, points: int | None, fault: str | None
) -> None:
    said = find_discount_fault(offer, Buyer(150, None), points)
    assert said is None if fault is None else fault in (said or "")


def test_a_loyalty_coupon_is_spent_if_it_is_active_and_says_why_not_otherwise() -> None:
    faults = {status: find_coupon_fault(status) for status in LoyaltyCouponStatus}
    assert [status for status, fault in faults.items() if fault is None] == [LoyaltyCouponStatus.ACTIVE]
    assert len(set(faults.values())) == len(faults), "each has a sentence of its own"


@pytest.mark.parametrize(
    ("coupon", "fault"),
    [
        ({}, None),
        ({"specification": {"usageLimit": 1}}, None),
        ({"expired": True}, "has expired"),
        ({"specification": {"expirationTime": NOW - timedelta(seconds=1)}}, "has expired"),
        ({"specification": {"active": False}}, "switched off"),
        ({"numberOfUsages": 1, "specification": {"usageLimit": 1}}, "used already"),
        ({"specification": {"startTime": NOW + timedelta(days=1)}}, "before 2026-11-23 12:00 UTC"),
    ],
)
def test_the_code_under_a_loyalty_coupon_says_whether_it_is_still_good(
    coupon: dict[str, Any], fault: str | None
) -> None:
    specification = CouponSpecification.model_validate(coupon.pop("specification", {}))
    said = find_code_fault(Coupon.model_validate({"id": "c", "specification": specification, **coupon}), NOW)
    assert said is None if fault is None else fault in (said or "")
    assert "was deleted" in (find_code_fault(None, NOW) or "")
