from collections.abc import AsyncIterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.wixsandbox.builders import FakeClock, Shop, token_request
from wixsandbox.events import new_key
from wixsandbox.server import application
from wixsandbox.settings import SandboxSettings, Switches
from wixsandbox.simulator import Sandbox


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return new_key()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def shop(key: RSAPrivateKey, clock: FakeClock) -> AsyncIterator[Shop]:
    switches = Switches(query_lag_seconds=0, rate_limit_per_minute=0)
    sandbox = Sandbox(SandboxSettings(seed=7, switches=switches), clock, key)
    sandbox.begin(120)
    transport = httpx.ASGITransport(application(sandbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://wix.test") as client:
        token = (await client.post("/oauth2/token", json=token_request(sandbox))).json()
        client.headers["Authorization"] = token["access_token"]
        yield Shop(sandbox, clock, client)
