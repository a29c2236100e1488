"""What the tests of SMTP do with a server: hand over one message, and see it refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from milestones.errors import MailError
from milestones.kinds.email.smtp import SmtpSettings, SmtpTransport, Tls
from tests.kinds.smtp_server import Mailserver

MESSAGE = b"Subject: Hello\r\n\r\nfirst\r\n.\r\n.two\r\n"


@asynccontextmanager
async def transport_to(server: Mailserver, **settings: Any) -> AsyncIterator[SmtpTransport]:
    fixed = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": Tls.NONE,
        "per_minute": 1_000_000,
        "hello": "shop.test",
    }
    made = SmtpTransport(SmtpSettings(**{**fixed, **settings}))
    try:
        yield made
    finally:
        await made.aclose()


async def send(
    transport: SmtpTransport, recipient: str = "ana@example.com", within: float | None = None
) -> None:
    await transport.send(
        MESSAGE,
        message_id="<1@example.com>",
        sender="hello@example.com",
        recipient=recipient,
        within=within,
    )


async def refused(
    transport: SmtpTransport, recipient: str = "ana@example.com", within: float | None = None
) -> MailError:
    with pytest.raises(MailError) as caught:
        await send(transport, recipient, within)
    assert "example.com" not in str(caught.value)
    return caught.value
