import pytest

from milestones.sandbox.records import Account
from tests.sandbox.builders import Shop

ROOT = "/loyalty-accounts/v1/accounts"
LOYALTY_APP = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"


def earning(**changes: object) -> dict[str, object]:
    return {"amount": 10, "description": "A gift", "appId": LOYALTY_APP, "idempotencyKey": "k-1", **changes}


async def test_an_account_has_the_fields_of_the_fact_sheet(shop: Shop) -> None:
    account = shop.member_account()
    answer = (await shop.get(f"{ROOT}/{account.id}"))["account"]
    assert set(answer) == {
        "id", "contactId", "memberId", "points", "rewardAvailable", "createdDate", "updatedDate",
        "lastActivityDate", "revision", "tier", "contact",
    }  # fmt: skip
    assert set(answer["points"]) == {"balance", "earned", "adjusted", "redeemed", "expired"}
    assert answer["revision"] == str(account.revision)
    assert set(answer["contact"]) == {"id", "name", "email", "displayName"}
    assert answer["updatedDate"].endswith("Z")


async def test_an_account_without_a_member_leaves_the_field_out(shop: Shop) -> None:
    account = shop.account(lambda one: one.member_id is None)
    assert "memberId" not in (await shop.get(f"{ROOT}/{account.id}"))["account"]


async def test_an_account_that_is_not_there_answers_404(shop: Shop) -> None:
    body = await shop.get(f"{ROOT}/nobody", status=404)
    assert body["details"]["applicationError"]["code"] == "NOT_FOUND"


async def test_balance_is_earned_plus_adjusted_minus_redeemed(shop: Shop) -> None:
    for account in shop.sandbox.world.accounts:
        assert account.balance == account.earned + account.adjusted - account.redeemed >= 0


async def test_fetch_by_takes_exactly_one_of_contact_and_member(shop: Shop) -> None:
    account = shop.member_account()
    for given in ({"contactId": account.contact_id}, {"memberId": str(account.member_id)}):
        assert (await shop.get(f"{ROOT}/fetch-by", given))["account"]["id"] == account.id
    await shop.get(f"{ROOT}/fetch-by", status=400)
    await shop.get(f"{ROOT}/fetch-by", status=400, contactId=account.contact_id, memberId="x")
    await shop.get(f"{ROOT}/fetch-by", status=400, contactId="x" * 51)


async def test_an_absent_account_answers_404_or_nothing_by_switch(shop: Shop) -> None:
    await shop.get(f"{ROOT}/fetch-by", status=404, contactId="nobody")
    shop.switch(missing_account="empty")
    assert await shop.get(f"{ROOT}/fetch-by", contactId="nobody") == {}


async def test_an_account_is_opened_once_for_a_contact_with_balance_0(shop: Shop) -> None:
    world = shop.sandbox.world
    contact = next(one for one in world.contacts if world.accounts.find("contactId", one.id) is None)
    account = (await shop.post(ROOT, {"contactId": contact.id}))["account"]
    assert account["points"]["balance"] == 0
    assert shop.told() == ["wix.loyalty.v1.account_created"]
    assert await shop.refused(ROOT, {"contactId": contact.id}, status=409) == "ALREADY_EXISTS"
    shop.switch(existing_account="return")
    assert (await shop.post(ROOT, {"contactId": contact.id}))["account"]["id"] == account["id"]
    assert await shop.violated(ROOT, {"contactId": "x"}) == ["contactId"]
    assert await shop.violated(ROOT, {}) == ["contactId"]
    assert await shop.refused(ROOT, {"contactId": account["id"]}, status=404) == "NOT_FOUND"


@pytest.mark.parametrize("verb", ["activate", "pause"])
async def test_points_move_only_while_the_program_is_active(shop: Shop, verb: str) -> None:
    await shop.post(f"/loyalty-programs/v1/program/{verb}")
    path = f"{ROOT}/{shop.account().id}/earn-points"
    if verb == "activate":
        await shop.post(path, earning())
    else:
        assert await shop.refused(path, earning(), status=428) == "FAILED_PRECONDITION"


async def test_earning_raises_balance_and_revision_and_tells_both_events(shop: Shop) -> None:
    account = shop.account(lambda one: one.reward_available)
    answer = await shop.post(f"{ROOT}/{account.id}/earn-points", earning(amount=30))
    assert answer["account"]["points"]["balance"] == account.balance + 30
    assert answer["account"]["points"]["earned"] == account.earned + 30
    assert answer["account"]["revision"] == str(account.revision + 1)
    assert shop.told() == ["wix.loyalty.v1.account_points_updated", "wix.loyalty.v1.account_updated"]
    path = f"/loyalty-transactions/v1/loyalty-transactions/{answer['transactionId']}"
    transaction = (await shop.get(path))["loyaltyTransaction"]
    assert transaction["transactionType"] == "EARN"
    assert transaction["idempotencyKey"] == "k-1"
    assert transaction["earnInfo"] == {"appId": LOYALTY_APP}


@pytest.mark.parametrize(
    ("order", "types"),
    [
        ("account_first", ["account_updated", "account_points_updated"]),
        ("points_only", ["account_points_updated"]),
        ("account_only", ["account_updated"]),
    ],
)
async def test_which_events_a_change_tells_is_a_switch(shop: Shop, order: str, types: list[str]) -> None:
    shop.switch(points_events=order)
    account = shop.account(lambda one: one.reward_available)
    await shop.post(f"{ROOT}/{account.id}/earn-points", earning())
    assert shop.told() == [f"wix.loyalty.v1.{one}" for one in types]


async def test_a_repeated_key_returns_the_first_result_and_books_nothing(shop: Shop) -> None:
    path = f"{ROOT}/{shop.account().id}/earn-points"
    first = await shop.post(path, earning())
    assert await shop.post(path, earning(amount=99)) == first
    shop.switch(repeated_earn="already_exists")
    assert await shop.refused(path, earning(), status=409) == "ALREADY_EXISTS"


async def test_the_scope_of_a_key_is_a_switch(shop: Shop) -> None:
    one, other, *_ = shop.sandbox.world.accounts
    first = await shop.post(f"{ROOT}/{one.id}/earn-points", earning())
    assert (await shop.post(f"{ROOT}/{other.id}/earn-points", earning()))["account"]["id"] == other.id
    shop.switch(earn_key_scope="site")
    again = await shop.post(f"{ROOT}/{other.id}/earn-points", earning())
    assert again["transactionId"] != first["transactionId"]  # the newest booking under that key


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", 10_000_000),
        ("amount", 1.5),
        ("description", ""),
        ("description", "x" * 101),
        ("appId", ""),
        ("appId", None),
        ("idempotencyKey", "x" * 257),
        ("idempotencyKey", None),
        ("activityType", "x" * 101),
        ("orderId", "x" * 513),
    ],
)
async def test_earning_names_the_field_that_breaks_a_limit(shop: Shop, field: str, value: object) -> None:
    assert await shop.violated(f"{ROOT}/{shop.account().id}/earn-points", earning(**{field: value})) == [
        field
    ]


async def test_adjusting_sets_the_balance_or_changes_it_and_balance_wins(shop: Shop) -> None:
    account = shop.account()
    path = f"{ROOT}/{account.id}/adjust-points"
    answer = await shop.post(path, {"balance": 500, "amount": 7, "revision": str(account.revision)})
    assert answer["account"]["points"]["balance"] == 500
    answer = await shop.post(path, {"amount": -20, "revision": account.revision + 1})
    assert answer["account"]["points"]["balance"] == 480
    assert answer["account"]["points"]["adjusted"] == account.adjusted + 480 - account.balance
    found = await shop.get(f"/loyalty-transactions/v1/loyalty-transactions/{answer['transactionId']}")
    info = found["loyaltyTransaction"]["adjustInfo"]
    assert (info["amountBefore"], info["amountAfter"]) == (500, 480)


async def test_a_stale_revision_is_refused_with_409(shop: Shop) -> None:
    account = shop.account()
    body = {"balance": 5, "revision": account.revision - 1}
    path = f"{ROOT}/{account.id}/adjust-points"
    assert await shop.refused(path, body, status=409) == "INVALID_REVISION"
    shop.switch(adjust_without_revision="refuse")
    assert await shop.violated(path, {"balance": 5}) == ["revision"]


async def test_a_result_below_zero_is_refused(shop: Shop) -> None:
    account = shop.account()
    path = f"{ROOT}/{account.id}/adjust-points"
    assert await shop.refused(path, {"amount": -account.balance - 1}, status=428) == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    "body", [{}, {"amount": 0}, {"balance": -1}, {"balance": 1_000_000_000}, {"amount": 10_000_000}]
)
async def test_adjusting_needs_a_sensible_number(shop: Shop, body: dict[str, int]) -> None:
    assert await shop.violated(f"{ROOT}/{shop.account().id}/adjust-points", body)


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


async def test_list_takes_contacts_and_pages(shop: Shop) -> None:
    contacts = [one.contact_id for one, _ in zip(shop.sandbox.world.accounts, range(3), strict=False)]
    answer = await shop.get(ROOT, contactIds=contacts)
    assert {one["contactId"] for one in answer["accounts"]} == set(contacts)
    answer = await shop.get(ROOT, contactIds=contacts[0])
    assert len(answer["accounts"]) == 1
    page = await shop.get(ROOT, {"cursorPaging.limit": 7})
    assert len(page["accounts"]) == 7
    cursor = page["pagingMetadata"]["cursors"]["next"]
    assert (await shop.get(ROOT, {"cursorPaging.limit": 7, "cursorPaging.cursor": cursor}))["accounts"]


async def test_a_bulk_adjustment_is_a_job_that_moves_every_account_found(shop: Shop) -> None:
    before = {one.id: one.balance for one in shop.sandbox.world.accounts}
    search = {"filter": {"points.balance": {"$lt": 1000}}}
    answer = await shop.post(f"{ROOT}/bulk-adjust", {"search": search, "amount": 25})
    assert set(answer) == {"asyncJobId"}
    assert {one.id: one.balance for one in shop.sandbox.world.accounts} == before
    shop.clock.pass_(2)
    shop.sandbox.advance()
    after = {one.id: one.balance for one in shop.sandbox.world.accounts}
    assert all(after[key] == balance + (25 if balance < 1000 else 0) for key, balance in before.items())


async def test_totals_are_sums_over_all_accounts(shop: Shop) -> None:
    answer = await shop.get(f"{ROOT}/program-totals")
    accounts: list[Account] = list(shop.sandbox.world.accounts)
    assert answer["points"]["balance"] == sum(one.balance for one in accounts)
    assert sum(one["numberOfAccounts"] for one in answer["tierTotals"]) == len(accounts)
