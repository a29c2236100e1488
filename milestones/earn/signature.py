"""Whether a body is genuine: looked at before anything of it is read, over the bytes as they came.

Every secret and every signature is compared, each in constant time, so that the time of an answer tells nothing.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from milestones.domain.earn import Encoding, Scheme, SignatureRule
from milestones.earn.received import Received
from milestones.errors import IngestError

_SLOT = re.compile(r"\{([^{}]*)\}")
_BASIC = "Basic "
_SECONDS = re.compile(r"[0-9]{1,12}")
_MILLISECONDS = 100_000_000_000
"""What is more than this many seconds since 1970 is milliseconds: in seconds it would be the year 5138."""


def verify(rule: SignatureRule, received: Received) -> None:
    """Raise IngestError (401), with a sentence, unless the request is from who knows a secret of the rule."""
    match rule.type:
        case Scheme.HMAC:
            _verify_hmac(rule, received)
        case Scheme.HEADER:
            value = _without_scheme(_header(received, rule.header), rule.prefix)
            expected = list(rule.secrets)
            _require(_is_among([value], expected), f"The secret in {rule.header} is not ours.")
        case Scheme.BASIC:
            value = _without_scheme(_header(received, "authorization"), _BASIC)
            allowed = [_basic(rule.username, secret) for secret in rule.secrets]
            _require(_is_among([value], allowed), "The user name or password is not ours.")


def _verify_hmac(rule: SignatureRule, received: Received) -> None:
    value = _header(received, rule.header)
    text = _signed_text(rule, received)
    given = value.split(rule.separator) if rule.separator else [value]
    expected = [sign_text(rule, secret, text).encode() for secret in rule.secrets]
    _require(
        _is_among(given, expected), f"The signature in {rule.header} does not fit the body and the secret."
    )
    # After the signature: before it, the time is anybody's.
    if rule.timestamp_header:
        _require_now(rule, received)


def _require_now(rule: SignatureRule, received: Received) -> None:
    sent_at = _moment(_header(received, rule.timestamp_header))
    if sent_at is None:
        raise IngestError(401, f"The time in {rule.timestamp_header} is none.")
    if abs(received.at - sent_at) > rule.tolerance:
        raise IngestError(
            401,
            f"The time in {rule.timestamp_header} is too far from now: an old event that is sent again, or a clock that is "
            "wrong.",
        )


def _moment(text: str) -> datetime | None:
    if not _SECONDS.fullmatch(text) and not _SECONDS.fullmatch(text[:-3]):
        return None
    number = int(text)
    try:
        return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _signed_text(rule: SignatureRule, received: Received) -> bytes:
    """What the sender has signed. Raises IngestError for a header that is missing."""
    parts = _SLOT.split(rule.signed)
    # Every second part is the name of a slot.
    return b"".join(
        _fill(part, rule, received) if position % 2 else part.encode() for position, part in enumerate(parts)
    )


def _fill(slot: str, rule: SignatureRule, received: Received) -> bytes:
    match slot:
        case "timestamp":
            return _header(received, rule.timestamp_header).encode("latin-1")
        case "id":
            return _header(received, rule.id_header).encode("latin-1")
        case "url":
            return received.url.encode()
        case _:
            return received.body


def sign_text(rule: SignatureRule, secret: bytes, text: bytes) -> str:
    """The signature of a text, as it stands in the header."""
    digest = hmac.new(secret, text, getattr(hashlib, rule.algorithm)).digest()
    return rule.prefix + encode(digest, rule.encoding)


def sign(rule: SignatureRule, body: bytes, url: str, at: datetime) -> Mapping[str, str]:
    """The headers with which a service would send this body now: for trying a rule out."""
    secret = rule.secrets[0]
    match rule.type:
        case Scheme.HEADER:
            return {rule.header: rule.prefix + secret.decode()}
        case Scheme.BASIC:
            return {"authorization": _BASIC + _basic(rule.username, secret).decode()}
        case Scheme.HMAC:
            headers = {}
            if rule.timestamp_header:
                headers[rule.timestamp_header] = str(int(at.timestamp()))
            if rule.id_header:
                headers[rule.id_header] = f"sample-{hashlib.sha256(body).hexdigest()[:16]}"
            text = _signed_text(rule, Received(body, headers, url, at))
            return {**headers, rule.header: sign_text(rule, secret, text)}


def encode(digest: bytes, encoding: Encoding) -> str:
    """A digest as text."""
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def _basic(username: str, password: bytes) -> bytes:
    return base64.b64encode(username.encode() + b":" + password)


def _without_scheme(value: str, scheme: str) -> str:
    """What stands behind the scheme, which may be written in any case (RFC 9110, 11.1); empty behind another."""
    return value[len(scheme) :] if value[: len(scheme)].casefold() == scheme.casefold() else ""


def _header(received: Received, name: str) -> str:
    value = received.headers.get(name, "")
    _require(bool(value), f"The header {name} is missing.")
    return value


def _is_among(given: Sequence[str], expected: Sequence[bytes]) -> bool:
    compared = [
        hmac.compare_digest(one.strip().encode("latin-1", "replace"), other)
        for one in given
        for other in expected
    ]
    return True in compared


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise IngestError(401, sentence)
