"""A shop in the simulated Wix that a test can call, watch, and move through time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from wixsandbox.events import Event
from wixsandbox.records import Account
from wixsandbox.settings import Switches
from wixsandbox.simulator import Sandbox

LOYALTY_APP = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"


def earning(**changes: object) -> dict[str, object]:
    """The body of an earn call."""
    return {"amount": 10, "description": "A gift", "appId": LOYALTY_APP, "idempotencyKey": "k-1", **changes}


def token_request(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    own = sandbox.credentials()
    wanted = {
        "grant_type": "client_credentials",
        "client_id": own.app_id,
        "client_secret": own.app_secret,
        "instance_id": own.instance_id,
    }
    return {**wanted, **changes}


class FakeClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Shop:
    """A sandbox without a socket, a client that is signed in, and the events that were told."""

    def __init__(self, sandbox: Sandbox, clock: FakeClock, client: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.client = client
        self.events: list[Event] = []
        sandbox.world.sink = self.events.append

    def switch(self, **changes: Any) -> None:
        self.sandbox.switch(Switches.model_validate({**self.sandbox.world.switches.model_dump(), **changes}))

    async def call(
        self, method: str, path: str, json: Any = None, *, status: int = 200, **params: Any
    ) -> Any:
        answer = await self.client.request(method, path, json=json, params=params or None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def get(
        self, path: str, given: dict[str, Any] | None = None, *, status: int = 200, **params: Any
    ) -> Any:
        """``given`` holds parameters whose names have dots."""
        return await self.call("GET", path, status=status, **(given or {}), **params)

    async def post(self, path: str, json: Any = None, *, status: int = 200) -> Any:
        return await self.call("POST", path, json if json is not None else {}, status=status)

    async def refused(self, path: str, json: Any, *, status: int, method: str = "POST") -> str:
        """The code of an application error."""
        body = await self.call(method, path, json, status=status)
        assert body["message"]
        return str(body["details"]["applicationError"]["code"])

    async def violated(self, path: str, json: Any, *, method: str = "POST") -> list[str]:
        """The fields of a validation error."""
        body = await self.call(method, path, json, status=400)
        return [one["field"] for one in body["details"]["validationError"]["fieldViolations"]]

    def told(self) -> list[str]:
        """The types of the events since the last call of this."""
        types = [event.type for event in self.events]
        self.events.clear()
        return types

    def account(self, where: Callable[[Account], bool] = lambda _: True) -> Account:
        return next(one for one in self.sandbox.world.accounts if where(one))

    def member_account(self) -> Account:
        return self.account(lambda one: one.member_id is not None)
