from uuid import uuid4

import pytest

from tests.wixsandbox.builders import Shop, earning

ROOT = "/loyalty-accounts/v1/accounts"


async def test_query_finds_the_accounts_between_900_and_999_page_by_page(shop: Shop) -> None:
    wanted = {one.id for one in shop.sandbox.world.accounts if 900 <= one.balance <= 999}
    query: dict[str, object] = {
        "filter": {"points.balance": {"$gte": 900, "$lte": 999}},
        "cursorPaging": {"limit": 2},
    }
    found: list[str] = []
    while True:
        answer = await shop.post(f"{ROOT}/query", {"query": query})
        found += [one["id"] for one in answer["loyaltyAccounts"]]
        metadata = answer["pagingMetadata"]
        assert metadata["count"] == len(answer["loyaltyAccounts"])
        if not metadata["hasNext"]:
            assert "next" not in metadata["cursors"]
            break
        query = {"cursorPaging": {"limit": 2, "cursor": metadata["cursors"]["next"]}}
    assert len(found) == len(set(found)) == len(wanted) > 4
    assert set(found) == wanted


async def test_the_default_order_is_newest_first_and_sorting_changes_it(shop: Shop) -> None:
    answer = await shop.post(f"{ROOT}/query", {"query": {}})
    dates = [one["createdDate"] for one in answer["loyaltyAccounts"]]
    assert len(dates) == 50
    assert dates == sorted(dates, reverse=True)
    query = {"sort": [{"fieldName": "points.balance"}, {"fieldName": "createdDate", "order": "DESC"}]}
    answer = await shop.post(f"{ROOT}/query", {"query": {**query, "cursorPaging": {"limit": 100}}})
    keys = [one["points"]["balance"] for one in answer["loyaltyAccounts"]]
    assert keys == sorted(keys)


async def test_a_page_back_is_the_page_before(shop: Shop) -> None:
    async def page(**paging: object) -> tuple[list[str], dict[str, str]]:
        answer = await shop.post(f"{ROOT}/query", {"query": {"cursorPaging": {"limit": 10, **paging}}})
        return [one["id"] for one in answer["loyaltyAccounts"]], answer["pagingMetadata"]["cursors"]

    first, cursors = await page()
    assert set(cursors) == {"next"}
    second, cursors = await page(cursor=cursors["next"])
    assert not set(first) & set(second)
    assert (await page(cursor=cursors["prev"]))[0] == first


@pytest.mark.parametrize(
    "query",
    [
        {"filter": {"updatedDate": {"$gte": "2026-01-01T00:00:00Z"}}},
        {"filter": {"contact.email": "a@example.com"}},
        {"filter": {"points.balance": {"$gte": "900"}}},
        {"filter": {"points.balance": {"$near": 900}}},
        {"filter": {"contactId": {"$gt": "a"}}},
        {"filter": {"points.balance": {"$gte": None}}},
        {"filter": {"memberId": {"$startsWith": None}}},
        {"filter": {"createdDate": {"$gte": "0001-01-01T00:00:00+14:00"}}},
        {"filter": {"createdDate": {"$gte": "yesterday"}}},
        {"filter": {"$or": [{"points.balance": 1}]}},
        {"filter": {"points.balance": {}}},
        {"filter": {"contactId": {"$in": "a"}}},
        {"sort": [{"fieldName": "updatedDate"}]},
        {"sort": [{"fieldName": "points.balance"}] * 6},
        {"cursorPaging": {"limit": 101}},
        {"cursorPaging": {"limit": 0}},
        {"cursorPaging": {"cursor": "nonsense"}},
        {"cursorPaging": {"cursor": "x" * 16_001}},
    ],
)
async def test_query_refuses_what_it_does_not_know(shop: Shop, query: dict[str, object]) -> None:
    assert await shop.violated(f"{ROOT}/query", {"query": query})


@pytest.mark.parametrize("status", [400, 409])
async def test_how_a_bad_cursor_is_refused_is_a_switch(shop: Shop, status: int) -> None:
    shop.switch(bad_cursor_status=status)
    body = await shop.call(
        "POST", f"{ROOT}/query", {"query": {"cursorPaging": {"cursor": "x"}}}, status=status
    )
    (violation,) = body["details"]["validationError"]["fieldViolations"]
    assert violation["ruleName"] == "INVALID_CURSOR"


async def test_a_cursor_carries_a_filter_of_many_ids(shop: Shop) -> None:
    ids = [str(uuid4()) for _ in range(300)] + [one.id for one in shop.sandbox.world.accounts]
    query: dict[str, object] = {"filter": {"id": {"$in": ids}}, "cursorPaging": {"limit": 100}}
    first = await shop.post(f"{ROOT}/query", {"query": query})
    paging = {"limit": 100, "cursor": first["pagingMetadata"]["cursors"]["next"]}
    second = await shop.post(f"{ROOT}/query", {"query": {"cursorPaging": paging}})
    assert len(second["loyaltyAccounts"]) == 20


async def test_a_cursor_is_tied_to_its_query_and_carries_the_filter(shop: Shop) -> None:
    answer = await shop.post(f"{ROOT}/query", {"query": {"cursorPaging": {"limit": 1}}})
    paging = {"cursor": answer["pagingMetadata"]["cursors"]["next"]}
    assert await shop.violated(f"{ROOT}/search", {"search": {"cursorPaging": paging}})
    both = {"cursorPaging": paging, "filter": {"points.balance": 1}}
    assert await shop.violated(f"{ROOT}/query", {"query": both})


@pytest.mark.parametrize(
    ("filter_", "keep"),
    [
        ({"points.balance": {"$in": [0, 1]}}, lambda one: one.balance in {0, 1}),
        ({"points.balance": {"$nin": [0, 1]}}, lambda one: one.balance not in {0, 1}),
        ({"points.balance": {"$ne": 0}}, lambda one: one.balance != 0),
        ({"memberId": {"$exists": False}}, lambda one: one.member_id is None),
        ({"points.balance": {"$gt": 10, "$lt": 900}}, lambda one: 10 < one.balance < 900),
        ({"memberId": {"$eq": None}}, lambda one: one.member_id is None),
        ({"points.balance": {"$lt": 500}, "createdDate": {"$gt": "0900-01-01"}}, lambda one: one.balance < 500),
        ({"lastActivityDate": {"$gt": "2026-06-01T00:00:00+02:00"}}, lambda one: one.last_activity > "2026-05-31T22"),
        ({"tier.id": {"$exists": True}, "points.balance": {"$lt": 1000}}, lambda one: one.tier_id and one.balance < 1000),
    ],
)  # fmt: skip
async def test_operators_select_what_they_say(shop: Shop, filter_: object, keep: object) -> None:
    assert callable(keep)
    wanted = {one.id for one in shop.sandbox.world.accounts if keep(one)}
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": filter_, "cursorPaging": {"limit": 100}}})
    found = {one["id"] for one in answer["loyaltyAccounts"]}
    assert found <= wanted
    assert len(found) == min(100, len(wanted))


async def test_logical_operators_are_understood_by_option(shop: Shop) -> None:
    shop.switch(logical_filters=True)
    filter_ = {"$or": [{"points.balance": 0}, {"$not": {"points.balance": {"$lt": 3000}}}]}
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": filter_, "cursorPaging": {"limit": 100}}})
    balances = [one["points"]["balance"] for one in answer["loyaltyAccounts"]]
    assert balances
    assert all(balance == 0 or balance >= 3000 for balance in balances)


async def test_search_finds_what_changed_since_a_moment(shop: Shop) -> None:
    since = "2026-11-20T09:00:00.000Z"
    changed = shop.account()
    await shop.post(f"{ROOT}/{changed.id}/earn-points", earning())
    search = {"filter": {"updatedDate": {"$gte": since}}, "sort": [{"fieldName": "updatedDate"}]}
    answer = await shop.post(f"{ROOT}/search", {"search": search})
    assert [one["id"] for one in answer["accounts"]] == [changed.id]
    assert await shop.violated(f"{ROOT}/search", {"search": {"filter": {"points.earned": 1}}})


async def test_search_by_words_and_count_agree(shop: Shop) -> None:
    email = next(iter(shop.sandbox.world.subscriptions)).email
    name = email.split("@", maxsplit=1)[0]
    search = {"search": {"expression": name.upper(), "mode": "AND"}}
    found = (await shop.post(f"{ROOT}/search", {"search": search}))["accounts"]
    assert {one["contact"]["email"] for one in found} == {email}
    assert (await shop.post(f"{ROOT}/count", search))["count"] == 1
    answer = await shop.post(f"{ROOT}/count", {"filter": {"contact.email": {"$startsWith": name}}})
    assert answer == {"count": 1}


async def test_a_cursor_carries_the_words_of_a_search(shop: Shop) -> None:
    search: dict[str, object] = {"search": {"expression": "example.org"}}
    wanted = (await shop.post(f"{ROOT}/count", search))["count"]
    paging: dict[str, object] = {"limit": 10}
    found: list[str] = []
    while paging:
        answer = await shop.post(f"{ROOT}/search", {"search": {**search, "cursorPaging": paging}})
        found += [one["contact"]["email"] for one in answer["accounts"]]
        following = answer["pagingMetadata"]["cursors"].get("next")
        search, paging = {}, {"limit": 10, "cursor": following} if following else {}
    assert len(set(found)) == len(found) == wanted > 20
    assert all(email.endswith("@example.org") for email in found)


async def test_query_and_search_lag_but_get_never_does(shop: Shop) -> None:
    shop.switch(query_lag_seconds=5)
    account = shop.account()
    query = {"query": {"filter": {"id": account.id}}}

    async def seen() -> int:
        found = (await shop.post(f"{ROOT}/query", query))["loyaltyAccounts"]
        return int(found[0]["points"]["balance"])

    await shop.post(f"{ROOT}/{account.id}/earn-points", earning(idempotencyKey="a"))
    shop.clock.pass_(3)
    await shop.post(f"{ROOT}/{account.id}/earn-points", earning(idempotencyKey="b"))
    assert (await shop.get(f"{ROOT}/{account.id}"))["account"]["points"]["balance"] == account.balance + 20
    assert await seen() == account.balance
    shop.clock.pass_(2)
    assert await seen() == account.balance + 10
    shop.clock.pass_(3)
    assert await seen() == account.balance + 20
