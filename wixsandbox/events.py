"""What happened, and how Wix wraps it into a signed webhook (docs/wix-api.md, 4.2 to 4.5)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from wixsandbox.settings import Switches
from wixsandbox.wire import Document

ACCOUNT = "wix.loyalty.v1.account"
PROGRAM = "wix.loyalty.v1.program"
EARNING_RULE = "wix.loyalty.v1.loyalty_earning_rule"
REWARD = "wix.loyalty.v1.reward"
TIER = "wix.loyalty.v1.tier"
LOYALTY_COUPON = "wix.loyalty.v1.coupon"
LOYALTY_IMPORT = "wix.loyalty.imports.v1.loyalty_import"
COUPON = "wix.ecommerce.coupons.v2.coupon"
BADGE = "wix.badges.v4.badge"
BADGE_ASSIGNMENT = "wix.badges.v4.badge_assignment"
MEMBER = "wix.members.v1.member"
CONTACT = "wix.contacts.v4.contact"
EMAIL_SUBSCRIPTION_CHANGED = "com.wixpress.emailsubscriptions.v1.EmailSubscriptionChanged"
APP_INSTALLED = "AppInstalled"
APP_REMOVED = "AppRemoved"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a change: an app with its token, or a Wix user (dashboard, API key)."""

    kind: str
    id: str

    def identity(self) -> Document:
        """``identity`` of a webhook envelope."""
        name = {"APP": "appId", "WIX_USER": "wixUserId", "MEMBER": "memberId"}[self.kind]
        return {"identityType": self.kind, name: self.id}


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it will be sent, again and again: its data never gets newer (docs/wix-api.md, 4.1).

    data: the event itself, before it is made a string; domain events have the fields of section 4.3.
    """

    type: str
    data: Document
    identity: Document | None


def domain_event(
    event_id: str, fqdn: str, slug: str, entity_id: str, content: Document, now: datetime, sequence: int
) -> Document:
    """The fields of a domain event around ``content``, which is one of createdEvent, updatedEvent, deletedEvent
    or actionEvent. ``originatedFrom`` and ``triggeredByAnonymizeRequest`` may be in it and win.
    """
    return {
        "id": event_id,
        "entityFqdn": fqdn,
        "slug": slug,
        "entityId": entity_id,
        "eventTime": now.isoformat(timespec="microseconds")[:26] + "Z",
        "triggeredByAnonymizeRequest": False,
        "entityEventSequence": str(sequence),
        **content,
    }


def sign(event: Event, instance_id: str, key: RSAPrivateKey, now: datetime, switches: Switches) -> str:
    """The whole body of a webhook: a JWT whose ``data`` is a string that holds strings."""
    envelope: Document = {
        "eventType": event.type,
        "instanceId": instance_id,
        "data": _text(_spell(event.data, switches)),
    }
    if event.identity is not None:
        envelope["identity"] = _text(event.identity)
    issued = int(now.timestamp())
    claims = {"data": _text(envelope), "iat": issued, "exp": issued + switches.jwt_lifetime_seconds}
    headers = {"kid": switches.jwt_key_id} if switches.jwt_key_id else None
    return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def new_key() -> RSAPrivateKey:
    """A fresh key pair. No private key ships with the sandbox; a state file keeps this one."""
    return generate_private_key(public_exponent=65_537, key_size=2048)


def public_pem(key: RSAPrivateKey) -> str:
    """The public key as the app's dashboard shows it: SPKI PEM."""
    encoded = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded.decode()


def private_pem(key: RSAPrivateKey) -> str:
    """The private key for the state file."""
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded.decode()


def read_key(pem: str) -> RSAPrivateKey:
    """The private key from a state file."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the state file holds a key that is not RSA")
    return key


def _spell(data: Document, switches: Switches) -> Document:
    if switches.event_spelling == "current":
        return data

    def older(value: Any) -> Any:
        return _text(value) if switches.event_spelling == "json_text" else value

    spelled = dict(data)
    for event, field in (
        ("createdEvent", "entity"),
        ("updatedEvent", "currentEntity"),
        ("actionEvent", "body"),
    ):
        if event in data and field in data[event]:
            spelled[event] = {f"{field}AsJson": older(data[event][field])}
    return spelled


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
