"""Contacts v4: bulk jobs and facets (docs/wix-api.md, 2.16)."""

from collections import Counter

from pydantic import Field as Limited

from wixsandbox import people
from wixsandbox.api.call import Call, Operation
from wixsandbox.api.contacts import find, relabel
from wixsandbox.errors import RefusedError
from wixsandbox.records import Contact, full_name, primary_email
from wixsandbox.wire import Document, Wire
from wixsandbox.world import World


class _Bulk(Wire):
    filter: Document | None = None
    search: str | None = None


class _BulkUpdate(_Bulk):
    info: Document


class _BulkLabels(_Bulk):
    label_keys_to_add: list[str] = Limited(default_factory=list)
    label_keys_to_remove: list[str] = Limited(default_factory=list)


def bulk_delete(world: World, call: Call) -> Document:
    """Deletes what the filter finds, but no members."""
    for contact in _find_contacts(world, call.parse(_Bulk)):
        if world.members.find("contactId", contact.id) is None:
            people.remove_contact(world, contact, call.caller)
    return {"jobId": world.new_id("job")}


def bulk_update(world: World, call: Call) -> Document:
    """Changes what the filter finds."""
    wanted = call.parse(_BulkUpdate)
    for contact in _find_contacts(world, wanted):
        info = people.check_info(world, {**contact.info, **wanted.info})
        people.change_contact(world, contact, info, call.caller)
    return {"jobId": world.new_id("job")}


def bulk_labels(world: World, call: Call) -> Document:
    """Labels what the filter finds."""
    wanted = call.parse(_BulkLabels)
    for contact in _find_contacts(world, wanted):
        relabel(world, call, contact, wanted.label_keys_to_add, wanted.label_keys_to_remove)
    return {"jobId": world.new_id("job")}


def facets(world: World, call: Call) -> Document:
    """How many contacts there are, by label."""
    filter_ = call.body.get("filter")
    found = find(world, filter_ if isinstance(filter_, dict) else None)
    labels = Counter(key for one in found for key in one.info.get("labelKeys", {}).get("items", []))
    values = [{"value": key, "count": count} for key, count in sorted(labels.items())]
    return {"facets": [{"name": "info.labelKeys", "values": values}], "total": len(found)}


def _find_contacts(world: World, wanted: _Bulk) -> list[Contact]:
    if wanted.filter is None and wanted.search is None:
        raise RefusedError(400, "NEITHER_FILTER_NOR_SEARCH", "Either a filter or a search is needed")
    words = (wanted.search or "").casefold()
    found = find(world, wanted.filter)
    return [one for one in found if words in f"{full_name(one)} {primary_email(one)}".casefold()]


_BULK = "/contacts/v4/bulk/contacts"
OPERATIONS = (
    Operation("bulkDeleteContacts", "POST", f"{_BULK}/delete", bulk_delete),
    Operation("bulkUpdateContacts", "POST", f"{_BULK}/update", bulk_update),
    Operation("bulkLabelAndUnlabelContacts", "POST", f"{_BULK}/add-remove-labels", bulk_labels),
    Operation("listFacets", "GET", "/contacts/v4/contacts/facets", facets),
    Operation("queryFacets", "POST", "/contacts/v4/contacts/facets/query", facets),
)
