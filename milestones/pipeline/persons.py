"""Whom an order is for, by what is known here."""

from collections.abc import Iterable
from dataclasses import dataclass

from milestones.domain.keys import address_key, contact_key
from milestones.domain.order import Person
from milestones.formats.mail_addresses import address_form, is_address
from milestones.store.database.store import Transaction
from milestones.store.tables import Account
from milestones.store.views import lookup


@dataclass(frozen=True, slots=True)
class Whose:
    """The account of a person. fault: why there is none that anything can be done for, as a sentence."""

    account_id: str = ""
    fault: str | None = None


def find_person_fault(person: Person) -> str | None:
    """What is wrong with a person, as a sentence; None where nothing is."""
    if person.email and not is_address(person.email):
        return "That is no mail address: it has a name, an @ and a domain, such as ada@example.com."
    return person.fault()


async def find_whose(
    tx: Transaction, secret: bytes, site_id: str, persons: Iterable[Person]
) -> dict[Person, Whose]:
    """The accounts of these persons of a site. Their faults were looked at before."""
    asked = set(persons)
    contacts = {one: contact_key(secret, site_id, one.contact_id) for one in asked if one.contact_id}
    mails = {one: address_key(secret, site_id, address_form(one.email)) for one in asked if one.email}
    by_id = await lookup.accounts_by_id(tx, site_id, {one.account_id for one in asked if one.account_id})
    of_contact = await lookup.accounts_by_contact(tx, site_id, set(contacts.values()))
    of_mail = await lookup.accounts_by_email(tx, site_id, set(mails.values()))
    named = {account.id: [account] for account in by_id}
    return {
        one: _whose(
            one,
            named.get(one.account_id, [])
            if one.account_id
            else of_contact.get(contacts.get(one, ""), []) + of_mail.get(mails.get(one, ""), []),
        )
        for one in asked
    }


def _whose(person: Person, found: list[Account]) -> Whose:
    alive = [account for account in found if account.erased_at is None]
    if len(alive) == 1:
        return Whose(alive[0].id)
    if alive:
        ids = ", ".join(sorted(account.id for account in alive))
        return Whose(
            fault=f"Several accounts have this mail address: {ids}. Give the id of the one you mean."
        )
    if found:
        return Whose(
            fault=f"The customer of account {found[0].id} was deleted or erased, so nothing is done for it."
        )
    if person.account_id:
        return Whose(fault=f"No account {person.account_id} is known on this site.")
    what = "mail address" if person.email else "contact"
    return Whose(fault=f"No account of this {what} is known on this site.")
