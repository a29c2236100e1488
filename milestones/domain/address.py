"""Mail addresses: the one form in which they are compared, and what of them SMTP can be given.

People, spreadsheets and Wix spell one mailbox in many ways: in capitals, with a domain in Unicode or in ASCII, with a
character that nobody sees at the end. Whoever compares two spellings compares their forms, and what is sent is the same
address: an address that is mailed is always found on the opt-out list under every spelling of it.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import NewType

from milestones.domain.characters import remove_unseen

Form = NewType("Form", str)
"""An address as it is compared everywhere. Where an address can be mailed, this is what is mailed, in lower case."""

ToAscii = Callable[[str], str | None]
"""A domain as DNS asks for it, in lower case and without a final dot; None for what is no domain.

What it takes is more than the standard library has: see ``milestones.formats.mail_addresses``.
"""

QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\uff02\uff07"
"""Quotation marks of all scripts and keyboards. One that begins or ends an address was left there by a file, and no
provider gives a mailbox such a name, though RFC 5321 would let an apostrophe or a backtick be there.
"""

LONGEST = 320
"""Characters of an address (RFC 5321, section 4.5.3.1)."""

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_SPECIAL = re.compile(r"[\s<>,;:()\[\]@\\\"]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)+"')
_COMMENT = re.compile(r"\A\([^()\\]*\)|\([^()\\]*\)\Z")
_AT = str.maketrans("\uff20\ufe6b", "@@")
"""The wide and the small @ are typed for it, and mean nothing else (Unicode, compatibility mappings)."""


def sendable_address(address: str, to_ascii: ToAscii) -> str | None:
    """The address as SMTP takes it (RFC 5321, section 4.1.2), its domain in ASCII; None if it cannot be mailed.

    The case of the local part stays, since it is the receiving server's. Not mailed are quoted local parts that need
    their quotes, those beyond ASCII, which need SMTPUTF8 from every server on the way, and domains that DNS cannot
    be asked for.
    """
    local, domain = _parts(address, to_ascii)
    if domain is None or len(local) > 64 or len(domain) > 253 or not _LOCAL_PART.fullmatch(local):
        return None
    return f"{local}@{domain}"


def address_form(address: str, to_ascii: ToAscii) -> Form:
    """The form by which any spelling of an address is recognised. What cannot be mailed has one too."""
    local, domain = _parts(address, to_ascii)
    if domain is None or not local:
        return Form(unicodedata.normalize("NFC", remove_unseen(address.strip()).strip().casefold()))
    return Form(f"{_folded(local)}@{domain}")


def is_address(text: str, to_ascii: ToAscii) -> bool:
    """Whether this is one address, if perhaps of a kind that is not mailed."""
    local, domain = _parts(text, to_ascii)
    is_plain = local.isprintable() and not _SPECIAL.search(local)
    return domain is not None and bool(local) and (is_plain or _is_quoted(local)) and len(text) <= LONGEST


def _parts(address: str, to_ascii: ToAscii) -> tuple[str, str | None]:
    """The local part as it is sent, and the domain in ASCII, or None for what is no domain."""
    if len(address) > 4 * LONGEST:
        return "", None
    text = remove_unseen(address.translate(_AT), joiners=True).strip()
    local, _, domain = text.rpartition("@")
    local, domain = remove_unseen(_uncommented(local)), _uncommented(domain)
    # A joiner that no domain can have where it stands is one more character that nobody sees.
    ascii_domain = to_ascii(domain) or to_ascii(remove_unseen(domain))
    if ascii_domain is None or not _DOMAIN.fullmatch(ascii_domain) or _is_nobodys(local, domain):
        return local, None
    return _unquoted(local), ascii_domain


def _is_nobodys(local: str, domain: str) -> bool:
    """Whether a mark stands where no mailbox has one: around the address, or within its domain."""
    if any(mark in domain for mark in QUOTES) or local.startswith("."):
        return True
    return not _is_quoted(local) and local != local.strip(QUOTES)


def _uncommented(part: str) -> str:
    """Without the comments around it (RFC 5322, section 3.4.1), which are no part of the address."""
    if _is_quoted(part):
        return part
    while (less := _COMMENT.sub("", part).strip()) != part.strip():
        part = less
    return part.strip()


def _unquoted(local: str) -> str:
    """Quotes that are not needed change nothing (RFC 5321, section 4.1.2)."""
    if not _is_quoted(local):
        return local
    inner = re.sub(r"\\(.)", r"\1", local[1:-1])
    return inner if _LOCAL_PART.fullmatch(inner) else local


def _is_quoted(part: str) -> bool:
    return _QUOTED.fullmatch(part) is not None


def _folded(local: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
