"""What moved points (docs/wix-api.md, 2.8). No event tells of a transaction, and queries lag."""

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, State, Text
from milestones.wix.paging import one
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

_ROOT = "/loyalty-transactions/v1/loyalty-transactions"
_GET = Call("GET", _ROOT + "/{loyaltyTransactionId}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)


class TransactionType(State):
    """Why points moved. The type that documentation calls ``GIVE`` does not exist (docs/wix-api.md, 0.1)."""

    UNKNOWN = "UNKNOWN"
    EARN = "EARN"
    REDEEM = "REDEEM"
    ADJUST = "ADJUST"
    REFUND = "REFUND"
    EXPIRE = "EXPIRE"


class EarnInfo(Entity):
    """Where earned points came from."""

    app_id: MaybeText = None
    activity_type: MaybeText = None
    order_id: MaybeText = None


class RedeemInfo(Entity):
    """What redeemed points bought."""

    reward_id: MaybeText = None
    reward_type: MaybeText = None
    reference_entity_id: MaybeText = None


class AdjustInfo(Entity):
    """Who adjusted, and the balance before and after."""

    app_id: MaybeText = None
    amount_before: int | None = None
    amount_after: int | None = None


class Transaction(Entity):
    """One movement of points. ``idempotency_key`` is there for points that a call to ``earn`` gave."""

    id: Text
    account_id: MaybeText = None
    created_date: MaybeInstant = None
    amount: int = 0
    transaction_type: TransactionType = TransactionType.UNKNOWN
    description: MaybeText = None
    idempotency_key: MaybeText = None
    earn_info: EarnInfo | None = None
    redeem_info: RedeemInfo | None = None
    adjust_info: AdjustInfo | None = None


async def get(client: WixClient, transaction_id: str) -> Transaction:
    """One transaction. Raises WixNotFoundError."""
    return one(
        await client.send(_GET, ids={"loyaltyTransactionId": transaction_id}),
        "loyaltyTransaction",
        Transaction,
        _GET,
    )


query = CursorQuery(_QUERY, "loyaltyTransactions", Transaction)
"""Transactions by account, amount, description, idempotency key, type or date."""
query_all = query.pages


async def find_by_idempotency_key(
    client: WixClient, key: str, *, account_id: str | None = None
) -> Transaction | None:
    """The transaction that an ``earn`` with this key left, if it shows yet."""
    wanted = {"idempotencyKey": {"$eq": key}} | ({"accountId": {"$eq": account_id}} if account_id else {})
    page = await query(client, wanted, limit=10)
    return next((found for found in page.items if found.idempotency_key == key), None)


async def find_by_description(client: WixClient, account_id: str, description: str) -> Transaction | None:
    """The transaction that an ``adjust`` with this description left, if it shows yet: its only mark of ours."""
    wanted = {"accountId": {"$eq": account_id}, "description": {"$eq": description}}
    page = await query(client, wanted, limit=10)
    return next((found for found in page.items if found.description == description), None)
