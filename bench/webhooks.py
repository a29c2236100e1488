"""Webhooks as a lively shop sends them, signed before the clock starts."""

import json
import random
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ACCOUNTS = 5000
POINTS_EACH = 23
"""With a milestone at every 1,000 points up to 10,000, 2.3 events in a hundred cross one."""

HIGHEST_START = 9_500


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2048)


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed(key: RSAPrivateKey, number: int, site_id: str, seed: int = 1) -> list[bytes]:
    """So many different events, in the order in which Wix sends them."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    now = datetime.now(UTC)
    starts = random.Random(seed).choices(range(HIGHEST_START), k=ACCOUNTS)
    chunks = [range(first, min(first + 500, number)) for first in range(0, number, 500)]
    with ProcessPoolExecutor() as pool:
        parts = pool.map(partial(_sign, pem, now, starts, site_id), chunks)
        return [body for part in parts for body in part]


def _sign(pem: bytes, now: datetime, starts: list[int], site_id: str, numbers: range) -> list[bytes]:
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, RSAPrivateKey)
    bodies = []
    for number in numbers:
        # Each round over the accounts is a revision.
        account, revision = number % ACCOUNTS, number // ACCOUNTS + 1
        claims = _claims(number, account, revision, starts[account] + POINTS_EACH * revision, now, site_id)
        bodies.append(jwt.encode(claims, key, algorithm="RS256").encode())
    return bodies


def crossing(key: RSAPrivateKey, site_id: str) -> list[bytes]:
    """An account below the first milestone, and the same one above it."""
    now = datetime.now(UTC)
    return [
        jwt.encode(
            _claims(10**9 + revision, ACCOUNTS, revision, balance, now, site_id), key, algorithm="RS256"
        ).encode()
        for revision, balance in ((1, 990), (2, 1010))
    ]


def _claims(
    number: int, account: int, revision: int, balance: int, now: datetime, site_id: str
) -> dict[str, Any]:
    """``account_updated`` (docs/wix-api.md, 4.3 to 4.5)."""
    account_id = f"a1a1a1a1-0000-4000-8000-{account:012}"
    stamp = now.isoformat().replace("+00:00", "Z")
    event = {
        "id": f"5e0f4f3a-1c2d-4e5f-8a9b-{number:012}",
        "entityFqdn": "wix.loyalty.v1.account",
        "slug": "updated",
        "entityId": account_id,
        "updatedEvent": {
            "currentEntity": {
                "id": account_id,
                "contactId": f"c1c1c1c1-0000-4000-8000-{account:012}",
                "points": {"balance": balance, "earned": balance, "adjusted": 0, "redeemed": 0, "expired": 0},
                "contact": {"email": f"customer{account}@example.net", "displayName": f"Customer {account}"},
                "rewardAvailable": True,
                "revision": str(revision),
                "createdDate": "2026-01-01T00:00:00Z",
                "updatedDate": stamp,
            }
        },
        "eventTime": stamp,
        "triggeredByAnonymizeRequest": False,
        "entityEventSequence": str(revision),
    }
    envelope = {
        "eventType": "wix.loyalty.v1.account_updated",
        "instanceId": site_id,
        "data": json.dumps(event),
    }
    issued = int(now.timestamp())
    return {"data": json.dumps(envelope), "iat": issued, "exp": issued + 300_000}
