"""Simulated programs in this process, and their presets as they ship, pointed at them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from milestones.config import parse
from milestones.config.external import ExternalTable
from milestones.external.connector import Connector
from tests.builders import NOW
from wixsandbox.external.app import Programs
from wixsandbox.external.books import Books, Member

ROOTS = {
    "smile": "/v1",
    "loyaltylion": "/v2",
    "square": "/v2",
    "voucherify": "/v2",
    "talonone": "",
}
PRESETS = tuple(ROOTS)

SECRETS = dict.fromkeys(
    (
        "SMILE_API_KEY",
        "LOYALTYLION_API_KEY",
        "LOYALTYLION_SECRET",
        "SQUARE_ACCESS_TOKEN",
        "SQUARE_SIGNATURE_KEY",
        "VOUCHERIFY_APP_ID",
        "VOUCHERIFY_APP_TOKEN",
        "TALONONE_API_KEY",
        "TALONONE_MANAGEMENT_KEY",
    ),
    "a-secret",
)

_SHOP = """
[wix]
sandbox = true
[[sites]]
name = "The Corner Shop"
[mail]
sender = "shop@example.com"
transport = "folder"
"""


def described(preset: str, more: str = "") -> ExternalTable:
    """An entry of a configuration. more: further keys of it."""
    text = (
        f'{_SHOP}[[external]]\nname = "{preset}"\npreset = "{preset}"\nrate = "100000 per 1s"\n'
        f'base_url = "http://127.0.0.1/external/{preset}{ROOTS[preset]}"\nvalues = {{ program = "42" }}\n{more}'
    )
    (found,) = parse(text, Path("config.toml"), SECRETS).external
    return found


@dataclass
class Clock:
    """A time that moves when it is told to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    """The programs, and a client that reaches them. answers: what is answered in place of the next calls; an exception
    is raised, after the call took effect where it is one of ``after``.
    """

    programs: Programs
    http: httpx.AsyncClient
    clock: Clock
    faults: list[Any]

    def books(self, preset: str) -> Books:
        return self.programs.of(preset)

    def join(self, preset: str, *members: Member) -> None:
        for member in members:
            self.books(preset).add(member)

    def connect(self, preset: str, more: str = "") -> Connector:
        return Connector(described(preset, more), self.http, self.clock)


class Lossy(httpx.AsyncBaseTransport):
    """Loses answers as ``faults`` says: "before" and "after" the call took effect, or an answer in its place."""

    def __init__(self, inner: httpx.AsyncBaseTransport, faults: list[Any]) -> None:
        self._inner = inner
        self._faults = faults

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._faults.pop(0) if self._faults else None
        if fault == "before":
            raise httpx.ReadTimeout("", request=request)
        if isinstance(fault, httpx.Response):
            return fault
        response = await self._inner.handle_async_request(request)
        if fault == "after":
            await response.aclose()
            raise httpx.ReadTimeout("", request=request)
        return response


@asynccontextmanager
async def a_world(customers: Mapping[str, int] | None = None) -> AsyncIterator[World]:
    """Programs without members."""
    clock = Clock()
    programs = Programs(clock, lambda number: list((customers or {}).items())[:number])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await programs.answer(request, await request.body())(scope, receive, send)

    faults: list[Any] = []
    transport = Lossy(httpx.ASGITransport(app), faults)
    async with httpx.AsyncClient(transport=transport) as http:
        yield World(programs, http, clock, faults)
