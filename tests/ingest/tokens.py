"""Webhooks as Wix makes them (docs/wix-api.md, 4), with whatever a test wants to be different."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW = datetime(2026, 11, 20, 9, 15, 31, tzinfo=UTC)
SITE = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"
ACCOUNT = "a1a1a1a1-0000-4000-8000-000000000001"
CONTACT = "c1c1c1c1-0000-4000-8000-000000000001"
EVENT = "5e0f4f3a-1c2d-4e5f-8a9b-0c1d2e3f4a5b"
POINTS_UPDATED = "wix.loyalty.v1.account_points_updated"
SUBSCRIPTION_CHANGED = "com.wixpress.emailsubscriptions.v1.EmailSubscriptionChanged"


@cache
def private_key(name: str = "ours") -> rsa.RSAPrivateKey:
    """A key pair for each name, made once."""
    del name
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


def token(
    claims: Any, key: rsa.RSAPrivateKey | None = None, headers: Mapping[str, Any] | None = None
) -> bytes:
    """Claims, signed with RS256."""
    return jwt.encode(claims, key or private_key(), algorithm="RS256", headers=dict(headers or {})).encode()


def genuine(payload: bytes) -> bytes:
    """Any bytes as the payload of a token whose signature is right."""
    return jwt.api_jws.encode(payload, private_key(), algorithm="RS256").encode()


def unsigned(header: Any, payload: Any, signature: bytes = b"") -> bytes:
    """A token by hand, for what no library would sign."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


def claims(event_type: str, data: Any, /, **changes: Any) -> dict[str, Any]:
    """The claims around an event; the keywords replace fields of the envelope, None leaves one out."""
    envelope = {"eventType": event_type, "instanceId": SITE, "data": json.dumps(data), **changes}
    present = {name: value for name, value in envelope.items() if value is not None}
    issued = int(NOW.timestamp())
    return {"data": json.dumps(present), "iat": issued, "exp": issued + 300_000}


def account(**changes: Any) -> dict[str, Any]:
    """A loyalty account; None leaves a field out."""
    fields = {
        "id": ACCOUNT,
        "contactId": CONTACT,
        "memberId": "d1d1d1d1-0000-4000-8000-000000000001",
        "points": {"balance": 1010, "earned": 1200, "adjusted": 10, "redeemed": 200, "expired": 0},
        "rewardAvailable": True,
        "revision": "17",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def domain_event(**changes: Any) -> dict[str, Any]:
    """The fields of a domain event without its content; None leaves one out."""
    fields = {
        "id": EVENT,
        "entityFqdn": "wix.loyalty.v1.account",
        "entityId": ACCOUNT,
        "eventTime": "2026-11-20T09:15:30.123456Z",
        "triggeredByAnonymizeRequest": False,
        "entityEventSequence": "41",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def points_updated(**changes: Any) -> dict[str, Any]:
    """The inner data of ``account_points_updated``, with a changed account."""
    return domain_event(actionEvent={"body": {"account": account(**changes)}})
