"""Deterministic keys: an effect that is repeated after a crash carries the same key and is recognised.

``secret`` is made once, at the first run, and kept in the database.
"""

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote

from milestones.domain.address import Form

_CODE_ALPHABET = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ABCDEFGHJKMNPQRSTVWXYZ0123456789")
"""Base32 without the letters that people misread (I, L, O, U); one symbol for one symbol."""

_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])")
_BREAK = re.compile(r"=?\s+|=")

CODE_SYMBOLS = 13
"""65 bits: a code can be neither guessed nor met by chance."""

CODE_LIMIT = 20
"""The longest coupon code that Wix takes (docs/wix-api.md, 6)."""


def grant_key(site: str, account: str, milestone: str, occurrence: int) -> str:
    """The identity of a grant, as text."""
    return _path("grant", site, account, milestone, occurrence)


def reminder_key(site: str, account: str, milestone: str, approach: int, number: int) -> str:
    """The identity of a reminder, as text."""
    return _path("reminder", site, account, milestone, approach, number)


def order_key(secret: bytes, site: str, source: str, key: str) -> str:
    """The identity of an order, as text. It does not show the key, which may name a customer: it is kept after them."""
    mark = _digest(secret, "order", _path(site, source, key)).hex()[:32]
    return _path("order", site, source, mark)


def _path(*parts: str | int) -> str:
    """Parts as one text that no other parts give. Ids are GUIDs by contract, but they come from outside."""
    return "/".join(quote(str(part), safe="", errors="surrogatepass") for part in parts)


def action_key(owner: str, position: int) -> str:
    """The identity of an action: its grant, reminder or order, and its place among what that owes."""
    return f"{owner}#{position}"


def _digest(secret: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(secret, f"{purpose}\0{text}".encode(errors="surrogatepass"), hashlib.sha256).digest()


def coupon_code(secret: bytes, key: str, prefix: str = "") -> str:
    """The code that belongs to a grant, at most 20 characters, the same at every attempt."""
    code = prefix.upper() + _symbols(secret, "coupon", key)
    assert len(code) <= CODE_LIMIT, "the configuration bounds the prefix"
    return code


def adjustment_mark(secret: bytes, key: str) -> str:
    """13 symbols by which a transaction is known as ours, since an adjustment takes no key (docs/wix-api.md, 2.3)."""
    return _symbols(secret, "adjustment", key)


def _symbols(secret: bytes, purpose: str, key: str) -> str:
    return base64.b32encode(_digest(secret, purpose, key)).decode()[:CODE_SYMBOLS].translate(_CODE_ALPHABET)


def idempotency_key(secret: bytes, key: str) -> str:
    """A GUID for Wix's earn call (docs/wix-api.md, 2.3): recommended form, under 128 characters."""
    return str(uuid.UUID(bytes=_digest(secret, "earn", key)[:16], version=4))


def message_id(secret: bytes, key: str, domain: str) -> str:
    """The Message-ID of an action's mail (RFC 5322, section 3.6.4), the same at every attempt."""
    return f"<{_digest(secret, 'mail', key).hex()[:32]}@{domain}>"


def webhook_id(secret: bytes, key: str) -> str:
    """The ``webhook-id`` of an outgoing webhook (Standard Webhooks), by which receivers drop repeats."""
    return f"msg_{_digest(secret, 'webhook', key).hex()[:32]}"


def request_mark(secret: bytes, told: str) -> str:
    """By which two requests are compared. Keyed, since a guessed address or reason must not be confirmed by it."""
    return _digest(secret, "request", told).hex()


def address_key(secret: bytes, site: str, address: Form) -> str:
    """A keyed hash by which an address is recognised after it was erased (22 characters, URL-safe)."""
    digest = _digest(secret, "address", _path(site, address))
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def contact_key(secret: bytes, site: str, contact: str) -> str:
    """A keyed hash by which a contact is recognised after it was erased (22 characters, URL-safe)."""
    digest = _digest(secret, "contact", _path(site, contact))
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def unsubscribe_token(secret: bytes, site: str, address: Form) -> str:
    """A token for unsubscribe links: unforgeable, without the address, valid for ever."""
    key = address_key(secret, site, address)
    return f"{key}.{_seal(secret, key)}"


def open_token(secret: bytes, text: str) -> str | None:
    """The address key of the token in this text, or None if none is in it that this program made.

    What stands around it is what mail programs make of a link: the full stop or bracket behind it, the ends of lines
    that quoted-printable has put into it, a second encoding. Compared in constant time.
    """
    written = unquote(text, errors="replace")
    for candidate in (written, _BREAK.sub("", written)):
        for key, seal in _TOKEN.findall(candidate):
            if hmac.compare_digest(seal, _seal(secret, key)):
                return str(key)
    return None


def _seal(secret: bytes, key: str, purpose: str = "unsubscribe") -> str:
    return base64.urlsafe_b64encode(_digest(secret, purpose, key)[:16]).decode().rstrip("=")


def event_key(secret: bytes, rule: str, parts: Iterable[str]) -> str:
    """The key of an outside event's order: its rule, and a keyed hash of what makes the event the same as another."""
    return f"{rule}:{_digest(secret, 'event', _path(rule, *parts)).hex()[:32]}"


def thing_key(secret: bytes, value: str) -> str:
    """A keyed hash of the thing for which points are given once (22 characters); empty where there is none."""
    return (
        base64.urlsafe_b64encode(_digest(secret, "thing", value)[:16]).decode().rstrip("=") if value else ""
    )


class Claim(NamedTuple):
    """What a claim link says: of which rule it is, for which account, and until the end of which day (UTC) it works."""

    rule: str
    account: str
    until: date


_CLAIM = re.compile(
    r"(?<![A-Za-z0-9_-])([a-z0-9-]{1,50})\.([gt][A-Za-z0-9_-]{1,800})\.([0-9]{1,6})\.([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])"
)
_BEGINNING = date(1970, 1, 1)


def claim_token(secret: bytes, claim: Claim) -> str:
    """A token for claim links: unforgeable, with the opaque id of the account and nothing else of a person."""
    text = f"{claim.rule}.{_short_id(claim.account)}.{(claim.until - _BEGINNING).days}"
    return f"{text}.{_seal(secret, text, 'claim')}"


def open_claim(secret: bytes, text: str) -> Claim | None:
    """The claim in this text, also one that is over; None if none is in it that this program made. What stands around
    it does not matter, as in ``open_token``.
    """
    written = unquote(text, errors="replace")
    for candidate in (written, _BREAK.sub("", written)):
        for rule, account, days, seal in _CLAIM.findall(candidate):
            if hmac.compare_digest(seal, _seal(secret, f"{rule}.{account}.{days}", "claim")):
                return Claim(rule, _long_id(account), _BEGINNING + timedelta(days=int(days)))
    return None


def _short_id(account: str) -> str:
    """In letters that a link takes: a GUID as its sixteen bytes. Ids are GUIDs by contract, but they come from outside."""
    try:
        is_guid = str(uuid.UUID(account)) == account
    except ValueError:
        is_guid = False
    raw = uuid.UUID(account).bytes if is_guid else account.encode()
    return ("g" if is_guid else "t") + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _long_id(text: str) -> str:
    raw = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
    return str(uuid.UUID(bytes=raw)) if text[0] == "g" else raw.decode()
