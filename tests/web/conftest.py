import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from milestones.web.app import create_app
from milestones.web.server import bind, serve, web_address
from tests.web.house import House

Served = Callable[..., Awaitable[str]]


@pytest.fixture
def house() -> House:
    return House()


def _app_of(house: House) -> ASGIApp:
    """The application as the house is at the time of the request, since a test may still furnish it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await create_app(house.services())(scope, receive, send)

    return app


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on this machine, without a network between it and the application."""
    transport = httpx.ASGITransport(_app_of(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


@asynccontextmanager
async def _serving(app: ASGIApp, most_connections: int) -> AsyncIterator[str]:
    sockets = bind("127.0.0.1", 0)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(app, sockets, stop, finish_within=5, most_connections=most_connections))
        yield web_address(sockets)
        stop.set()


@asynccontextmanager
async def serving() -> AsyncIterator[Served]:
    """Serve applications on free ports until the end."""
    async with AsyncExitStack() as stack:

        async def start(app: ASGIApp, most_connections: int = 1000) -> str:
            return await stack.enter_async_context(_serving(app, most_connections))

        yield start


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Serve an application on a free port until the test ends; gives its address."""
    async with serving() as start:
        yield start
