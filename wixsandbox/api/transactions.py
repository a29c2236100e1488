"""Loyalty transactions (docs/wix-api.md, 2.8): the ledger; there is no event for them."""

from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import not_found
from wixsandbox.paging import CursorRequest, cursor_page
from wixsandbox.query import Field, Fields
from wixsandbox.records import Transaction, transaction_document
from wixsandbox.wire import Document
from wixsandbox.world import World

FIELDS: Fields[Transaction] = {
    "id": Field(lambda one: one.id, "id"),
    "accountId": Field(lambda one: one.account_id, "id"),
    "amount": Field(lambda one: one.amount, "number"),
    "description": Field(lambda one: one.description, "text"),
    "idempotencyKey": Field(lambda one: one.idempotency_key, "id"),
    "transactionType": Field(lambda one: one.type, "text"),
    "createdDate": Field(lambda one: one.created, "date"),
}


def get_transaction(world: World, call: Call) -> Document:
    """One movement of points."""
    key = call.path["loyaltyTransactionId"]
    transaction = world.transactions.get(key)
    if transaction is None:
        raise not_found("Transaction", key)
    return {"loyaltyTransaction": transaction_document(transaction)}


def query_transactions(world: World, call: Call) -> Document:
    """Movements of points, also by idempotency key; lags behind writes."""
    page = cursor_page(
        "queryLoyaltyTransactions",
        world.transactions.visible(world.now),
        FIELDS,
        call.parse(CursorRequest).query,
        id_of=lambda one: one.id,
        logical=world.switches.logical_filters,
    )
    documents = [transaction_document(one) for one in page.records]
    return {"loyaltyTransactions": documents, "pagingMetadata": page.metadata()}


_ROOT = "/loyalty-transactions/v1/loyalty-transactions"
OPERATIONS = (
    Operation("queryLoyaltyTransactions", "POST", f"{_ROOT}/query", query_transactions),
    Operation("getLoyaltyTransaction", "GET", f"{_ROOT}/{{loyaltyTransactionId}}", get_transaction),
)
