"""Coupons: Wix's two spellings of time, a filter inside a string, and what a new one must have."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from milestones.wix import coupons
from milestones.wix.coupons import BuyXGetY, CouponGroup, CouponScope, CouponSpecification
from milestones.wix.errors import WixRefusedError
from tests.wix.fakes import FakeWix

START = datetime(2026, 11, 20, tzinfo=UTC)
STORES = CouponScope(namespace="stores")


def a_specification(**overrides: Any) -> CouponSpecification:
    valid: dict[str, Any] = {
        "name": "10% off",
        "code": "STAR",
        "start_time": START,
        "percent_off_rate": Decimal(10),
        "scope": STORES,
    }
    return CouponSpecification(**(valid | overrides))


async def test_a_coupon_is_sent_in_milliseconds_and_numbers(wix: FakeWix) -> None:
    wix.answers({"id": "coupon-1"})
    specification = a_specification(
        expiration_time=datetime(2026, 12, 20, tzinfo=UTC),
        usage_limit=1,
        percent_off_rate=None,
        money_off_amount=Decimal("2.50"),
        scope=CouponScope(namespace="stores", group=CouponGroup(name="product", entity_id="p")),
    )
    assert await coupons.create(wix.client(), specification) == "coupon-1"
    assert wix.body() == {
        "specification": {
            "name": "10% off",
            "code": "STAR",
            "startTime": 1795132800000,
            "expirationTime": 1797724800000,
            "usageLimit": 1,
            "active": True,
            "moneyOffAmount": 2.5,
            "scope": {"namespace": "stores", "group": {"name": "product", "entityId": "p"}},
        }
    }


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ({"name": ""}, "needs a name"),
        ({"code": ""}, "1 to 20 characters"),
        ({"code": "X" * 21}, "1 to 20 characters"),
        ({"start_time": None}, "start time"),
        ({"percent_off_rate": None}, "exactly one of"),
        ({"money_off_amount": Decimal(1)}, "exactly one of"),
        ({"scope": None}, "either a scope or a minimum subtotal"),
        ({"minimum_subtotal": Decimal(5)}, "either a scope or a minimum subtotal"),
        ({"percent_off_rate": None, "free_shipping": True}, "takes no scope"),
    ],
)
async def test_a_coupon_that_wix_would_refuse_is_refused_with_its_reason(
    wix: FakeWix, overrides: dict[str, Any], fault: str
) -> None:
    with pytest.raises(WixRefusedError, match=fault):
        await coupons.create(wix.client(), a_specification(**overrides))
    assert wix.requests == []


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"scope": None, "minimum_subtotal": Decimal(5)},
        {"percent_off_rate": None, "free_shipping": True, "scope": None},
        {"percent_off_rate": None, "free_shipping": True, "scope": None, "minimum_subtotal": Decimal(5)},
        {"percent_off_rate": None, "fixed_price_amount": Decimal(5)},
        {"percent_off_rate": None, "buy_x_get_y": BuyXGetY(x=2, y=1)},
    ],
)
def test_every_kind_of_coupon_is_possible(overrides: dict[str, Any]) -> None:
    assert coupons.faults(a_specification(**overrides)) == []


@pytest.mark.parametrize("spelt", [1795132800000, "1795132800000"])
async def test_a_coupon_is_read_in_either_spelling_of_time(wix: FakeWix, spelt: Any) -> None:
    wix.answers(
        {"coupon": {"id": "c", "specification": {"code": "STAR", "startTime": spelt, "moneyOffAmount": 2.5}}}
    )
    coupon = await coupons.get(wix.client(), "c")
    assert (coupon.specification.start_time, coupon.specification.money_off_amount) == (START, Decimal("2.5"))


@pytest.mark.parametrize("kept", ["STAR-1", "star-1"])
async def test_a_code_is_found_whatever_its_case_and_by_nothing_less_than_itself(
    wix: FakeWix, kept: str
) -> None:
    others = [{"id": "x", "specification": {"code": "STAR-10"}}, {"id": "y"}]
    wix.answers({"coupons": [*others, {"id": "c", "specification": {"code": kept}}], "totalResults": 3})
    found = await coupons.find_by_code(wix.client(), "STAR-1")
    assert found is not None
    assert found.id == "c"
    assert wix.body()["query"]["filter"] == '{"specification.code": {"$eq": "STAR-1"}}'
    wix.answers({"coupons": others})
    assert await coupons.find_by_code(wix.client(), "STAR-1") is None


async def test_a_coupon_is_switched_off_or_deleted(wix: FakeWix) -> None:
    await coupons.deactivate(wix.client(), "c")
    assert (wix.requests[-1].method, wix.body()) == ("PATCH", {"specification": {"active": False}})
    await coupons.delete(wix.client(), "c")
    assert (wix.requests[-1].method, wix.requests[-1].url.path) == ("DELETE", "/stores/v2/coupons/c")
    assert wix.requests[-1].content == b""
