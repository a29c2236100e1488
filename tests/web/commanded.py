"""Commands that a test defines, served on a local socket as the daemon serves its own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import httpx

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.host import Host
from milestones.commands.models.command import Answer, Command, NoReport, Report
from milestones.commands.registry import Handler
from milestones.commands.running import Running
from milestones.errors import UsageError
from milestones.web import local
from milestones.web.socket_file import short


class Doubled(Answer):
    doubled: int


class Counted(Answer):
    number: int


class Nothing(Answer):
    pass


class Found(Answer):
    found: tuple[str, ...]


class Double(Command[Doubled, NoReport]):
    path: ClassVar[str] = "/double"
    number: int


class Count(Command[Nothing, Counted]):
    path: ClassVar[str] = "/count"
    to: int


class Wrong(Command[Nothing, Counted]):
    """Refused after so many reports."""

    path: ClassVar[str] = "/wrong"
    after: int = 0


class Broken(Command[Nothing, NoReport]):
    path: ClassVar[str] = "/broken"


class Slow(Command[Doubled, Counted]):
    path: ClassVar[str] = "/slow"


class Look(Command[Found, NoReport]):
    path: ClassVar[str] = "/look"
    method: ClassVar[Literal["GET", "POST"]] = "GET"


class Named(Command[Found, NoReport]):
    path: ClassVar[str] = "/things/{number}/of/{whose}"
    method: ClassVar[Literal["GET", "POST"]] = "GET"
    number: int
    whose: str
    keys: str = "k"
    colour: str | None = None
    most: int = 3


class Fly(Command[Nothing, NoReport]):
    path: ClassVar[str] = "/fly"


async def double(_host: Host, command: Double, _report: Report[NoReport]) -> Doubled:
    return Doubled(doubled=command.number * 2)


async def count(_host: Host, command: Count, report: Report[Counted]) -> Nothing:
    for number in range(command.to):
        report(Counted(number=number))
    return Nothing()


async def wrong(_host: Host, command: Wrong, report: Report[Counted]) -> Nothing:
    for number in range(command.after):
        report(Counted(number=number))
        await asyncio.sleep(0)
    raise UsageError("That cannot work.")


async def named(_host: Host, command: Named, _report: Report[NoReport]) -> Found:
    return Found(
        found=(str(command.number), command.whose, str(command.colour), str(command.most), command.keys)
    )


async def broken(_host: Host, _command: Broken, _report: Report[NoReport]) -> Nothing:
    raise ValueError("ada@example.com")


Handlers = Mapping[type[Command[Any, Any]], Handler]


HANDLERS: Handlers = {Double: double, Count: count, Wrong: wrong, Broken: broken, Named: named}


def running(handlers: Handlers = HANDLERS) -> Running:
    return Running(cast("Host", None), handlers)


async def answers(path: Path) -> bool:
    try:
        await ask(path, Fly())
    except NotRunningError:
        return False
    except RefusedError:
        pass
    return True


@asynccontextmanager
async def serving(path: Path, handlers: Handlers = HANDLERS) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(local.serve(path, running(handlers), stop))
        while not await answers(path) and not task.done():  # noqa: ASYNC110 - it tells by answering
            await asyncio.sleep(0)
        yield stop
        stop.set()


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """As any program may ask."""
    with short(path) as address:
        transport = httpx.AsyncHTTPTransport(uds=address)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
            yield found
