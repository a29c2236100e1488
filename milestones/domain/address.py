"""Mail addresses: which of them SMTP can be given."""

import re

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_DEVIATIONS = frozenset("ß\u03c2\u200c\u200d")
"""Of these, the older standard for domains makes something else, which is another's domain (UTS 46, section 6)."""


def sendable_address(address: str) -> str | None:
    """The address as SMTP takes it (RFC 5321, section 4.1.2), its domain in ASCII; None if it cannot be mailed.

    Quoted local parts and those beyond ASCII, which need SMTPUTF8 from every server on the way, are not mailed; nor is
    a domain of which it is not certain whose it is: of straße.de, the codec makes strasse.de.
    """
    local, _, domain = address.strip().rpartition("@")
    if not _DEVIATIONS.isdisjoint(domain):
        return None
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if len(local) > 64 or len(ascii_domain) > 253:
        return None
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(ascii_domain):
        return None
    return f"{local}@{ascii_domain}"
