"""Is this from Wix, and from now? (docs/wix-api.md, 4.2)

The compact form is taken apart here, and PyJWT's RS256 does the cryptography. PyJWT's own ``decode`` reads the
base64 of the payload character by character in Python before it looks at the signature: 230 µs for an ordinary
event, and 50 ms for a megabyte that any stranger may send. Here nothing but the header is read before the
signature is known to be right: 30 µs and 1 ms.
"""

import base64
import binascii
import json
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from milestones.errors import IngestError
from milestones.formats.untrusted import EPOCH, Fields
from milestones.ingest.reading import fields, parse

LEEWAY = timedelta(minutes=5)
"""How far the clocks of Wix and of this machine may be apart."""

LONGEST_HEADER = 2048
"""Characters of the JWT header; Wix's has about forty."""

SMALLEST_KEY = 2048
"""Bits. RFC 7518, section 3.3, forbids less for RS256."""

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)


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
    if not _RS256.verify(signed, key, _unpacked(signature)):
        raise IngestError(
            401,
            "The signature does not fit the configured public key (wix.public_key). If these are real events "
            "of Wix, the key is that of another app.",
        )
    claims = fields(parse(_unpacked(payload), "The token's payload"), "The token's payload")
    _require_now(claims, now)
    return claims


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
        return base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise IngestError(401, "The body is not a signed token (JWT).") from None


def _require_now(claims: Fields, now: datetime) -> None:
    expires, issued, begins = (_claimed(claims, name) for name in ("exp", "iat", "nbf"))
    if issued is not None and issued > now + LEEWAY:
        raise IngestError(
            401,
            f"The token was issued {_span(issued - now)} from now. Nobody but Wix could sign it, so this "
            "machine's clock looks wrong (slow): compare it with `timedatectl`.",
        )
    if begins is not None and begins > now + LEEWAY:
        raise IngestError(401, f"The token begins to hold {_span(begins - now)} from now.")
    if expires is not None and expires < now - LEEWAY:
        raise IngestError(
            401,
            f"The token expired {_span(now - expires)} ago: an old one was sent again, or this machine's clock "
            "looks wrong (fast): compare it with `timedatectl`.",
        )


def _claimed(claims: Fields, name: str) -> datetime | None:
    value: Any = claims.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError  # noqa: TRY301 (one sentence for all that is no time)
        return EPOCH + timedelta(seconds=value)
    except (TypeError, ValueError, OverflowError):
        raise IngestError(401, f"The claim `{name}` of the token is not a time.") from None


def _span(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
