"""Consent to marketing mail (docs/wix-api.md, 2.17): no ``query`` wrapper, only ``email`` with ``$in``."""

from typing import Annotated, Literal

from pydantic import Field as Limited

from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import InvalidError, RefusedError, not_found
from wixsandbox.events import EMAIL_SUBSCRIPTION_CHANGED, Caller
from wixsandbox.paging import offset_metadata
from wixsandbox.records import Subscription, subscription_document
from wixsandbox.wire import Document, Wire, parse
from wixsandbox.world import World

_ADDRESS = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
Address = Annotated[str, Limited(pattern=_ADDRESS, max_length=320)]
Status = Literal["UNKNOWN", "NOT_SET", "PENDING", "SUBSCRIBED", "UNSUBSCRIBED"]
Deliverability = Literal["NOT_SET", "VALID", "BOUNCED", "SPAM_COMPLAINT", "INACTIVE"]


class _Subscription(Wire):
    email: Address
    subscription_status: Status | None = None
    deliverability_status: Deliverability | None = None


class _Upsert(Wire):
    subscription: _Subscription


class _BulkUpsert(Wire):
    subscriptions: list[Document] = Limited(min_length=1, max_length=100)


class _Paging(Wire):
    limit: int | None = Limited(default=None, ge=1)
    offset: int = Limited(default=0, ge=0)


class _Query(Wire):
    filter: Document
    paging: _Paging = _Paging()


class _Link(Wire):
    email_address: Address
    metadata: dict[str, str] = Limited(default_factory=dict)
    language: str = Limited(default="EN", min_length=2, max_length=2)


def query_subscriptions(world: World, call: Call) -> Document:
    """Addresses that Wix never heard of are missing from the answer. Lags behind writes."""
    wanted = call.parse(_Query)
    addresses = _asked_addresses(world, wanted.filter)
    limit = wanted.paging.limit or min(50, world.switches.email_page_limit)
    if limit > world.switches.email_page_limit:
        raise InvalidError("paging.limit", f"must be at most {world.switches.email_page_limit}", "MAX")
    keys = dict.fromkeys(world.email_key(one) for one in addresses)
    known = (world.subscriptions.visible_by("email", key, world.now) for key in keys)
    found = [one for one in known if one is not None]
    page = found[wanted.paging.offset : wanted.paging.offset + limit]
    return {
        "subscriptions": [subscription_document(one) for one in page],
        "metadata": offset_metadata(len(page), wanted.paging.offset, len(found)),
    }


def upsert_subscription(world: World, call: Call) -> Document:
    """Set the consent of an address, known or not."""
    wanted = call.parse(_Upsert).subscription
    return {"subscription": subscription_document(_upsert(world, wanted, call.caller))}


def bulk_upsert(world: World, call: Call) -> Document:
    """Up to 100 at once; the shape of the answer is a switch, since sources disagree."""
    results: list[Document] = []
    for index, item in enumerate(call.parse(_BulkUpsert).subscriptions):
        try:
            entity = subscription_document(_upsert(world, parse(_Subscription, item), call.caller))
            results.append({"originalIndex": index, "emailSubscription": entity})
        except (InvalidError, RefusedError) as error:
            fault = {"errorCode": "INVALID_ARGUMENT", "message": error.body()["message"]}
            results.append({"originalIndex": index, "error": fault})
    if world.switches.bulk_email_answer == "subscriptions":
        return {"subscriptions": [one["emailSubscription"] for one in results if "error" not in one]}
    failures = sum("error" in one for one in results)
    return {
        "results": results,
        "metadata": {"totalSuccess": len(results) - failures, "totalFailure": failures},
    }


def get_subscription(world: World, call: Call) -> Document:
    """By the id of the subscription."""
    subscription = world.subscriptions.get(call.path["id"])
    if subscription is None:
        raise not_found("Email subscription", call.path["id"])
    return {"subscription": subscription_document(subscription)}


def unsubscribe_link(world: World, call: Call) -> Document:
    """A link to a page of Wix; opening it and confirming sets UNSUBSCRIBED."""
    wanted = call.parse(_Link)
    token = world.unsubscribe_token(wanted.email_address)
    world.unsubscribe_tokens[token] = wanted.email_address
    world.changes += 1
    issued = int(world.now.timestamp())
    return {"link": f"{world.base_url}/_sandbox/unsubscribe/{token}.{issued}"}


def set_consent(
    world: World, email: str, status: str | None, deliverability: str | None, caller: Caller | None
) -> Subscription:
    """The new consent; tells `EmailSubscriptionChanged`, an event without id, time or sequence."""
    old = world.subscriptions.find("email", world.email_key(email))
    subscription = Subscription(
        id=old.id if old else world.new_id("subscription"),
        email=old.email if old else email,
        status=status or (old.status if old else "NOT_SET"),
        deliverability=deliverability or (old.deliverability if old else "NOT_SET"),
        updated=world.stamp,
    )
    world.subscriptions.put(subscription, world.write_visible)
    content = {"subscription": subscription_document(subscription)}
    world.emit_plain(EMAIL_SUBSCRIPTION_CHANGED, content, caller)
    return subscription


def _upsert(world: World, wanted: _Subscription, caller: Caller) -> Subscription:
    old = world.subscriptions.find("email", world.email_key(wanted.email))
    again = old is not None and old.status == "UNSUBSCRIBED" and wanted.subscription_status == "SUBSCRIBED"
    if again and world.switches.subscribe_again == "refuse":
        raise RefusedError(428, "FAILED_PRECONDITION", "An unsubscribed address cannot be subscribed again")
    return set_consent(world, wanted.email, wanted.subscription_status, wanted.deliverability_status, caller)


def _asked_addresses(world: World, wanted: Document) -> list[str]:
    email = wanted.get("email")
    addresses = email.get("$in") if isinstance(email, dict) and set(email) == {"$in"} else None
    if set(wanted) != {"email"} or not isinstance(addresses, list):
        raise InvalidError("filter", "only email with $in is supported", "VALIDATION")
    if not all(isinstance(one, str) for one in addresses):
        raise InvalidError("filter.email.$in", "must hold addresses", "VALIDATION")
    if len(addresses) > world.switches.email_filter_limit:
        most = world.switches.email_filter_limit
        raise InvalidError("filter.email.$in", f"must have at most {most} items", "MAX_SIZE")
    return addresses


_ROOT = "/email-marketing/v1/email-subscriptions"
OPERATIONS = (
    Operation("queryEmailSubscriptions", "POST", f"{_ROOT}/query", query_subscriptions),
    Operation("upsertEmailSubscription", "POST", _ROOT, upsert_subscription),
    Operation("bulkUpsertEmailSubscription", "POST", f"{_ROOT}/bulk", bulk_upsert),
    Operation("generateUnsubscribeLink", "POST", f"{_ROOT}/unsubscribe-link", unsubscribe_link),
    Operation("getEmailSubscription", "GET", f"{_ROOT}/{{id}}", get_subscription),
)
