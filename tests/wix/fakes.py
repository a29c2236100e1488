"""A Wix that says what a test tells it to, a clock that moves when a test says so, a client of the simulated Wix."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from milestones.wix import accounts
from milestones.wix.account import Account
from milestones.wix.auth import ApiKeyCredentials, AppCredentials, Credentials
from milestones.wix.errors import WixError
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient
from wixsandbox.server import RunningSandbox
from wixsandbox.settings import Switches

T = TypeVar("T")
Reply = httpx.Response | Exception
APP = AppCredentials(app_id="app-1", app_secret="hush-secret", instance_id="instance-1")
KEY = ApiKeyCredentials(api_key="hush-key", site_id="site-1")


class FakeClock:
    """Moves only when told to, or when somebody sleeps by it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class FakeWix:
    """Answers the token call by itself and everything else from a list of replies, the last of them again and again."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.replies: list[Reply] = [httpx.Response(200, json={})]
        self.respond: Callable[[httpx.Request], httpx.Response] | None = None
        self.token_replies: list[Reply] = []
        self.requests: list[httpx.Request] = []
        self.tokens = 0
        self.token_asked = asyncio.Event()
        self.token_gate = asyncio.Event()
        self.token_gate.set()
        self.observed: list[tuple[str, str, int | None, float]] = []
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        self.pacer = SlidingWindowPacer(monotonic=clock.monotonic, sleep=clock.sleep)

    def client(self, credentials: Credentials = KEY, **overrides: Any) -> WixClient:
        settings: dict[str, Any] = {"observer": lambda *seen: self.observed.append(seen), "read_backoff": 0.0}
        base_url = "https://wix.test/"
        return WixClient(
            self.http, base_url, credentials, self.pacer, self.clock.now, **(settings | overrides)
        )

    def answers(self, *replies: Reply | dict[str, Any]) -> None:
        self.replies = [httpx.Response(200, json=r) if isinstance(r, dict) else r for r in replies]

    def body(self, index: int = -1) -> Any:
        return json.loads(self.requests[index].content)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            self.tokens += 1
            self.token_asked.set()
            await self.token_gate.wait()
            return _given(self._token_reply())
        self.requests.append(request)
        if self.respond is not None:
            return self.respond(request)
        return _given(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])

    def _token_reply(self) -> Reply:
        if self.token_replies:
            return self.token_replies.pop(0)
        granted = {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": 14400}
        return httpx.Response(200, json=granted)


def _given(reply: Reply) -> httpx.Response:
    if isinstance(reply, Exception):
        raise reply
    # A fresh copy: a response that was read once cannot be streamed again.
    return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


def connect(
    shop: RunningSandbox, http: httpx.AsyncClient, credentials: Credentials | None = None
) -> WixClient:
    """A client of the simulated Wix: as the app, unless other credentials are given."""
    own = shop.credentials
    app = AppCredentials(own.app_id, own.app_secret, own.instance_id)
    pacer = SlidingWindowPacer(100_000)
    return WixClient(
        http, shop.base_url, credentials or app, pacer, lambda: datetime.now(UTC), read_backoff=0.0
    )


async def outcome(act: Awaitable[T]) -> T | WixError:
    """What came of an act that Wix may answer or refuse."""
    try:
        return await act
    except WixError as error:
        return error


def switch(shop: RunningSandbox, **switches: object) -> None:
    """Changes behaviours of the simulated Wix."""
    shop.sandbox.switch(Switches.model_validate({**shop.sandbox.world.switches.model_dump(), **switches}))


async def some_account(client: WixClient, *, member: bool = False) -> Account:
    """The first account of the simulated shop, or the first that belongs to a member."""
    page = await accounts.query(client, {"memberId": {"$exists": True}} if member else None)
    return page.items[0]
