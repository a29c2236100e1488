"""Fixtures of the tests of the Wix client."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest

from tests.wix.fakes import FakeClock, FakeWix


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def wix(clock: FakeClock) -> AsyncIterator[FakeWix]:
    fake = FakeWix(clock)
    async with fake.http:
        yield fake


@pytest.fixture
def refusal() -> Callable[..., httpx.Response]:
    """Builds a refusal as Wix words it (fact sheet, section 5)."""

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
