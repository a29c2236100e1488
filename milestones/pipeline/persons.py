"""Whom an order is for, by what is known here, and what must be done first where that is too little."""

from collections.abc import Iterable
from dataclasses import dataclass

from milestones.domain.keys import address_key, contact_key
from milestones.domain.order import NOBODY, Create, Person, Request
from milestones.formats.mail_addresses import address_form, is_address
from milestones.kinds.account.payload import OpenAccount
from milestones.kinds.contact.payload import FindContact
from milestones.store.database.store import Transaction
from milestones.store.people import people
from milestones.store.tables import Account
from milestones.store.views import lookup
from milestones.store.views import persons as stored


@dataclass(frozen=True, slots=True)
class Whose:
    """The account of a person. fault: why there is none that anything can be done for, as a sentence.

    is_missing: none is known here; what that means depends on what may be made.
    contact_key: of the contact by whose id the person was named.
    """

    account_id: str = ""
    fault: str | None = None
    is_missing: bool = False
    contact_key: str | None = None


def find_person_fault(person: Person, request: Request) -> str | None:
    """What is wrong with whom a request is for, as a sentence; None where nothing is."""
    if person == NOBODY and not request.needs_account:
        return None
    if person.email and not is_address(person.email):
        return "That is no mail address: it has a name, an @ and a domain, such as ada@example.com."
    return person.fault()


async def find_whose(
    tx: Transaction, secret: bytes, site_id: str, persons: Iterable[Person]
) -> dict[Person, Whose]:
    """The accounts of these persons of a site. Their faults were looked at before."""
    asked = set(persons) - {NOBODY}
    contacts = {one: contact_key(secret, site_id, one.contact_id) for one in asked if one.contact_id}
    mails = {one: address_key(secret, site_id, address_form(one.email)) for one in asked if one.email}
    by_id = await lookup.accounts_by_id(tx, site_id, {one.account_id for one in asked if one.account_id})
    of_contact = await stored.accounts_by_contact(tx, site_id, set(contacts.values()))
    of_mail = await stored.accounts_by_email(tx, site_id, set(mails.values()))
    gone = await people.find_gone(tx, site_id, secret, {one.contact_id for one in contacts})
    named = {account.id: [account] for account in by_id}
    found = {NOBODY: Whose()}
    for one in asked:
        if one.account_id:
            found[one] = _of_account(one.account_id, named.get(one.account_id, []))
        elif one.contact_id:
            key = contacts[one]
            found[one] = _of_contact(key, of_contact.get(key, []), is_gone=one.contact_id in gone)
        else:
            found[one] = _of_address(of_mail.get(mails[one], []))
    return found


def _of_account(account_id: str, found: list[Account]) -> Whose:
    if not found:
        return Whose(fault=f"No account {account_id} is known on this site.")
    return _unless_erased(found[0])


def _unless_erased(account: Account) -> Whose:
    if account.erased_at is not None:
        sentence = f"The customer of account {account.id} was deleted or erased, so nothing is done for it."
        return Whose(fault=sentence)
    return Whose(account.id)


def _of_contact(key: str, found: list[Account], *, is_gone: bool) -> Whose:
    # A contact has one account by contract. Were there two, one that is not erased is meant.
    if found:
        return _unless_erased(min(found, key=lambda one: (one.erased_at is not None, one.id)))
    if is_gone:
        return Whose(fault="This contact was deleted, or merged into another, so nothing is done for it.")
    return Whose(is_missing=True, contact_key=key)


def _of_address(found: list[Account]) -> Whose:
    if len(found) > 1:
        ids = ", ".join(account.id for account in found)
        sentence = f"Several accounts have this mail address: {ids}. Give the id of the one you mean."
        return Whose(fault=sentence)
    return _unless_erased(found[0]) if found else Whose(is_missing=True)


def list_steps(person: Person, whose: Whose, request: Request) -> list[Request] | str:
    """What is to be done one after the other, so that a request is; or why it cannot be, as a sentence."""
    opens = isinstance(request, OpenAccount)
    if not whose.is_missing:
        return [request]
    if person.create is Create.NOTHING and not opens:
        what = "mail address" if person.email else "contact"
        return f"No account of this {what} is known on this site. It can be made: see `milestones accounts create --help`."
    effect = [] if opens else [request]
    if person.contact_id:
        return [OpenAccount(person.contact_id), *effect]
    return [FindContact(person, make=person.create is Create.CONTACT), OpenAccount(), *effect]
