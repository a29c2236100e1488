"""Contacts, members and what hangs on them: creation rules, deletion, merging, erasure."""

from dataclasses import replace
from typing import Any

from wixsandbox import ledger
from wixsandbox.contact_info import Described
from wixsandbox.errors import RefusedError, not_found
from wixsandbox.events import BADGE_ASSIGNMENT, CONTACT, MEMBER, Caller
from wixsandbox.records import (
    Account,
    Contact,
    Member,
    Subscription,
    contact_document,
    primary_email,
)
from wixsandbox.wire import Document, parse
from wixsandbox.world import World


def the_contact(world: World, key: str) -> Contact:
    """The contact, or 404 with the code of contacts."""
    contact = world.contacts.get(key)
    if contact is None:
        raise RefusedError(404, "CONTACT_NOT_FOUND", f"Contact {key} was not found")
    return contact


def the_member(world: World, key: str) -> Member:
    """The member, or 404."""
    member = world.members.get(key)
    if member is None:
        raise not_found("Member", key)
    return member


def subscription_of(world: World, contact: Contact) -> Subscription | None:
    """The consent of the contact's primary address, if Wix knows one."""
    email = primary_email(contact)
    return None if email is None else world.subscriptions.find("email", world.email_key(email))


def contact_answer(world: World, contact: Contact) -> Document:
    """The contact as Wix answers it."""
    return contact_document(contact, subscription_of(world, contact))


def new_contact(world: World, info: Document, source: str, caller: Caller | None) -> Contact:
    """A contact with revision 1; ``info`` was checked."""
    now = world.stamp
    contact = Contact(world.new_id("contact"), info, source, now, now, 1)
    world.contacts.put(contact, world.write_visible)
    world.emit_created(CONTACT, contact_answer(world, contact), caller)
    return contact


def check_info(world: World, info: Document) -> Document:
    """``info`` with ids for its mails; raises for too little data and for what has the wrong form."""
    checked = parse(Described, {"info": info}).info.document()
    emails = checked.pop("emails", {"items": []})["items"]
    phones = checked.get("phones", {"items": []})["items"]
    if not (emails or phones or any(checked.get("name", {}).values())):
        raise RefusedError(400, "INSUFFICIENT_CONTACT_DATA", "A contact needs a name, a phone or an email")
    if not emails:
        return checked
    if not any(one["primary"] for one in emails):
        emails[0]["primary"] = True
    with_ids = [{**one, "id": one.get("id") or world.new_id("contact-email")} for one in emails]
    return {**checked, "emails": {"items": with_ids}}


def refuse_duplicate(world: World, info: Document, own_id: str | None) -> None:
    """409 if another contact has one of the mails."""
    for item in info.get("emails", {}).get("items", []):
        other = world.contacts.find("email", item["email"].casefold())
        if other is not None and other.id != own_id:
            data = {"duplicateContactId": other.id, "duplicateEmail": item["email"]}
            raise RefusedError(
                409, "DUPLICATE_CONTACT_EXISTS", "A contact with this email already exists", data
            )


def change_contact(world: World, contact: Contact, info: Document, caller: Caller | None) -> Contact:
    """A new revision; the account shows the new name and mail, which is a change of it too."""
    changed = replace(contact, info=info, revision=contact.revision + 1, updated=world.stamp)
    world.contacts.put(changed, world.write_visible)
    _tell_updated(world, contact, changed, caller)
    account = world.accounts.find("contactId", contact.id)
    if account is not None and info != contact.info:
        ledger.touch(world, account, caller)
    return changed


def _tell_updated(world: World, old: Contact, new: Contact, caller: Caller | None) -> None:
    content = _updated_event(contact_answer(world, old), contact_answer(world, new))
    world.emit(CONTACT, "updated", new.id, content.copy, caller)


def _updated_event(before: Document, after: Document) -> Document:
    """The event of a contact tells the former values of what changed, by path (SDK types)."""
    old, new = _leaves(before), _leaves(after)
    modified = {path: old.get(path) for path in {**old, **new} if old.get(path) != new.get(path)}
    return {"updatedEvent": {"currentEntity": after, "modifiedFields": modified}}


def _leaves(document: Document, above: str = "") -> Document:
    leaves: Document = {}
    for name, value in document.items():
        leaves |= _leaves(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return leaves


def remove_contact(world: World, contact: Contact, caller: Caller | None) -> None:
    """Delete a contact that is no member, with its account (there is no event for that)."""
    if world.members.find("contactId", contact.id) is not None:
        raise RefusedError(409, "CANNOT_DELETE_MEMBER", "A contact that is a site member cannot be deleted")
    _forget(world, contact)
    world.emit_deleted(CONTACT, contact.id, caller)


def erase(world: World, contact: Contact) -> None:
    """Remove a person everywhere, as a privacy request does; the events of contact and member say so."""
    member = world.members.find("contactId", contact.id)
    if member is not None:
        remove_member(world, member, world.owner, triggeredByAnonymizeRequest=True)
    for email in (one["email"] for one in contact.info.get("emails", {}).get("items", [])):
        subscription = world.subscriptions.find("email", world.email_key(email))
        if subscription is not None:
            world.subscriptions.delete(subscription.id, world.write_visible)
        world.unsubscribe_tokens.pop(world.unsubscribe_token(email), None)
    _forget(world, contact)
    world.emit_deleted(CONTACT, contact.id, world.owner, triggeredByAnonymizeRequest=True)


def remove_member(world: World, member: Member, caller: Caller | None, **more: Any) -> None:
    """Delete a member; its contact and account stay, its badges go."""
    for assignment in [one for one in world.assignments if one["memberId"] == member.id]:
        world.assignments.delete(assignment["id"], world.write_visible)
        content = {"deletedEvent": {"deletedEntity": assignment}}
        world.emit(BADGE_ASSIGNMENT, "deleted", assignment["id"], content.copy, caller)
    world.members.delete(member.id, world.write_visible)
    world.emit_deleted(MEMBER, member.id, caller, **more)
    account = world.accounts.find("contactId", member.contact_id)
    if account is not None:
        ledger.touch(world, account, caller, member_id=None)


def link_member(world: World, member: Member, caller: Caller | None) -> None:
    """Have the account of a contact that became a member show it from now on."""
    account = world.accounts.find("contactId", member.contact_id)
    if account is not None:
        ledger.touch(world, account, caller, member_id=member.id)


def merge(world: World, target: Contact, sources: list[Contact], caller: Caller) -> Contact:
    """Merge sources into the target: one updated event, one deleted for each source, one merged; points move too."""
    for source in sources:
        if world.members.find("contactId", source.id) is not None:
            raise RefusedError(
                409, "SOURCE_CONTACT_IS_MEMBER", "A site member can only be the target of a merge"
            )
    merged = replace(
        target, info=merge_info(target, sources), revision=target.revision + 1, updated=world.stamp
    )
    accounts = [one for one in (world.accounts.find("contactId", source.id) for source in sources) if one]
    before = contact_answer(world, target)
    for source in sources:
        _forget(world, source)
        world.merged_contacts[source.id] = target.id
    world.contacts.put(merged, world.write_visible)
    origin = {"originatedFrom": "merge"}
    answer = contact_answer(world, merged)
    content = {**_updated_event(before, answer), **origin}
    world.emit(CONTACT, "updated", target.id, content.copy, caller)
    for source in sources:
        world.emit_deleted(CONTACT, source.id, caller, **origin)
    body = {
        "targetContactId": target.id,
        "sourceContactIds": [one.id for one in sources],
        "targetContact": answer,
    }
    world.emit(CONTACT, "merged", target.id, lambda: {"actionEvent": {"body": body}}, caller)
    _join_accounts(world, target.id, accounts, caller)
    return merged


def merge_info(target: Contact, sources: list[Contact]) -> Document:
    """The target's data, completed by what only a source has; all mails are kept."""
    info = dict(target.info)
    emails = list(info.get("emails", {}).get("items", []))
    known = {one["email"].casefold() for one in emails}
    for source in sources:
        for name, part in source.info.items():
            info.setdefault(name, part)
        for item in source.info.get("emails", {}).get("items", []):
            if item["email"].casefold() not in known:
                known.add(item["email"].casefold())
                emails.append({**item, "primary": not emails})
    if emails:
        info["emails"] = {"items": emails}
    return info


def _join_accounts(world: World, contact_id: str, accounts: list[Account], caller: Caller) -> None:
    if not accounts:
        return
    own = world.accounts.find("contactId", contact_id) or ledger.open_account(world, contact_id, caller)
    names = ("earned", "adjusted", "redeemed", "expired", "tier_points")
    sums = {name: sum(getattr(one, name) for one in (own, *accounts)) for name in names}
    ledger.change(world, own, caller, **sums)


def _forget(world: World, contact: Contact) -> None:
    account = world.accounts.find("contactId", contact.id)
    if account is not None:
        world.accounts.delete(account.id, world.write_visible)
    world.contacts.delete(contact.id, world.write_visible)
