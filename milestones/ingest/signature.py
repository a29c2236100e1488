"""Is this from Wix, and from now? (docs/wix-api.md, 4.2)

The compact form is taken apart here, and nothing but the header is read before the signature is known to be right:
30 µs for an ordinary event and 1 ms for a megabyte that any stranger may send, of which the signature itself takes 20.
RS256 is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3).
"""

import binascii
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from milestones.errors import IngestError
from milestones.formats.untrusted import EPOCH, Fields
from milestones.ingest.reading import fields, parse

LEEWAY = timedelta(minutes=5)
"""How far the clocks of Wix and of this machine may be apart."""

LONGEST_HEADER = 2048
"""Characters of the JWT header; Wix's has about forty."""

SMALLEST_KEY = 2048
"""Bits. RFC 7518, section 3.3, forbids less for RS256."""

_PADDING, _HASH = PKCS1v15(), SHA256()

_STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the alphabet of URLs to that of ``binascii`` (RFC 4648, section 5)."""

_EARLIEST = (datetime.min.replace(tzinfo=UTC) - EPOCH).total_seconds()
_LATEST = (datetime.max.replace(tzinfo=UTC) - EPOCH).total_seconds()
"""Seconds; what lies beyond is no time."""


def verify(body: bytes, key: RSAPublicKey, now: datetime) -> Fields:
    """The claims of a genuine webhook.

    Raises IngestError (401) unless ``key`` signed it with RS256 and its time claims hold at ``now``, and
    UnreadableError when it is genuine and its claims are no JSON object. Issuer and audience are not looked at.
    """
    signed, dot, signature = body.strip().rpartition(b".")
    header, inner_dot, payload = signed.partition(b".")
    if not dot or not inner_dot or len(header) > LONGEST_HEADER:
        raise IngestError(401, "The body is not a signed token (JWT).")
    _require_rs256(header)
    try:
        key.verify(_unpacked(signature), signed, _PADDING, _HASH)
    except InvalidSignature:
        raise IngestError(
            401,
            "The signature does not fit the configured public key (wix.public_key). If these are real events "
            "of Wix, the key is that of another app.",
        ) from None
    claims = fields(parse(_unpacked(payload), "The token's payload"), "The token's payload")
    _require_now(claims, now)
    return claims


# Wix's header is always the same one.
@lru_cache(maxsize=16)
def _require_rs256(header: bytes) -> None:
    """The algorithm is ours to choose: ``none``, or HS256 with the public key as its secret, would let anybody sign."""
    try:
        told = json.loads(_unpacked(header))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise IngestError(401, "The body is not a signed token (JWT).")
    # RFC 7515, section 4.1.11: an extension that is critical and not understood makes the token invalid.
    if told.get("alg") != "RS256" or "crit" in told:
        raise IngestError(401, "The token is not signed with RS256.")


def _unpacked(segment: bytes) -> bytes:
    try:
        padded = segment.translate(_STANDARD) + b"=" * (-len(segment) % 4)
        return binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        raise IngestError(401, "The body is not a signed token (JWT).") from None


def _require_now(claims: Fields, now: datetime) -> None:
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    expires, issued, begins = (_claimed(claims, name) for name in ("exp", "iat", "nbf"))
    if issued is not None and issued > seconds + leeway:
        raise IngestError(
            401,
            f"The token was issued {_span(issued - seconds)} from now. Nobody but Wix could sign it, so this "
            "machine's clock looks wrong (slow): compare it with `timedatectl`.",
        )
    if begins is not None and begins > seconds + leeway:
        raise IngestError(401, f"The token begins to hold {_span(begins - seconds)} from now.")
    if expires is not None and expires < seconds - leeway:
        raise IngestError(
            401,
            f"The token expired {_span(seconds - expires)} ago: an old one was sent again, or this machine's clock "
            "looks wrong (fast): compare it with `timedatectl`.",
        )


def _claimed(claims: Fields, name: str) -> float | None:
    """A time in seconds since 1970 (RFC 7519, section 2)."""
    value: Any = claims.get(name)
    if value is None:
        return None
    # What is no number compares with none.
    if isinstance(value, bool) or not isinstance(value, int | float) or not _EARLIEST <= value <= _LATEST:
        raise IngestError(401, f"The claim `{name}` of the token is not a time.")
    return value


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
