"""Mail addresses and domains in the one form that is compared and sent: ``domain.address`` with IDNA put in.

Of the two standards for domains beyond ASCII the newer one is used, IDNA 2008 with the mappings of UTS 46, as browsers
and mail programs do: straße.example is xn--strae-oqa.example, and not strasse.example, which is another's. The standard
library has only the older one.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from milestones.domain import address
from milestones.domain.address import Form
from milestones.domain.characters import JOINERS

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
"""What separates the parts of a domain (UTS 46, section 2.3)."""

_NAMED = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^"<>]*))\s*<(?P<address>[^<>()]+)>')
_ENCODED = "xn--"
_WILDCARDS = frozenset("*?[")


def sendable_address(text: str) -> str | None:
    """The address as SMTP takes it; None if it cannot be mailed, or if it is not certain whose it is."""
    return address.sendable_address(text, domain_in_ascii)


def address_form(text: str) -> Form:
    """The form by which any spelling of an address is recognised."""
    return address.address_form(text, domain_in_ascii)


def is_address(text: str) -> bool:
    """Whether this is one address, if perhaps of a kind that is not mailed."""
    return address.is_address(text, domain_in_ascii)


def spellings(text: str) -> tuple[str, ...]:
    """Those under which others may know an address: as given first, in lower case, its domain in ASCII and in Unicode."""
    given, form = text.strip(), address_form(text)
    known: tuple[str, ...] = (given, given.lower(), form)
    if sendable_address(text) is not None:
        local, _, domain = form.rpartition("@")
        known = (*known, f"{local}@{_in_unicode(domain)}")
    return tuple(dict.fromkeys(known))


def named_address(text: str) -> tuple[str, str]:
    """Name and address of ``The Corner Shop <hello@example.com>``, or of an address alone: exactly what is written.

    Everything before the < is the name; one that holds <, > or " stands in quotes. Raises ValueError with a predicate.
    """
    match = _NAMED.fullmatch(text.strip())
    address = match["address"] if match else text
    sendable = None if "(" in address else sendable_address(address)
    if sendable is not None:
        name = match["name"] or re.sub(r"\\(.)", r"\1", match["quoted"] or "") if match else ""
        return name.strip(), sendable
    sentence = 'must be a mailbox such as "The Corner Shop <hello@example.com>"'
    if any(mark in text for mark in '"<>('):
        sentence += '; a name that holds <, > or a quotation mark is written in quotes of its own: "A > B" <hello@example.com>'
    raise ValueError(sentence)


def domain_in_ascii(domain: str) -> str | None:
    """A domain as DNS asks for it, in lower case and without a final dot; None for what is no domain in IDNA."""
    if domain.isascii() and _ENCODED not in domain.lower():
        return domain.lower().removesuffix(".")
    # Imported here because hardly any address needs it.
    import idna  # noqa: PLC0415

    try:
        mapped = idna.uts46_remap(domain).removesuffix(".")
        return ".".join(map(_label_in_ascii, mapped.split(".")))
    except UnicodeError:
        return None


def _label_in_ascii(label: str) -> str:
    """Raises UnicodeError for what is no label (UTS 46, section 4.1)."""
    import idna  # noqa: PLC0415

    if label.startswith(_ENCODED):
        # What decodes to a label that would be encoded otherwise is nobody's.
        decoded = label.removeprefix(_ENCODED).encode("ascii").decode("punycode")
        if decoded.isascii() or idna.uts46_remap(decoded) != decoded or _label_in_ascii(decoded) != label:
            raise UnicodeError
        return label
    if label.isascii():
        return label
    idna.check_nfc(label)
    idna.check_hyphen_ok(label)
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    joined = (place for place, character in enumerate(label) if character in JOINERS)
    if not all(idna.valid_contextj(label, place) for place in joined):
        raise UnicodeError
    return _ENCODED + label.encode("punycode").decode("ascii")


def _in_unicode(domain: str) -> str:
    return ".".join(
        label.removeprefix(_ENCODED).encode("ascii").decode("punycode")
        if label.startswith(_ENCODED)
        else label
        for label in domain.split(".")
    )


def pattern_form(pattern: str) -> str | None:
    """A pattern such as ``*@example.com`` in the form in which addresses are compared; None if it can match none."""
    local, at, domain = pattern.strip().rpartition("@")
    labels = [
        label.lower() if label.isascii() and _WILDCARDS.intersection(label) else domain_in_ascii(label)
        for label in _DOTS.split(domain)
    ]
    if not at or None in labels:
        return None
    return f"{local.casefold()}@{'.'.join(label for label in labels if label)}"


def is_listed(text: str, patterns: Sequence[str]) -> bool:
    """Whether an address matches one of these patterns. What is compared is the address that is sent to."""
    form = address_form(text)
    return any(fnmatchcase(form, known) for one in patterns if (known := pattern_form(one)) is not None)
