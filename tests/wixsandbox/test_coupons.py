import json
from typing import Any

import pytest

from tests.wixsandbox.builders import Shop

ROOT = "/stores/v2/coupons"


def specification(**changes: Any) -> dict[str, Any]:
    wanted = {
        "name": "10% off",
        "code": "STARS10",
        "startTime": 1_795_166_130_000,
        "percentOffRate": 10,
        "scope": {"namespace": "stores"},
        "usageLimit": 1,
        **changes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


async def create(shop: Shop, **changes: Any) -> str:
    answer = await shop.post(ROOT, {"specification": specification(**changes)})
    assert set(answer) == {"id"}
    return str(answer["id"])


async def test_creating_answers_the_id_only_and_tells_the_event(shop: Shop) -> None:
    key = await create(shop)
    assert shop.told() == ["wix.ecommerce.coupons.v2.coupon_created"]
    coupon = (await shop.get(f"{ROOT}/{key}"))["coupon"]
    assert set(coupon) == {"id", "specification", "dateCreated", "expired", "numberOfUsages", "appId"}
    assert coupon["specification"] == {
        **specification(),
        "active": True,
        "type": "PERCENT_OFF_RATE",
        "percentOffRate": 10.0,
    }
    assert coupon["dateCreated"] == int(shop.clock().timestamp() * 1000)
    assert coupon["expired"] is False


async def test_times_are_text_by_switch_and_read_as_both(shop: Shop) -> None:
    shop.switch(coupon_times="text")
    key = await create(shop, startTime="1795166130000", expirationTime=1_795_166_131_000)
    coupon = (await shop.get(f"{ROOT}/{key}"))["coupon"]
    assert coupon["specification"]["startTime"] == "1795166130000"
    assert coupon["specification"]["expirationTime"] == "1795166131000"
    assert isinstance(coupon["dateCreated"], str)


async def test_a_code_exists_once_without_regard_to_case(shop: Shop) -> None:
    await create(shop)
    body = {"specification": specification(code="stars10")}
    assert await shop.refused(ROOT, body, status=409) == "ALREADY_EXISTS"
    shop.switch(duplicate_coupon_status=400, duplicate_coupon_code="CODE_TAKEN")
    assert await shop.refused(ROOT, body, status=400) == "CODE_TAKEN"
    shop.switch(coupon_codes_ignore_case=False)
    await create(shop, code="stars10")
    await shop.refused(ROOT, {"specification": specification()}, status=400)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"code": None},
        {"code": "x" * 21},
        {"startTime": None},
        {"startTime": "2026-01-01"},
        {"scope": None},
        {"minimumSubtotal": 10},
        {"percentOffRate": None},
        {"moneyOffAmount": 5},
        {"percentOffRate": 101},
        {"scope": {"namespace": "moon"}},
        {"scope": {"namespace": "bookings", "group": {"name": "product"}}},
        {"scope": {"namespace": "bookings", "group": {"name": "service"}}},
        {"percentOffRate": None, "freeShipping": True},
        {"expirationTime": 1},
        {"usageLimit": 0},
    ],
)
async def test_a_specification_must_be_complete_and_free_of_contradiction(
    shop: Shop, changes: dict[str, Any]
) -> None:
    assert await shop.violated(ROOT, {"specification": specification(**changes)})


@pytest.mark.parametrize(
    "changes",
    [
        {"percentOffRate": None, "scope": None, "freeShipping": True},
        {"percentOffRate": None, "scope": None, "freeShipping": True, "minimumSubtotal": 20},
        {"percentOffRate": None, "moneyOffAmount": 5, "scope": None, "minimumSubtotal": 20},
        {"percentOffRate": None, "fixedPriceAmount": 5},
        {"percentOffRate": None, "buyXGetY": {"x": 2, "y": 1}},
        {"scope": {"namespace": "stores", "group": {"name": "product"}}},
        {"scope": {"namespace": "events", "group": {"name": "event"}}},
        {"scope": {"namespace": "bookings", "group": {"name": "service", "entityId": "s-1"}}},
    ],
)
async def test_every_kind_of_coupon_can_be_made(shop: Shop, changes: dict[str, Any]) -> None:
    await create(shop, **changes)


async def test_a_coupon_is_found_by_its_code_with_a_filter_in_a_string(shop: Shop) -> None:
    key = await create(shop)
    await create(shop, code="OTHER")
    query = {"filter": json.dumps({"specification.code": {"$eq": "STARS10"}}), "paging": {"limit": 100}}
    answer = await shop.post(f"{ROOT}/query", {"query": query})
    assert [one["id"] for one in answer["coupons"]] == [key]
    assert answer["totalResults"] == 1
    answer = await shop.post(f"{ROOT}/query", {"query": {"paging": {"limit": 1, "offset": 1}}})
    assert answer["totalResults"] == 2
    assert len(answer["coupons"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"filter": {"specification.code": "X"}},
        {"filter": "{"},
        {"filter": '"code"'},
        {"filter": '{"specification.type": "X"}'},
        {"paging": {"limit": 101}},
        {"sort": '{"numberOfUsages": "asc"}'},
    ],
)
async def test_query_refuses_what_it_does_not_know(shop: Shop, query: dict[str, Any]) -> None:
    assert await shop.violated(f"{ROOT}/query", {"query": query})


async def test_query_lags_behind_a_create(shop: Shop) -> None:
    shop.switch(query_lag_seconds=4)
    key = await create(shop)
    query = {"query": {"filter": '{"specification.code": "STARS10"}'}}
    assert (await shop.post(f"{ROOT}/query", query))["coupons"] == []
    assert (await shop.get(f"{ROOT}/{key}"))["coupon"]["id"] == key
    shop.clock.pass_(4)
    assert len((await shop.post(f"{ROOT}/query", query))["coupons"]) == 1


async def test_an_update_is_partial_null_clears_and_the_type_stays(shop: Shop) -> None:
    key = await create(shop, expirationTime=1_895_166_130_000)
    changes = {"specification": {"name": "New", "expirationTime": None}}
    assert await shop.call("PATCH", f"{ROOT}/{key}", changes) == {}
    shown = (await shop.get(f"{ROOT}/{key}"))["coupon"]["specification"]
    assert shown["name"] == "New"
    assert "expirationTime" not in shown
    other = {"specification": {"percentOffRate": None, "moneyOffAmount": 5}}
    assert await shop.violated(f"{ROOT}/{key}", other, method="PATCH") == ["specification"]


async def test_a_deleted_coupon_frees_its_code(shop: Shop) -> None:
    key = await create(shop)
    shop.told()
    assert await shop.call("DELETE", f"{ROOT}/{key}") == {}
    assert shop.told() == ["wix.ecommerce.coupons.v2.coupon_deleted"]
    await shop.get(f"{ROOT}/{key}", status=404)
    await create(shop)


async def test_bulk_calls_report_per_item(shop: Shop) -> None:
    await create(shop)
    wanted = [specification(code="A1"), specification(), specification(code="A2", name="")]
    body = {"specifications": wanted, "returnFullEntity": True}
    answer = await shop.post("/stores/v2/bulk/coupons/create", body)
    assert [one["itemMetadata"]["success"] for one in answer["results"]] == [True, False, False]
    assert answer["results"][0]["coupon"]["specification"]["code"] == "A1"
    assert answer["results"][1]["itemMetadata"]["error"]["code"] == "ALREADY_EXISTS"
    assert answer["bulkActionMetadata"] == {"totalSuccesses": 1, "totalFailures": 2, "undetailedFailures": 0}
    ids = [answer["results"][0]["itemMetadata"]["id"], "nobody"]
    answer = await shop.post("/stores/v2/bulk/coupons/delete", {"ids": ids})
    assert answer["deleteMetadata"]["totalSuccesses"] == 1
    assert answer["results"][0] == {"originalIndex": 0, "success": True, "id": ids[0]}
    assert answer["results"][1]["error"]["code"] == "NOT_FOUND"
    assert await shop.violated("/stores/v2/bulk/coupons/create", {"specifications": [specification()] * 101})


async def test_a_coupon_expires_with_its_time(shop: Shop) -> None:
    soon = int(shop.clock().timestamp() * 1000) + 1000
    key = await create(shop, startTime=1, expirationTime=soon)
    shop.clock.pass_(2)
    assert (await shop.get(f"{ROOT}/{key}"))["coupon"]["expired"] is True
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": '{"expired": true}'}})
    assert answer["totalResults"] == 1


async def test_a_coupon_may_expire_after_the_last_year_that_there_is(shop: Shop) -> None:
    await create(shop, expirationTime=999_999_999_999_999)
    (coupon,) = (await shop.post(f"{ROOT}/query"))["coupons"]
    assert coupon["expired"] is False
    body = {"specification": specification(code="B", expirationTime=10**15)}
    assert await shop.violated(ROOT, body) == ["specification.expirationTime"]


async def test_using_a_code_is_told_and_counted(shop: Shop) -> None:
    await create(shop)
    shop.told()
    await shop.post("/_sandbox/use-coupon", {"code": "stars10"})
    assert shop.told() == ["wix.ecommerce.coupons.v2.coupon_applied"]
    assert await shop.refused("/_sandbox/use-coupon", {"code": "stars10"}, status=428)


async def test_of_which_characters_a_code_may_be_is_a_switch(shop: Shop) -> None:
    await create(shop, code="STARS-10")
    shop.switch(coupon_code_characters="letters_and_digits")
    assert await shop.violated(ROOT, {"specification": specification(code="STARS-11")})
    await create(shop, code="STARS11")
