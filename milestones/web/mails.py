"""A mail as the customer sees it, from the message that was sent, in a frame that can do nothing."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from html import escape
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,199}")

LARGEST_MAIL = 2 * 1024 * 1024

FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""No scripts, no network, no forms; a link opens a window of its own. Nobody but our page may frame it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail program would show. ``html`` is None for a mail of text alone."""

    subject: str
    sender: str
    recipient: str
    text: str
    html: str | None


def folder_mail(folder: Path) -> Callable[[str], Awaitable[bytes | None]]:
    """Messages of a folder by their file names, for ``WebServices.mail``. Names cannot lead out of the folder."""

    def read(name: str) -> bytes | None:
        path = folder / name
        try:
            if path.is_symlink() or path.stat().st_size > LARGEST_MAIL:
                return None
            return path.read_bytes()
        except OSError:
            return None

    async def mail(name: str) -> bytes | None:
        return await asyncio.to_thread(read, name) if _NAME.fullmatch(name) else None

    return mail


def opened(message: bytes) -> Mail:
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


def framed(mail: Mail) -> str:
    """What the frame shows: the HTML part as it is, but links open in a window of their own; else the text part."""
    if mail.html is None:
        return f'<pre style="margin:1rem;white-space:pre-wrap">{escape(mail.text)}</pre>'
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
