"""The API over a real store, without a network and without Wix: what a program of the shop would see."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from milestones.commands import tokens
from milestones.commands.models.tokens import CreateToken
from milestones.commands.running import Running
from milestones.config.sections import ApiSettings
from milestones.domain.token import Scope
from milestones.web.api.app import ApiServices, create_api
from milestones.web.app import create_app
from tests.builders import ACCOUNT
from tests.process import until
from tests.shop import Shop
from tests.web.house import House

ADJUST: dict[str, Any] = {"account": ACCOUNT, "by": 5, "reason": "A late bill", "wait": 0}

_titles = itertools.count(1)


@dataclass
class Api:
    """A shop behind the API, and who may call it. settings: in force from the next call on."""

    shop: Shop
    settings: ApiSettings = field(default_factory=ApiSettings)
    house: House = field(default_factory=House)
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.running = Running(self.shop)

    def services(self) -> ApiServices:
        return ApiServices(
            running=self.running,
            store=self.shop.store,
            secret=self.shop.secret,
            settings=lambda: self.settings,
            access=lambda: self.house.access,
            metrics=self.house.metrics,
            clock=self.shop.clock,
        )

    async def token(self, *scopes: Scope, **more: Any) -> str:
        command = CreateToken(title=f"t{next(_titles)}", scope=frozenset(scopes or {Scope.ADMIN}), **more)
        return (await tokens.create(self.shop, command, lambda _report: None)).token

    async def post(self, path: str, token: str, *, key: str | None = None, **fields: Any) -> httpx.Response:
        """A call with a key of its own, unless one is given."""
        return await self.send(path, token, fields, key)

    async def send(
        self, path: str, token: str, body: Any, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """A call with any body: bytes are sent as they are."""
        told = {
            "authorization": f"Bearer {token}",
            "idempotency-key": key if key is not None else f"key-{next(_titles)}",
            "content-type": "application/json",
            **headers,
        }
        content = body if isinstance(body, bytes) else json.dumps(body)
        return await self.client.post(f"/api/v1{path}", headers=told, content=content)

    async def get(self, path: str, token: str, **query: Any) -> httpx.Response:
        return await self.client.get(
            f"/api/v1{path}", headers={"authorization": f"Bearer {token}"}, params=query
        )

    async def recorded(self) -> None:
        """Wait for an order that somebody gives beside."""

        async def is_there() -> bool:
            return bool(await self.shop.actions())

        await until(is_there, "an order is recorded")

    async def done(self) -> None:
        """Do what is owed, as the daemon does beside those who wait."""
        await self.recorded()
        await self.shop.drain()


@asynccontextmanager
async def serving(shop: Shop, **changes: Any) -> AsyncIterator[Api]:
    api = Api(shop, **changes)
    api.house.api = create_api(api.services())
    transport = httpx.ASGITransport(create_app(api.house.services()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as api.client:
        yield api
        await api.running.finish()


def kind_of(answer: httpx.Response) -> str:
    """Which problem an answer is, once it was seen to be one in full."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["title"]
    assert told["detail"]
    assert set(told) <= {"type", "title", "status", "detail", "errors"}
    return str(told["type"]).removeprefix("urn:milestones:problem:")


@pytest.fixture
async def api(small_shop: Shop) -> AsyncIterator[Api]:
    """The API of a shop with one customer."""
    await small_shop.observe(100)
    async with serving(small_shop) as found:
        yield found
