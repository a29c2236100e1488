"""A shop on disk in which something has happened, for commands that look."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from structlog.testing import capture_logs

from milestones.commands.running import Running
from milestones.domain.actions import State
from milestones.domain.observation import Customer
from milestones.domain.verdict import Verdict
from milestones.kinds.channel import Stop
from milestones.web import local
from tests.shop import Shop, opened_shop, write_config

BOB = Customer("contact-bob", None, "bob@example.com", "Bob [bold]")


def filled(folder: Path, more: Callable[[Shop], Awaitable[None]] | None = None) -> Path:
    """Ada reached 1,000 stars and was told; Bob is near. Returns the configuration."""
    path = write_config(folder)

    async def fill() -> None:
        async with opened_shop(path) as shop:
            await shop.observe(960, 1010)
            await shop.observe(950, account="account-bob", customer=BOB)
            await shop.remind("account-bob", value=950)
            mail = (await shop.actions(kind="email", account="account-bob"))[0]
            assert mail.id is not None
            stop = Stop(State.CANCELLED, Verdict.NOT_SUBSCRIBED)
            shop.channels["email"].stops = {mail.id: stop}
            shop.channels["email"].answers = [{"message_id": "<m@example.com>", "subject": "You did it"}]
            await shop.drain()
            if more is not None:
                await more(shop)

    with capture_logs():
        asyncio.run(fill())
    return path


@asynccontextmanager
async def daemon_of(path: Path) -> AsyncIterator[Shop]:
    """Somebody who answers on the socket of this configuration, in place of a daemon."""
    async with opened_shop(path) as shop, asyncio.TaskGroup() as group:
        # Its log goes nowhere: the command under test is in the same process.
        stop = asyncio.Event()
        socket = shop.settings.daemon.socket
        task = group.create_task(local.serve(socket, Running(shop), stop))
        while not socket.exists() and not task.done():  # noqa: ASYNC110 - it tells by being there
            await asyncio.sleep(0)
        with capture_logs():
            yield shop
        stop.set()
