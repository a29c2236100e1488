"""Contacts: the people of a site, whether or not they have an account (docs/wix-api.md, 2.16)."""

from typing import Any

from milestones.domain.address import Form
from milestones.formats.mail_addresses import address_form, spellings
from milestones.wix.answers import Call
from milestones.wix.errors import WixError
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, Revision, State, Text
from milestones.wix.paging import one
from milestones.wix.query import OffsetQuery
from milestones.wix.transport import WixClient

_ROOT = "/contacts/v4/contacts"
_GET = Call("GET", _ROOT + "/{id}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_CREATE = Call("POST", _ROOT, reads=False)
_DUPLICATE = "DUPLICATE_CONTACT_EXISTS"
_DELETE = Call("DELETE", _ROOT + "/{contactId}", reads=False)


class ContactConsent(State):
    """The consent that the contact itself shows: a second, slower road to what ``subscriptions`` says."""

    UNKNOWN = "UNKNOWN"
    NO_SUBSCRIPTION_STATUS = "NO_SUBSCRIPTION_STATUS"
    NOT_SET = "NOT_SET"
    PENDING = "PENDING"
    SUBSCRIBED = "SUBSCRIBED"
    UNSUBSCRIBED = "UNSUBSCRIBED"


class ContactName(Entity):
    """A person's name."""

    first: MaybeText = None
    last: MaybeText = None


class ContactEmail(Entity):
    """One of a contact's addresses."""

    email: str = ""
    tag: MaybeText = None
    primary: bool = False


class ContactEmails(Entity):
    """All of a contact's addresses."""

    items: tuple[ContactEmail, ...] = ()


class ContactPhone(Entity):
    """One of a contact's telephone numbers: as it was written, and in E.164 where Wix could tell."""

    phone: MaybeText = None
    e164_phone: MaybeText = None


class ContactPhones(Entity):
    """All of a contact's telephone numbers."""

    items: tuple[ContactPhone, ...] = ()


class ContactInfo(Entity):
    """What is known of the person. ``locale`` is such as ``de-DE``."""

    name: ContactName = ContactName()
    emails: ContactEmails = ContactEmails()
    phones: ContactPhones = ContactPhones()
    locale: MaybeText = None


class PrimaryEmail(Entity):
    """The address to write to."""

    email: MaybeText = None
    subscription_status: ContactConsent = ContactConsent.NOT_SET


class PrimaryInfo(Entity):
    """The main address and phone, as Wix derives them."""

    email: MaybeText = None


class Contact(Entity):
    """A person: personal data."""

    id: Text
    revision: Revision = 0
    info: ContactInfo = ContactInfo()
    primary_info: PrimaryInfo = PrimaryInfo()
    primary_email: PrimaryEmail = PrimaryEmail()
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None

    @property
    def email(self) -> str | None:
        """The address to write to, wherever Wix put it in this answer."""
        listed = sorted(self.info.emails.items, key=lambda item: not item.primary)
        return self.primary_email.email or self.primary_info.email or (listed[0].email if listed else None)

    @property
    def phones(self) -> tuple[str, ...]:
        """Every telephone number of the contact, each as Wix tells it best."""
        told = (item.e164_phone or item.phone for item in self.info.phones.items)
        return tuple(number for number in told if number)

    @property
    def emails(self) -> frozenset[Form]:
        """Every address of the contact, in the form in which they are compared."""
        addresses = {item.email for item in self.info.emails.items} | {self.email or ""}
        return frozenset(address_form(address) for address in addresses if address)


async def get(client: WixClient, contact_id: str) -> Contact:
    """The contact; if it was merged, the one it was merged into, with another id. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"id": contact_id}), "contact", Contact, _GET)


query = OffsetQuery(_QUERY, "contacts", Contact)
"""Contacts, at most 1,000 a page."""
query_all = query.pages


async def find_by_email(client: WixClient, email: str) -> Contact | None:
    """The contact with this address, if it shows yet: whose main address it is first, and then the lowest id."""
    page = await query(client, {"info.emails.email": {"$in": list(spellings(email))}})
    wanted = address_form(email)
    return min(
        (contact for contact in page.items if wanted in contact.emails),
        key=lambda contact: (address_form(contact.email or "") != wanted, contact.id),
        default=None,
    )


async def create(
    client: WixClient,
    email: str,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    phone: str | None = None,
) -> Contact:
    """Makes a contact. Raises a WixError, for which see ``is_duplicate``, when another has the address or the number."""
    info: dict[str, Any] = {"emails": {"items": [{"tag": "UNTAGGED", "email": email, "primary": True}]}}
    name = {"first": first_name, "last": last_name}
    if any(name.values()):
        info["name"] = {part: value for part, value in name.items() if value}
    if phone:
        info["phones"] = {"items": [{"tag": "UNTAGGED", "phone": phone, "primary": True}]}
    body = {"info": info, "allowDuplicates": False}
    return one(await client.send(_CREATE, body=body), "contact", Contact, _CREATE)


def is_duplicate(error: WixError) -> bool:
    """Whether ``create`` was refused because of another contact."""
    return error.code == _DUPLICATE


def duplicate_of(error: WixError) -> str | None:
    """The id of the contact because of which ``create`` was refused, or None if it was refused for another reason."""
    if not is_duplicate(error):
        return None
    duplicate = error.complaint.data.get("duplicateContactId")
    return duplicate if isinstance(duplicate, str) and duplicate else None


async def delete(client: WixClient, contact_id: str) -> None:
    """Deletes the contact. Members and those with a billing subscription are refused."""
    await client.send(_DELETE, ids={"contactId": contact_id})
