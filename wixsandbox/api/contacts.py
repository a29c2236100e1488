"""Contacts v4: reading, creating, changing (docs/wix-api.md, 2.16). The revision is a JSON number."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field as Limited

from wixsandbox import people
from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import InvalidError, RefusedError
from wixsandbox.paging import OffsetPaging, Sorting, offset_metadata, sort_records
from wixsandbox.query import Field, Fields, matcher
from wixsandbox.records import Contact, first_name, last_name, primary_email
from wixsandbox.wire import Document, Guid, TextList, Wire
from wixsandbox.world import World

_MAIL = frozenset({"$eq", "$ne", "$in", "$exists", "$startsWith"})
_BASIC = ("id", "revision", "source", "createdDate", "updatedDate", "primaryInfo")
Fieldset = Literal["BASIC", "COMMUNICATION_DETAILS", "EXTENDED", "FULL"]


def contact_fields(world: World) -> Fields[Contact]:
    """What contacts can be filtered and sorted by."""

    def emails(contact: Contact) -> list[Any]:
        return [one.get("email") for one in contact.info.get("emails", {}).get("items", [])]

    def consent(contact: Contact) -> str:
        subscription = people.subscription_of(world, contact)
        return "NOT_SET" if subscription is None else subscription.status

    return {
        "id": Field(lambda one: one.id, "id"),
        "createdDate": Field(lambda one: one.created, "date"),
        "lastActivity.activityDate": Field(lambda one: one.updated, "date"),
        "updatedDate": Field(lambda one: one.updated, "date"),
        "source.sourceType": Field(lambda one: one.source, "text"),
        "primaryInfo.email": Field(primary_email, "text", _MAIL),
        "info.emails.email": Field(emails, "text", _MAIL, sorts=False),
        "info.name.first": Field(first_name, "text"),
        "info.name.last": Field(last_name, "text"),
        "info.labelKeys.items": Field(
            lambda one: one.info.get("labelKeys", {}).get("items", []), "text", sorts=False
        ),
        "info.extendedFields.emailSubscriptions.subscriptionStatus": Field(consent, "text"),
    }


class _Create(Wire):
    info: Document
    allow_duplicates: bool = False


def create_contact(world: World, call: Call) -> Document:
    """At least a name, phone or mail; a mail that another contact has is refused unless allowed."""
    wanted = call.parse(_Create)
    info = people.check_info(world, wanted.info)
    if not wanted.allow_duplicates:
        people.refuse_duplicate(world, info, None)
    contact = people.new_contact(world, info, "THIRD_PARTY", call.caller)
    return {"contact": people.contact_answer(world, contact)}


class _Shown(Wire):
    fields: TextList = Limited(default_factory=list, max_length=100)
    fieldsets: TextList = Limited(default_factory=list)


def get_contact(world: World, call: Call) -> Document:
    """A merged id returns its target and says so."""
    shown = call.parse_query(_Shown)
    key = call.path["id"]
    target = key
    while target in world.merged_contacts:
        target = world.merged_contacts[target]
    contact = people.the_contact(world, target)
    document = _reduce(people.contact_answer(world, contact), shown.fieldsets)
    return {"contact": document, "responseType": "REGULAR" if target == key else "MERGED"}


class _ListSort(Wire):
    field_name: str | None = None
    order: Literal["ASC", "DESC"] = "ASC"


class _List(_Shown):
    sort: _ListSort = _ListSort()
    paging: OffsetPaging = OffsetPaging()


def list_contacts(world: World, call: Call) -> Document:
    """All contacts, newest first unless told otherwise."""
    wanted = call.parse_query(_List)
    name = wanted.sort.field_name
    sort = [Sorting(field_name=name, order=wanted.sort.order)] if name else []
    return _page(world, list(world.contacts), sort, wanted.paging, wanted.fieldsets)


class _Query(Wire):
    filter: Document | None = None
    sort: list[Sorting] = Limited(default_factory=list, max_length=1)
    paging: OffsetPaging = OffsetPaging()
    fields: list[str] = Limited(default_factory=list, max_length=100)
    fieldsets: list[Fieldset] = Limited(default_factory=list)


class _QueryRequest(Wire):
    query: _Query = _Query()


def query_contacts(world: World, call: Call) -> Document:
    """Contacts by mail, name, label, consent; offset paging; lags behind writes."""
    query = call.parse(_QueryRequest).query
    found = find(world, query.filter)
    return _page(world, found, query.sort, query.paging, list(query.fieldsets))


def find(world: World, filter_: Document | None) -> list[Contact]:
    """The contacts that a filter finds, as query sees them."""
    keep = matcher(filter_, contact_fields(world), logical=True)
    return [one for one in world.contacts.visible(world.now) if keep(one)]


class _Update(Wire):
    info: Document
    revision: int = Limited(ge=1)
    allow_duplicates: bool = False


def update_contact(world: World, call: Call) -> Document:
    """Named parts of ``info`` replace the old ones; a stale revision is refused."""
    contact = people.the_contact(world, call.path["contactId"])
    wanted = call.parse(_Update)
    if wanted.revision != contact.revision:
        raise RefusedError(
            409, "CONTACT_ALREADY_CHANGED", "The contact was changed since the requested revision"
        )
    info = people.check_info(world, {**contact.info, **wanted.info})
    if not wanted.allow_duplicates:
        people.refuse_duplicate(world, info, contact.id)
    return {"contact": _change(world, call, contact, info)}


def delete_contact(world: World, call: Call) -> Document:
    """Members and their contacts belong together: a member's contact cannot be deleted."""
    contact = people.the_contact(world, call.path["contactId"])
    people.remove_contact(world, contact, call.caller)
    return {}


class _Labels(Wire):
    label_keys: TextList = Limited(min_length=1, max_length=100)


def label_contact(world: World, call: Call) -> Document:
    """Adds labels."""
    return {"contact": _relabel(world, call, call.parse(_Labels).label_keys, [])}


def unlabel_contact(world: World, call: Call) -> Document:
    """Takes labels away; they come as query parameters."""
    return {"contact": _relabel(world, call, [], call.parse_query(_Labels).label_keys)}


class _Merge(Wire):
    target_contact_revision: int | None = None
    source_contact_ids: list[Guid] = Limited(min_length=1, max_length=5)


def merge_contacts(world: World, call: Call) -> Document:
    """Sources vanish into the target; members can only be targets. Tells a group of three kinds of event."""
    target = people.the_contact(world, call.path["targetContactId"])
    wanted = call.parse(_Merge)
    if wanted.target_contact_revision not in {None, target.revision}:
        raise RefusedError(
            409, "CONTACT_ALREADY_CHANGED", "The contact was changed since the requested revision"
        )
    merged = people.merge(world, target, _sources(world, target, wanted), call.caller)
    return {"contact": people.contact_answer(world, merged)}


def preview_merge(world: World, call: Call) -> Document:
    """What a merge would make of the target."""
    target = people.the_contact(world, call.path["targetContactId"])
    info = people.merge_info(target, _sources(world, target, call.parse(_Merge)))
    return {"contact": people.contact_answer(world, replace(target, info=info))}


def _sources(world: World, target: Contact, wanted: _Merge) -> list[Contact]:
    keys = [key for key in dict.fromkeys(wanted.source_contact_ids) if key != target.id]
    if not keys:
        raise InvalidError("sourceContactIds", "must hold another contact than the target", "VALIDATION")
    return [people.the_contact(world, key) for key in keys]


def _relabel(world: World, call: Call, add: list[str], remove: list[str]) -> Document:
    contact = people.the_contact(world, call.path["contactId"])
    return relabel(world, call, contact, add, remove)


def relabel(world: World, call: Call, contact: Contact, add: list[str], remove: list[str]) -> Document:
    """The contact with other labels."""
    old: list[str] = contact.info.get("labelKeys", {}).get("items", [])
    labels = [one for one in dict.fromkeys([*old, *add]) if one not in remove]
    return _change(world, call, contact, {**contact.info, "labelKeys": {"items": labels}})


def _change(world: World, call: Call, contact: Contact, info: Document) -> Document:
    changed = people.change_contact(world, contact, info, call.caller)
    return people.contact_answer(world, changed)


def _page(
    world: World, found: list[Contact], sort: list[Sorting], paging: OffsetPaging, fieldsets: list[str]
) -> Document:
    limit = 50 if paging.limit is None else paging.limit
    if not 1 <= limit <= 1000:
        raise RefusedError(400, "ILLEGAL_LIMIT", "The limit must be between 1 and 1000")
    try:
        order = sort or [Sorting(field_name="createdDate", order="DESC")]
        found = sort_records(found, contact_fields(world), order, lambda one: one.id)
    except InvalidError as error:
        raise RefusedError(400, "UNSUPPORTED_SORT_FIELD", error.body()["message"]) from error
    page = found[paging.offset : paging.offset + limit]
    return {
        "contacts": [_reduce(people.contact_answer(world, one), fieldsets) for one in page],
        "pagingMetadata": offset_metadata(len(page), paging.offset, len(found)),
    }


def _reduce(document: Document, fieldsets: list[str]) -> Document:
    if not fieldsets or set(fieldsets) & {"FULL", "EXTENDED"}:
        return document
    kept = {name: document[name] for name in _BASIC if name in document}
    kept["info"] = {name: document["info"][name] for name in ("name",) if name in document["info"]}
    if "COMMUNICATION_DETAILS" in fieldsets:
        for name in ("emails", "phones", "addresses"):
            if name in document["info"]:
                kept["info"][name] = document["info"][name]
    return kept


_ROOT = "/contacts/v4/contacts"
OPERATIONS = (
    Operation("createContact", "POST", _ROOT, create_contact),
    Operation("listContacts", "GET", _ROOT, list_contacts),
    Operation("queryContacts", "POST", f"{_ROOT}/query", query_contacts),
    Operation("getContact", "GET", f"{_ROOT}/{{id}}", get_contact),
    Operation("updateContact", "PATCH", f"{_ROOT}/{{contactId}}", update_contact),
    Operation("deleteContact", "DELETE", f"{_ROOT}/{{contactId}}", delete_contact),
    Operation("labelContact", "POST", f"{_ROOT}/{{contactId}}/labels", label_contact),
    Operation("unlabelContact", "DELETE", f"{_ROOT}/{{contactId}}/labels", unlabel_contact),
    Operation("mergeContacts", "POST", f"{_ROOT}/{{targetContactId}}/merge", merge_contacts),
    Operation("previewMergeContacts", "POST", f"{_ROOT}/{{targetContactId}}/preview-merge", preview_merge),
)
