"""A mistyped callback is served or seen."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from milestones.web.app import create_app
from tests.web.house import TOKEN, House


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/wix/",
        "//webhooks/wix",
        "/webhooks//wix",
        "/webhooks/wix//",
        "/Webhooks/Wix",
        "/WEBHOOKS/WIX/",
        "/webhook/wix",
        "/webhooks",
        "/wix",
        "/wix/webhooks",
        "/webhoks/wix",
        "/webhooks/wiz",
        "/webhooks/wix?x=1",
        "/webhooks/wix/?x=1",
        "/",
    ],
)
async def test_what_can_only_mean_the_webhook_is_served(
    visitor: httpx.AsyncClient, house: House, path: str
) -> None:
    response = await visitor.post(f"http://127.0.0.1:8080{path}", content=b"a.b.c")
    assert response.status_code == 200
    assert house.received == [b"a.b.c"]


@pytest.mark.parametrize(
    "path", ["/callback", "/webhooks/in/like", "/happenings", "/healthz", f"/u/{TOKEN}x"]
)
async def test_another_path_is_not(visitor: httpx.AsyncClient, house: House, path: str) -> None:
    response = await visitor.post(path, content=b"a.b.c")
    assert response.status_code in {404, 405}
    assert house.received == []


async def _flooded(visitor: httpx.AsyncClient) -> list[MutableMapping[str, Any]]:
    with capture_logs() as logs:
        for number in range(5):
            await visitor.post(f"/nowhere/{number}")
            await visitor.post("/webhooks/wix/", content=b"a.b.c")
    return logs


async def test_a_flood_of_them_is_counted_and_logged_once(house: House) -> None:
    transport = httpx.ASGITransport(create_app(house.services()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as visitor:
        logs = await _flooded(visitor)
    told = [(line["event"], line["served"]) for line in logs if line["event"] == "callback_mistyped"]
    assert told == [("callback_mistyped", False), ("callback_mistyped", True)]
    assert "nowhere" not in repr(logs)
    for outcome in ("served", "unknown"):
        labels = {"outcome": outcome}
        assert house.metrics.registry.get_sample_value("milestones_mistyped_callbacks_total", labels) == 5


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/webhooks/wix", "/webhooks/wix/", "/Webhooks/wix"])
async def test_a_person_who_tries_the_address_is_told_that_it_is_there(
    visitor: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await visitor.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
