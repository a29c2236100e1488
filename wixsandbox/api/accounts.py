"""Loyalty accounts (docs/wix-api.md, 2.3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import Field as Limited
from pydantic import model_validator

from wixsandbox import bulk, ledger
from wixsandbox.api.account_search import (
    FreeText,
    Search,
    find_accounts,
    free_text,
    query_fields,
    search_fields,
)
from wixsandbox.api.call import Call, Operation, member_only
from wixsandbox.errors import InvalidError, RefusedError, not_found, stale_revision
from wixsandbox.paging import Condition, CursorPaging, CursorQuery, Page, Sorting, cursor_page
from wixsandbox.records import Account, Transaction
from wixsandbox.wire import Document, Guid, GuidList, Wire, parse, stamp
from wixsandbox.world import World

_LATEST_CHANGE = (Sorting(field_name="updatedDate", order="DESC"),)


class _Create(Wire):
    contact_id: Guid


def create_account(world: World, call: Call) -> Document:
    """Needs an ACTIVE program; balance 0."""
    contact_id = call.parse(_Create).contact_id
    ledger.require_active(world)
    if contact_id not in world.contacts:
        raise not_found("Contact", contact_id)
    existing = world.accounts.find("contactId", contact_id)
    if existing is None:
        return {"account": ledger.document(world, ledger.open_account(world, contact_id, call.caller))}
    if world.switches.existing_account == "already_exists":
        raise RefusedError(409, "ALREADY_EXISTS", "This contact already has a loyalty account")
    return {"account": ledger.document(world, existing)}


def get_account(world: World, call: Call) -> Document:
    """The read to trust: it never lags."""
    return {"account": ledger.document(world, ledger.the_account(world, call.path["id"]))}


class _FetchBy(Wire):
    contact_id: Annotated[str, Limited(max_length=50)] | None = None
    member_id: Annotated[str, Limited(max_length=50)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "_FetchBy":
        if (self.contact_id is None) == (self.member_id is None):
            raise ValueError("exactly one of contactId and memberId must be given")
        return self


def fetch_by(world: World, call: Call) -> Document:
    """The account of a contact or a member. What an absent account answers is a switch."""
    wanted = call.parse_query(_FetchBy)
    if wanted.contact_id is None:
        index, value = "memberId", wanted.member_id
    else:
        index, value = "contactId", wanted.contact_id
    account = world.accounts.find(index, value)
    if account is not None:
        return {"account": ledger.document(world, account)}
    if world.switches.missing_account == "empty":
        return {}
    raise not_found("Account of", str(value))


class _List(Wire):
    contact_ids: Annotated[GuidList, Limited(max_length=50)] = Limited(default_factory=list)
    cursor_paging: CursorPaging = CursorPaging()


def list_accounts(world: World, call: Call) -> Document:
    """Deprecated, but it still answers."""
    wanted = call.parse_query(_List)
    page = cursor_page(
        "listAccounts", world.accounts, query_fields(), CursorQuery(cursor_paging=wanted.cursor_paging),
        id_of=lambda one: one.id,
        besides=Condition({"contactIds": wanted.contact_ids}, _belongs),
    )  # fmt: skip
    metadata = {"count": len(page.records), "tooManyToCount": False, "cursors": page.cursors()}
    return {"accounts": _documents(world, page), "pagingMetadata": metadata}


def _belongs(listed: Document) -> Callable[[Account], bool]:
    contacts = frozenset(parse(_List, listed).contact_ids)
    return lambda one: not contacts or one.contact_id in contacts


class _Query(Wire):
    query: CursorQuery


def query_accounts(world: World, call: Call) -> Document:
    """Accounts by their points, ids and dates; lags behind writes."""
    page = cursor_page(
        "queryLoyaltyAccounts",
        world.accounts.visible(world.now),
        query_fields(),
        call.parse(_Query).query,
        id_of=lambda one: one.id,
        logical=world.switches.logical_filters,
    )
    return {"loyaltyAccounts": _documents(world, page), "pagingMetadata": page.metadata()}


class _SearchRequest(Wire):
    search: Search = Search()


def search_accounts(world: World, call: Call) -> Document:
    """Accounts by date of change, by contact, by free text; lags behind writes."""
    search = call.parse(_SearchRequest).search
    if search.aggregations:
        raise RefusedError(501, "UNIMPLEMENTED", "Aggregations are not simulated")
    query = CursorQuery.model_construct(
        filter=search.filter, sort=search.sort, cursor_paging=search.cursor_paging
    )
    fields = search_fields(world)
    page = cursor_page(
        "searchAccounts",
        world.accounts.visible(world.now),
        fields,
        query,
        id_of=lambda one: one.id,
        default_sort=_LATEST_CHANGE,
        logical=world.switches.logical_filters,
        besides=Condition(search.search.document(), lambda text: free_text(parse(FreeText, text), fields)),
    )
    return {
        "accounts": _documents(world, page),
        "pagingMetadata": page.metadata(),
        "aggregationData": {"results": []},
    }


class _Count(Wire):
    filter: Document | None = None
    search: FreeText = FreeText()


def count_accounts(world: World, call: Call) -> Document:
    """How many accounts a search would find."""
    wanted = call.parse(_Count)
    return {"count": len(find_accounts(world, wanted.filter, wanted.search))}


class _Earn(Wire):
    amount: int = Limited(ge=1, le=9_999_999)
    description: str | None = Limited(default=None, min_length=1, max_length=100)
    app_id: str = Limited(min_length=1, max_length=100)
    idempotency_key: str = Limited(min_length=1, max_length=256)
    activity_type: str | None = Limited(default=None, max_length=100)
    order_id: str | None = Limited(default=None, max_length=512)
    followed_social_media: Document | None = None


def earn_points(world: World, call: Call) -> Document:
    """Manual grant of points. The key of a repeated call returns the first result and books nothing."""
    wanted = call.parse(_Earn)
    account = ledger.the_account(world, call.path["accountId"])
    ledger.require_active(world)
    key = wanted.idempotency_key[:128]  # the record's limit is lower than the call's
    booked = _booked_before(world, account, wanted.app_id, key)
    if booked is not None:
        if world.switches.repeated_earn == "already_exists":
            raise RefusedError(409, "ALREADY_EXISTS", "The idempotency key was used before")
        first = ledger.the_account(world, booked.account_id)
        return {"account": ledger.document(world, first), "transactionId": booked.id}
    info = wanted.model_dump(
        by_alias=True,
        exclude_none=True,
        include={"app_id", "activity_type", "order_id", "followed_social_media"},
    )
    account, transaction = ledger.earn(
        world,
        account,
        wanted.amount,
        call.caller,
        description=wanted.description,
        idempotency_key=key,
        info=info,
    )
    return {"account": ledger.document(world, account), "transactionId": transaction.id}


def _booked_before(world: World, account: Account, app_id: str, key: str) -> Transaction | None:
    """What an earlier call with this key booked. Whose keys are compared, and for how long, are switches."""
    switches = world.switches
    names = {"account": (account.id, key), "app": (app_id, key), "site": key}
    booked = world.transactions.find(f"{switches.earn_key_scope}Key", names[switches.earn_key_scope])
    if booked is None or not switches.earn_key_seconds:
        return booked
    oldest = world.now - timedelta(seconds=switches.earn_key_seconds / world.time_scale)
    return booked if booked.created > stamp(oldest) else None


class _Adjust(Wire):
    balance: int | None = Limited(default=None, ge=0, le=999_999_999)
    amount: int | None = Limited(default=None, ge=-9_999_999, le=9_999_999)
    description: str | None = Limited(default=None, min_length=1, max_length=100)
    revision: int | None = Limited(default=None, ge=1)

    @model_validator(mode="after")
    def _something(self) -> "_Adjust":
        if self.balance is None and self.amount is None:
            raise ValueError("one of balance and amount must be given")
        if self.balance is None and self.amount == 0:
            raise ValueError("amount must not be 0")
        return self


def adjust_points(world: World, call: Call) -> Document:
    """Set the balance, or change it by an amount; ``balance`` wins. A stale revision is refused."""
    wanted = call.parse(_Adjust)
    account = ledger.the_account(world, call.path["accountId"])
    if wanted.revision is None:
        if world.switches.adjust_without_revision == "refuse":
            raise InvalidError("revision", "must not be empty", "REQUIRED_FIELD")
    elif wanted.revision != account.revision:
        switches = world.switches
        raise stale_revision(account.id, switches.stale_account_status, switches.stale_account_code)
    if wanted.balance is not None:
        delta, kind = wanted.balance - account.balance, "ADJUST"
    else:
        delta, kind = wanted.amount or 0, world.switches.amount_adjustment_type
    account, transaction = ledger.adjust(world, account, delta, call.caller, wanted.description, kind)
    return {"account": ledger.document(world, account), "transactionId": transaction.id}


class _BulkAdjust(_Adjust):
    search: Search = Search()


def bulk_adjust(world: World, call: Call) -> Document:
    """An asynchronous job over all accounts that the search finds."""
    wanted = call.parse(_BulkAdjust)
    found = find_accounts(world, wanted.search.filter, wanted.search.search)
    keys = [account.id for account in found]
    bulk.start_adjustment(world, keys, call.caller, balance=wanted.balance, amount=wanted.amount)
    return {"asyncJobId": world.new_id("job")}


def program_totals(world: World, _call: Call) -> Document:
    """Sums over all accounts, and how many accounts each tier has."""
    accounts = list(world.accounts)
    names = ("balance", "earned", "adjusted", "redeemed", "expired")
    tiers = [
        {"id": tier["id"], "numberOfAccounts": sum(one.tier_id == tier["id"] for one in accounts)}
        for tier in world.tiers
    ]
    base = {"numberOfAccounts": sum(one.tier_id is None for one in accounts)}
    points = {name: sum(getattr(one, name) for one in accounts) for name in names}
    return {"points": points, "tierTotals": [base, *tiers]}


def _documents(world: World, page: Page[Account]) -> list[Document]:
    return [ledger.document(world, account) for account in page.records]


_ROOT = "/loyalty-accounts/v1/accounts"
OPERATIONS = (
    Operation("createAccount", "POST", _ROOT, create_account),
    Operation("listAccounts", "GET", _ROOT, list_accounts),
    Operation("getAccountBySecondaryId", "GET", f"{_ROOT}/fetch-by", fetch_by),
    Operation("getCurrentMemberAccount", "GET", f"{_ROOT}/my-account", member_only),
    Operation("getProgramTotals", "GET", f"{_ROOT}/program-totals", program_totals),
    Operation("queryLoyaltyAccounts", "POST", f"{_ROOT}/query", query_accounts),
    Operation("searchAccounts", "POST", f"{_ROOT}/search", search_accounts),
    Operation("countAccounts", "POST", f"{_ROOT}/count", count_accounts),
    Operation("bulkAdjustPoints", "POST", f"{_ROOT}/bulk-adjust", bulk_adjust),
    Operation("getAccount", "GET", f"{_ROOT}/{{id}}", get_account),
    Operation("earnPoints", "POST", f"{_ROOT}/{{accountId}}/earn-points", earn_points),
    Operation("adjustPoints", "POST", f"{_ROOT}/{{accountId}}/adjust-points", adjust_points),
)
