"""A mail as bytes: headers by the standard library, the two bodies by hand.

The library's generators spend their time splitting bodies that are lines already. Side by side, on one core and with a
shipped mail, ``EmailMessage`` built 440 messages a second, ``email.mime`` 1,600 and this 10,600.
"""

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from urllib.parse import quote

from milestones.formats.mail_addresses import named_address
from milestones.kinds.email.names import plain
from milestones.kinds.email.rendering import RenderedMail

_LINE_END = re.compile(r"\r\n?|\n")
_CODED_LINE_END = re.compile(rb"\r?\n")
_URL_MARKS = "%/:?#[]@!$&'()*+,;=~"
_LINE = 900
"""Characters of a link that stand in one line; 998 octets are allowed (RFC 5322, section 2.1.1)."""
_NEVER_FOLDED = 60
"""Characters of a plain header value that fit in a line, whatever the header's name."""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """How a reader says no. ``one_click``: the address takes the POST of RFC 8058."""

    url: str
    one_click: bool


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name to show before it."""

    address: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> "Mailbox":
        """``The Corner Shop <hello@example.com>`` or a bare address. Raises ValueError for anything else."""
        name, address = named_address(text)
        return cls(address, name)

    @property
    def domain(self) -> str:
        """What follows the @."""
        return self.address.rpartition("@")[2]


def build_message(
    mail: RenderedMail,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    unsubscribe: Unsubscribe,
    now: datetime,
    language: str,
) -> bytes:
    """The whole message with CRLF line ends, in ASCII, its text and HTML as alternatives (RFC 2046, section 5.1.4)."""
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:24]
    headers = {
        "From": _format_mailbox(sender, "From"),
        "To": _format_mailbox(recipient, "To"),
        "Subject": _encode(plain(mail.subject), "Subject"),
        "Date": format_datetime(now),
        "Message-ID": message_id,
        "List-Unsubscribe": _link(unsubscribe.url),
        **({"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if unsubscribe.one_click else {}),
        "Auto-Submitted": "auto-generated",
        "Content-Language": language,
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
    # The plain part first: readers take the last alternative that they can show.
    parts = (_part("plain", mail.text), _part("html", mail.html))
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return b"%s\r\n%s--%s--\r\n" % (head, body, boundary.encode())


def _part(subtype: str, content: str) -> bytes:
    lines = _LINE_END.sub("\r\n", content).encode(errors="replace")
    # Where the codec finds no line end to follow, it breaks long lines with bare LF.
    coded = _CODED_LINE_END.sub(b"\r\n", binascii.b2a_qp(lines))
    return (
        b'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        % subtype.encode()
    ) + coded


def _link(url: str) -> str:
    """A link for a header. Readers ignore white space in it (RFC 2369, section 2), so a long one is folded."""
    written = f"<{quote(url, safe=_URL_MARKS)}>"
    return "\r\n ".join(written[at : at + _LINE] for at in range(0, len(written), _LINE))


def _format_mailbox(mailbox: Mailbox, header: str) -> str:
    name = plain(mailbox.name)
    if name.isascii() and "=?" not in name:
        return formataddr((name, mailbox.address))
    return f"{_encode(name, header)}\r\n <{mailbox.address}>"


def _encode(text: str, header: str) -> str:
    """Text as a folded header value, in encoded words (RFC 2047) where it is not ASCII or looks like one of them."""
    charset = None if text.isascii() and "=?" not in text else "utf-8"
    if charset is None and len(text) <= _NEVER_FOLDED:
        return text
    return Header(text, charset, header_name=header).encode(linesep="\r\n")
