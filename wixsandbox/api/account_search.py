"""How accounts are found: fields of query and search, free text (docs/wix-api.md, 2.3)."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field as Limited

from wixsandbox.paging import CursorPaging, Sorting
from wixsandbox.query import Field, Fields, matcher
from wixsandbox.records import Account, display_name, full_name, primary_email
from wixsandbox.wire import Document, Wire
from wixsandbox.world import World


class FreeText(Wire):
    """Words in mail and name."""

    mode: Literal["AND", "OR"] = "OR"
    expression: str | None = Limited(default=None, max_length=100)
    fields: list[Literal["contact.email", "contact.name"]] = Limited(default_factory=list, max_length=20)
    fuzzy: bool = False


class Search(Wire):
    """The object that search and bulk adjustments take."""

    filter: Document | None = None
    sort: list[Sorting] = Limited(default_factory=list, max_length=10)
    cursor_paging: CursorPaging = CursorPaging()
    search: FreeText = FreeText()
    aggregations: list[Document] = Limited(default_factory=list, max_length=10)
    time_zone: str | None = None


def query_fields() -> Fields[Account]:
    """What ``query`` can filter and sort by. Neither mail nor updatedDate are among it."""
    return {
        "id": Field(lambda one: one.id, "id"),
        "contactId": Field(lambda one: one.contact_id, "id"),
        "memberId": Field(lambda one: one.member_id, "id"),
        "tier.id": Field(lambda one: one.tier_id, "id"),
        "points.balance": Field(lambda one: one.balance, "number"),
        "points.earned": Field(lambda one: one.earned, "number"),
        "points.adjusted": Field(lambda one: one.adjusted, "number"),
        "points.redeemed": Field(lambda one: one.redeemed, "number"),
        "points.expired": Field(lambda one: one.expired, "number"),
        "createdDate": Field(lambda one: one.created, "date"),
        "lastActivityDate": Field(lambda one: one.last_activity, "date"),
        "pointsExpiration.expirationDate": Field(lambda _: None, "date"),
        "pointsExpiration.expiringPointsAmount": Field(lambda _: None, "number"),
    }


def search_fields(world: World) -> Fields[Account]:
    """What ``search`` and ``count`` can filter and sort by."""

    def name(account: Account) -> str | None:
        contact = world.contacts.get(account.contact_id)
        return None if contact is None else full_name(contact)

    def shown(account: Account) -> str | None:
        contact = world.contacts.get(account.contact_id)
        return None if contact is None else display_name(contact)

    def email(account: Account) -> str | None:
        contact = world.contacts.get(account.contact_id)
        return None if contact is None else primary_email(contact)

    return {
        "updatedDate": Field(lambda one: one.updated, "date"),
        "lastActivityDate": Field(lambda one: one.last_activity, "date"),
        "points.balance": Field(lambda one: one.balance, "number"),
        "points.redeemed": Field(lambda one: one.redeemed, "number"),
        "pointsExpiration.expirationDate": Field(lambda _: None, "date"),
        "contact.id": Field(lambda one: one.contact_id, "id"),
        "contact.email": Field(email, "text"),
        "contact.name": Field(name, "text"),
        "contact.displayName": Field(shown, "text"),
    }


def find_accounts(world: World, filter_: Document | None, text: FreeText) -> list[Account]:
    """All accounts that a search finds."""
    fields = search_fields(world)
    keep = matcher(filter_, fields, logical=world.switches.logical_filters)
    matches = free_text(text, fields)
    return [one for one in world.accounts.visible(world.now) if keep(one) and matches(one)]


def free_text(wanted: FreeText, fields: Fields[Account]) -> Callable[[Account], bool]:
    """Whether an account has the words; no words are in every account."""
    words = (wanted.expression or "").casefold().split()
    getters = [fields[name].get for name in wanted.fields or ("contact.email", "contact.name")]
    quantifier = all if wanted.mode == "AND" else any

    def matches(account: Account) -> bool:
        text = " ".join(str(get(account) or "") for get in getters).casefold()
        return not words or quantifier(word in text for word in words)

    return matches
