"""A mail as the customer sees it, from the message that was sent, in a frame that can do nothing."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from html import escape

FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data: https: http:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""No scripts, no forms, and pictures alone from elsewhere, such as the shop's logo; a link opens a window of its own.
Nobody but our page may frame it.
"""


_TEXT_ALONE = (
    '<meta name="color-scheme" content="light dark">'
    '<pre style="margin:1rem;font:14px/1.55 monospace;white-space:pre-wrap">{}</pre>'
)


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail program would show. ``html`` is None for a mail of text alone."""

    subject: str
    sender: str
    recipient: str
    text: str
    html: str | None


def parse(message: bytes) -> Mail:
    """Take a message apart. One that is damaged shows as much of itself as can be read."""
    parsed = message_from_bytes(message, policy=default)
    assert isinstance(parsed, EmailMessage)
    return Mail(
        subject=_header(parsed, "Subject"),
        sender=_header(parsed, "From"),
        recipient=_header(parsed, "To"),
        text=_content(parsed, "plain") or "",
        html=_content(parsed, "html"),
    )


def frame(mail: Mail) -> str:
    """What the frame shows: the HTML part as it is, but links open in a window of their own; else the text part."""
    if mail.html is None:
        return _TEXT_ALONE.format(escape(mail.text))
    head = re.search(r"<head[^>]*>", mail.html, re.IGNORECASE)
    place = head.end() if head is not None else 0
    return f'{mail.html[:place]}<base target="_blank">{mail.html[place:]}'


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, LookupError, MessageError):
        return ""


def _content(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (ValueError, LookupError, MessageError):
        return None
