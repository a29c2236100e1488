"""By what name this machine greets a mail server, where ``mail.hello`` says none."""

import asyncio
import socket

from milestones.domain.greeting import NAMELESS, wire_name


async def machine_name() -> str:
    """This machine's full name if it has one that may stand in EHLO, whatever it is called; else ``NAMELESS``."""
    try:
        name = await asyncio.to_thread(socket.getfqdn)
    except (OSError, UnicodeError):
        return NAMELESS
    return wire_name(name) or NAMELESS
