"""Loyalty accounts: who has how many points (docs/wix-api.md, 2.3).

Query and search lag behind writes; only ``get`` is to be trusted right after one (section 6). Points move through
``earn`` and ``adjust`` alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from milestones.formats import untrusted
from milestones.wix.account import LOYALTY_APP_ID, Account, ProgramTotals
from milestones.wix.answers import Call, unreadable
from milestones.wix.errors import WixError, WixNotFoundError, WixRefusedError, says_duplicate
from milestones.wix.fields import wire_time
from milestones.wix.paging import (
    Filter,
    maybe,
    one,
    whole,
)
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

MAX_AMOUNT = 9_999_999
MAX_BALANCE = 999_999_999
MAX_DESCRIPTION = 100
MAX_IDEMPOTENCY_KEY = 128

_ROOT = "/loyalty-accounts/v1/accounts"
_GET = Call("GET", _ROOT + "/{id}", reads=True)
_FETCH_BY = Call("GET", _ROOT + "/fetch-by", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_SEARCH = Call("POST", _ROOT + "/search", reads=True)
_COUNT = Call("POST", _ROOT + "/count", reads=True)
_TOTALS = Call("GET", _ROOT + "/program-totals", reads=True)
_CREATE = Call("POST", _ROOT, reads=False)
_EARN = Call("POST", _ROOT + "/{accountId}/earn-points", reads=False)
_ADJUST = Call("POST", _ROOT + "/{accountId}/adjust-points", reads=False)
_BULK_ADJUST = Call("POST", _ROOT + "/bulk-adjust", reads=False)


class Booking(NamedTuple):
    """What a change of points left behind; one of the two may be None where Wix leaves it out."""

    account: Account | None
    transaction_id: str | None


async def get(client: WixClient, account_id: str) -> Account:
    """The account as it is now. Raises WixNotFoundError."""
    answer = await client.send(_GET, ids={"id": account_id})
    return one(answer, "account", Account, _GET)


async def fetch_by(
    client: WixClient, *, contact_id: str | None = None, member_id: str | None = None
) -> Account | None:
    """The account of one contact or one member (give exactly one), or None.

    Whether Wix answers 404 or nothing for "no account" is unverified; both are None.
    """
    if (contact_id is None) == (member_id is None):
        raise ValueError("give either a contact id or a member id")
    params = {"contactId": contact_id} if contact_id is not None else {"memberId": member_id or ""}
    try:
        answer = await client.send(_FETCH_BY, params=params)
    except WixNotFoundError:
        return None
    return one(answer, "account", Account, _FETCH_BY) if answer.get("account") else None


query = CursorQuery(_QUERY, "loyaltyAccounts", Account)
"""Accounts by points, ids, tier or creation, such as ``{"points.balance": {"$gte": 900, "$lte": 999}}``.

Neither mail nor ``updatedDate`` nor tier points can be filtered here.
"""
query_all = query.pages

search = CursorQuery(_SEARCH, "accounts", Account, wrapper="search")
"""Accounts by change, activity, balance or the contact's mail and name."""
search_all = search.pages


def changes_since(moment: datetime) -> dict[str, Any]:
    """The search filter for accounts changed at or after the moment."""
    return {"updatedDate": {"$gte": wire_time(moment)}}


async def count(client: WixClient, where: Filter = None) -> int:
    """How many accounts match the filter of a search; all of them without one."""
    answer = await client.send(_COUNT, body={"filter": dict(where or {})})
    number = untrusted.whole(answer.get("count", 0))
    if number is None:
        raise unreadable(_COUNT, "count is not a number")
    return number


async def totals(client: WixClient) -> ProgramTotals:
    """Points of all accounts together, and accounts by tier."""
    return whole(await client.send(_TOTALS), ProgramTotals, _TOTALS)


async def create(client: WixClient, contact_id: str) -> Account:
    """Opens an account with balance 0. The program must be active. See ``already_exists``."""
    answer = await client.send(_CREATE, body={"contactId": contact_id})
    return one(answer, "account", Account, _CREATE)


def already_exists(error: WixError) -> bool:
    """Whether ``create`` was refused because the contact has an account: success, if ours was the lost call."""
    return says_duplicate(error)


async def earn(
    client: WixClient,
    account_id: str,
    *,
    amount: int,
    description: str,
    app_id: str = LOYALTY_APP_ID,
    idempotency_key: str,
    activity_type: str | None = None,
    order_id: str | None = None,
) -> Booking:
    """Gives points: 1 to 9,999,999. The same key again books nothing.

    What a repeated key answers is unverified: the first result, or a refusal that ``already_earned`` knows.
    """
    _within(amount, 1, MAX_AMOUNT, "points to earn")
    _within(len(description), 1, MAX_DESCRIPTION, "characters of a description")
    _within(len(idempotency_key), 1, MAX_IDEMPOTENCY_KEY, "characters of an idempotency key")
    body: dict[str, Any] = {
        "amount": amount,
        "description": description,
        "appId": app_id,
        "idempotencyKey": idempotency_key,
    }
    if activity_type is not None:
        body["activityType"] = activity_type
    if order_id is not None:
        body["orderId"] = order_id
    answer = await client.send(_EARN, ids={"accountId": account_id}, body=body)
    return _booking(answer, _EARN)


def already_earned(error: WixError) -> bool:
    """Whether ``earn`` was refused because its key was used: the points are there."""
    return says_duplicate(error)


async def adjust(
    client: WixClient,
    account_id: str,
    *,
    balance: int | None = None,
    amount: int | None = None,
    description: str,
    revision: int | None = None,
) -> Booking:
    """Sets the balance (0 to 999,999,999) or changes it by an amount (not 0): give exactly one.

    revision: the one that the decision was based on; a stale one raises WixConflictError. Wix's text demands it
    although its type does not (docs/wix-api.md, 8).
    """
    body = _adjustment(balance, amount)
    _within(len(description), 1, MAX_DESCRIPTION, "characters of a description")
    body["description"] = description
    if revision is not None:
        body["revision"] = str(revision)
    answer = await client.send(_ADJUST, ids={"accountId": account_id}, body=body)
    return _booking(answer, _ADJUST)


async def bulk_adjust(
    client: WixClient,
    where: Mapping[str, Any],
    *,
    balance: int | None = None,
    amount: int | None = None,
) -> str | None:
    """Adjusts every account that a search finds, later, as a job of Wix's whose id is returned."""
    body = {"search": {"filter": dict(where)}, **_adjustment(balance, amount)}
    job = (await client.send(_BULK_ADJUST, body=body)).get("asyncJobId")
    return job if isinstance(job, str) else None


def _booking(answer: Mapping[str, Any], call: Call) -> Booking:
    transaction_id = untrusted.text(answer.get("transactionId"))
    account = maybe(answer, "account", Account)
    if account is None and transaction_id is None:
        raise unreadable(call, "neither account nor transaction is in it")
    return Booking(account, transaction_id)


def _adjustment(balance: int | None, amount: int | None) -> dict[str, Any]:
    if (balance is None) == (amount is None):
        raise ValueError("give either a balance or an amount")
    if balance is not None:
        _within(balance, 0, MAX_BALANCE, "points of balance")
        return {"balance": balance}
    if not amount:
        raise WixRefusedError("An adjustment by 0 points is not possible.")
    _within(amount, -MAX_AMOUNT, MAX_AMOUNT, "points to adjust")
    return {"amount": amount}


def _within(value: int, least: int, most: int, what: str) -> None:
    if not least <= value <= most:
        raise WixRefusedError(f"{value} {what} cannot be sent to Wix: it takes {least} to {most}.")
