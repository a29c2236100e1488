"""Accounts and transactions: what is sent, field by field, and what is made of the answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from milestones.wix import accounts, transactions
from milestones.wix.errors import WixNotFoundError, WixRefusedError, WixUnavailableError
from milestones.wix.paging import Sort
from tests.wix.fakes import FakeWix

ACCOUNT = {"id": "a", "contactId": "c", "revision": "3", "points": {"balance": 950}}


async def test_an_account_is_read_by_its_id(wix: FakeWix) -> None:
    wix.answers({"account": ACCOUNT})
    account = await accounts.get(wix.client(), "a")
    assert (account.id, account.revision, account.points.balance) == ("a", 3, 950)
    assert wix.requests[0].url.path == "/loyalty-accounts/v1/accounts/a"


async def test_an_account_that_is_not_there_is_an_error(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    wix.answers(refusal(404, "NOT_FOUND"))
    with pytest.raises(WixNotFoundError, match="NOT_FOUND"):
        await accounts.get(wix.client(), "a")


@pytest.mark.parametrize("kind", ["contact_id", "member_id"])
async def test_an_account_is_found_by_contact_or_member(wix: FakeWix, kind: str) -> None:
    wix.answers({"account": ACCOUNT})
    ids: dict[str, Any] = {kind: "x y"}
    assert await accounts.fetch_by(wix.client(), **ids)
    name = "contactId" if kind == "contact_id" else "memberId"
    assert wix.requests[0].url.params[name] == "x y"


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(404),
        httpx.Response(200),
        httpx.Response(200, json={"account": None}),
        httpx.Response(200, json={}),
    ],
)
async def test_no_account_is_none_whether_wix_says_404_or_nothing(
    wix: FakeWix, reply: httpx.Response
) -> None:
    wix.answers(reply)
    assert await accounts.fetch_by(wix.client(), contact_id="c") is None


async def test_a_hotel_login_page_is_not_taken_for_no_account(wix: FakeWix) -> None:
    wix.answers(httpx.Response(404, html="<html>welcome"))
    with pytest.raises(WixUnavailableError):
        await accounts.fetch_by(wix.client(), contact_id="c")


@pytest.mark.parametrize("given", [{}, {"contact_id": "c", "member_id": "m"}])
async def test_an_account_is_found_by_exactly_one_id(wix: FakeWix, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either"):
        await accounts.fetch_by(wix.client(), **given)


async def test_changed_accounts_are_searched_by_date(wix: FakeWix) -> None:
    wix.answers({"accounts": [ACCOUNT], "pagingMetadata": {}})
    since = datetime(2026, 11, 20, 9, 0, 0, 999, tzinfo=UTC)
    where, sort = accounts.changes_since(since), [Sort("updatedDate")]
    pages = [page async for page in accounts.search_all(wix.client(), where, sort=sort)]
    assert [account.id for account in pages[0].items] == ["a"]
    assert wix.body() == {
        "search": {
            "filter": {"updatedDate": {"$gte": "2026-11-20T09:00:00.000Z"}},
            "sort": [{"fieldName": "updatedDate", "order": "ASC"}],
            "cursorPaging": {"limit": 100},
        }
    }


@pytest.mark.parametrize(("count", "expected"), [(7, 7), ("7", 7)])
async def test_accounts_are_counted(wix: FakeWix, count: Any, expected: int) -> None:
    wix.answers({"count": count})
    assert await accounts.count(wix.client(), {"points.balance": {"$gte": 1}}) == expected
    assert wix.body() == {"filter": {"points.balance": {"$gte": 1}}}


@pytest.mark.parametrize("count", ["many", [], {}])
async def test_a_count_that_is_no_number_is_an_error(wix: FakeWix, count: Any) -> None:
    wix.answers({"count": count})
    with pytest.raises(WixUnavailableError):
        await accounts.count(wix.client())


async def test_totals_are_read_whole(wix: FakeWix) -> None:
    wix.answers(
        {
            "points": {"balance": 9},
            "tierTotals": [{"numberOfAccounts": 4}, {"id": "t", "numberOfAccounts": 1}],
        }
    )
    totals = await accounts.totals(wix.client())
    assert totals.points.balance == 9
    assert [(tier.id, tier.number_of_accounts) for tier in totals.tier_totals] == [(None, 4), ("t", 1)]


async def test_points_are_earned_with_a_key(wix: FakeWix) -> None:
    wix.answers({"account": ACCOUNT, "transactionId": "t"})
    account, transaction_id = await accounts.earn(
        wix.client(),
        "a",
        amount=50,
        description="A review",
        app_id="ours",
        idempotency_key="k",
        activity_type="review",
    )
    assert account is not None
    assert (account.id, transaction_id) == ("a", "t")
    assert wix.requests[0].url.path == "/loyalty-accounts/v1/accounts/a/earn-points"
    assert wix.body() == {
        "amount": 50,
        "description": "A review",
        "appId": "ours",
        "idempotencyKey": "k",
        "activityType": "review",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": 10_000_000},
        {"description": ""},
        {"description": "x" * 101},
        {"idempotency_key": "x" * 129},
    ],
)
async def test_what_wix_would_refuse_is_refused_before_it_is_asked(
    wix: FakeWix, wrong: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"amount": 5, "description": "thanks", "idempotency_key": "k"}
    with pytest.raises(WixRefusedError) as caught:
        await accounts.earn(wix.client(), "a", **(given | wrong))
    assert caught.value.permanent
    assert wix.requests == []


async def test_a_balance_is_set_on_condition_of_a_revision(wix: FakeWix) -> None:
    wix.answers({"account": ACCOUNT})
    booking = await accounts.adjust(wix.client(), "a", balance=42, description="sync", revision=3)
    assert booking.transaction_id is None
    assert wix.body() == {"balance": 42, "description": "sync", "revision": "3"}
    await accounts.adjust(wix.client(), "a", amount=-7, description="sync")
    assert wix.body() == {"amount": -7, "description": "sync"}


@pytest.mark.parametrize(
    "wrong", [{"amount": 0}, {"amount": -10_000_000}, {"balance": -1}, {"balance": 10**9}]
)
async def test_an_impossible_adjustment_is_refused_before_it_is_asked(
    wix: FakeWix, wrong: dict[str, Any]
) -> None:
    with pytest.raises(WixRefusedError):
        await accounts.adjust(wix.client(), "a", description="sync", **wrong)
    assert wix.requests == []


async def test_many_accounts_are_adjusted_as_a_job(wix: FakeWix) -> None:
    wix.answers({"asyncJobId": "j"})
    assert await accounts.bulk_adjust(wix.client(), {"points.balance": {"$gt": 0}}, amount=5) == "j"
    assert wix.body() == {"search": {"filter": {"points.balance": {"$gt": 0}}}, "amount": 5}


async def test_a_lost_earn_is_found_by_its_key_and_a_lost_adjustment_by_its_description(wix: FakeWix) -> None:
    mine = {"id": "t", "idempotencyKey": "k", "description": "sync k", "transactionType": "EARN", "amount": 5}
    other = {"id": "x", "idempotencyKey": "other", "description": "other"}
    wix.answers({"loyaltyTransactions": [other, mine]})
    found = await transactions.find_by_idempotency_key(wix.client(), "k", account_id="a")
    assert found is not None
    assert found.id == "t"
    assert wix.body()["query"]["filter"] == {"idempotencyKey": {"$eq": "k"}, "accountId": {"$eq": "a"}}
    assert (await transactions.find_by_description(wix.client(), "a", "sync k")) == found
    assert (await transactions.find_by_description(wix.client(), "a", "nothing")) is None
