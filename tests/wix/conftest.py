"""Fixtures of the tests of the Wix client."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
import pytest_asyncio

from milestones.wix.transport import WixClient
from tests.wix.fakes import FakeClock, FakeWix, connect
from wixsandbox.server import RunningSandbox, serve
from wixsandbox.settings import SandboxSettings, Switches


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def wix(clock: FakeClock) -> AsyncIterator[FakeWix]:
    fake = FakeWix(clock)
    async with fake.http:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[RunningSandbox]:
    """One server for a module: starting one costs more than most of the tests do."""
    async with serve(SandboxSettings(port=0, customers=0, time_scale=100)) as started:
        yield started


@pytest.fixture
def shop(running: RunningSandbox) -> RunningSandbox:
    """The server with a new world of 120 customers, in which nothing happens by itself and queries see every write."""
    running.sandbox.switch(Switches(query_lag_seconds=0, recalculation_seconds=0, rate_limit_per_minute=0))
    running.sandbox.reset(1, 120)
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def client(shop: RunningSandbox, http: httpx.AsyncClient) -> WixClient:
    """The app's access to the simulated shop."""
    return connect(shop, http)


@pytest.fixture
def refusal() -> Callable[..., httpx.Response]:
    """Builds a refusal as Wix words it (docs/wix-api.md, 5)."""

    def build(
        status: int,
        code: str | None = None,
        *,
        message: str = "",
        data: dict[str, Any] | None = None,
        fields: Sequence[str] = (),
        rule: str | None = None,
    ) -> httpx.Response:
        details: dict[str, Any] = {}
        if code is not None:
            details["applicationError"] = {"code": code, "description": message, "data": data or {}}
        if fields:
            violations = [{"field": name, "description": message, "ruleName": rule} for name in fields]
            details["validationError"] = {"fieldViolations": violations}
        body = {"message": message, "details": details}
        return httpx.Response(status, json=body, headers={"X-Wix-Request-Id": "req-1"})

    return build
