"""What a site holds many of: small immutable records, and their shape on the wire (docs/wix-api.md, 2).

Things that a site holds few of (rewards, tiers, rules, coupons, badges) are kept as the JSON documents that Wix
answers with.
"""

from dataclasses import dataclass

from wixsandbox.wire import Document


@dataclass(frozen=True, slots=True)
class Account:
    """A loyalty account. ``tier_points`` are the points of the rolling window; dates are as on the wire."""

    id: str
    contact_id: str
    member_id: str | None
    balance: int
    earned: int
    adjusted: int
    redeemed: int
    expired: int
    tier_id: str | None
    tier_points: int
    tier_updated: str
    reward_available: bool
    created: str
    updated: str
    last_activity: str
    revision: int


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact; ``info`` is the caller-writable part."""

    id: str
    info: Document
    source: str
    created: str
    updated: str
    revision: int


@dataclass(frozen=True, slots=True)
class Member:
    """A site member; belongs to one contact."""

    id: str
    contact_id: str
    login_email: str
    verified: bool
    status: str
    privacy: str
    activity: str
    profile: Document
    contact: Document
    created: str
    updated: str
    last_login: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """The consent to marketing mail of one address."""

    id: str
    email: str
    status: str
    deliverability: str
    updated: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement of points. ``info`` is the one-of that explains it, such as ``{"earnInfo": {...}}``."""

    id: str
    account_id: str
    created: str
    amount: int
    type: str
    description: str | None
    idempotency_key: str | None
    info: Document


def first_name(contact: Contact) -> str | None:
    """The first name, if the contact has one."""
    return _text(contact.info.get("name", {}).get("first"))


def last_name(contact: Contact) -> str | None:
    """The last name, if the contact has one."""
    return _text(contact.info.get("name", {}).get("last"))


def full_name(contact: Contact) -> str | None:
    """First and last name, as far as they are known."""
    return " ".join(part for part in (first_name(contact), last_name(contact)) if part) or None


def display_name(contact: Contact) -> str | None:
    """How the contact is shown on the site: not what it is called, so that nobody takes the one for the other."""
    first, last = first_name(contact), last_name(contact)
    return f"{first} {last[0]}." if first and last else first or last


def primary_email(contact: Contact) -> str | None:
    """The address that counts: the one marked primary, or the first."""
    items = contact.info.get("emails", {}).get("items", [])
    chosen = next((item for item in items if item.get("primary")), items[0] if items else None)
    return None if chosen is None else _text(chosen.get("email"))


def account_document(account: Account, contact: Contact | None) -> Document:
    """The account as Wix answers it (docs/wix-api.md, 2.3); missing values are left out."""
    document: Document = {
        "id": account.id,
        "contactId": account.contact_id,
        "points": {
            "balance": account.balance,
            "earned": account.earned,
            "adjusted": account.adjusted,
            "redeemed": account.redeemed,
            "expired": account.expired,
        },
        "rewardAvailable": account.reward_available,
        "createdDate": account.created,
        "updatedDate": account.updated,
        "lastActivityDate": account.last_activity,
        "revision": str(account.revision),
        "tier": present(id=account.tier_id, updatedDate=account.tier_updated, points=account.tier_points),
    }
    if account.member_id is not None:
        document["memberId"] = account.member_id
    if contact is not None:
        name = full_name(contact)
        document["contact"] = present(
            id=contact.id, name=name, email=primary_email(contact), displayName=display_name(contact)
        )
    return document


def contact_document(contact: Contact, subscription: Subscription | None) -> Document:
    """The contact as Wix answers it (docs/wix-api.md, 2.16), with the consent of its primary address."""
    document: Document = {
        "id": contact.id,
        "revision": contact.revision,
        "source": {"sourceType": contact.source},
        "createdDate": contact.created,
        "updatedDate": contact.updated,
    }
    status = "NO_SUBSCRIPTION_STATUS" if subscription is None else subscription.status
    deliverability = "NOT_SET" if subscription is None else subscription.deliverability
    email = primary_email(contact)
    info = dict(contact.info)
    if email is not None:
        document["primaryInfo"] = {"email": email}
        document["primaryEmail"] = {
            "email": email,
            "subscriptionStatus": status,
            "deliverabilityStatus": deliverability,
        }
        fields = dict(info.get("extendedFields", {}).get("items", {}))
        fields["emailSubscriptions.subscriptionStatus"] = "NOT_SET" if subscription is None else status
        fields["emailSubscriptions.deliverabilityStatus"] = deliverability
        info["extendedFields"] = {"items": fields}
    document["info"] = info
    return document


def member_document(member: Member, *, public: bool = False) -> Document:
    """The member as Wix answers it (docs/wix-api.md, 2.15). The PUBLIC fieldset hides address and status."""
    document: Document = {
        "id": member.id,
        "contactId": member.contact_id,
        "status": "UNKNOWN" if public else member.status,
        "privacyStatus": member.privacy,
        "activityStatus": member.activity,
        "profile": member.profile,
        "createdDate": member.created,
        "updatedDate": member.updated,
    }
    if not public:
        document["loginEmail"] = member.login_email
        document["loginEmailVerified"] = member.verified
        document["contact"] = {"phones": [], "emails": [], "addresses": [], **member.contact}
        if member.last_login is not None:
            document["lastLoginDate"] = member.last_login
    return document


def subscription_document(subscription: Subscription) -> Document:
    """The consent as Wix answers it (docs/wix-api.md, 2.17)."""
    return {
        "id": subscription.id,
        "email": subscription.email,
        "subscriptionStatus": subscription.status,
        "deliverabilityStatus": subscription.deliverability,
        "updatedDate": subscription.updated,
    }


def transaction_document(transaction: Transaction) -> Document:
    """The transaction as Wix answers it (docs/wix-api.md, 2.8)."""
    return present(
        id=transaction.id,
        accountId=transaction.account_id,
        createdDate=transaction.created,
        amount=transaction.amount,
        transactionType=transaction.type,
        description=transaction.description,
        idempotencyKey=transaction.idempotency_key,
        **transaction.info,
    )


def present(**values: object) -> Document:
    """A document without what is missing: Wix leaves such fields out (docs/wix-api.md, 0)."""
    return {name: value for name, value in values.items() if value is not None}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
