"""A mistyped callback is served or seen."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest
from starlette.types import Message
from structlog.testing import capture_logs

from milestones.errors import IngestError
from milestones.web import callback
from milestones.web.app import create_app
from tests.web.house import TOKEN, House

TOKEN_OF_WIX = b"eyJhbGciOiJSUzI1NiJ9.b.c"
PATHS = ("/", "/wix", "/webhook", "/webhooks/wix/", "/webhoks/wix")


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
async def test_what_may_mean_the_webhook_is_served(
    visitor: httpx.AsyncClient, house: House, path: str
) -> None:
    response = await visitor.post(f"http://127.0.0.1:8080{path}", content=TOKEN_OF_WIX)
    assert response.status_code == 200
    assert house.received == [TOKEN_OF_WIX]


@pytest.mark.parametrize(
    "path", ["/callback", "/webhooks/in/like", "/happenings", "/healthz", f"/u/{TOKEN}x"]
)
async def test_another_path_is_not(visitor: httpx.AsyncClient, house: House, path: str) -> None:
    response = await visitor.post(path, content=TOKEN_OF_WIX)
    assert response.status_code in {404, 405}
    assert house.received == []


def _counted(house: House, outcome: str) -> float:
    name = "milestones_mistyped_callbacks_total"
    return house.metrics.registry.get_sample_value(name, {"outcome": outcome}) or 0.0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"", b"x", b"email=me", b'{"test": 1}', b"  \n"])
async def test_what_is_no_token_is_answered_as_on_any_path_that_leads_nowhere(
    visitor: httpx.AsyncClient, house: House, path: str, body: bytes
) -> None:
    with capture_logs() as logs:
        response = await visitor.post(path, content=body)
    assert response.status_code in {404, 405}
    assert (house.received, _counted(house, "served")) == ([], 0)
    assert [line["log_level"] for line in logs] == ["info"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("status", [401, 503])
async def test_only_a_genuine_webhook_says_that_the_callback_is_mistyped(
    visitor: httpx.AsyncClient, house: House, path: str, status: int
) -> None:
    house.failure = IngestError(status, "No.")
    with capture_logs() as logs:
        assert (await visitor.post(path, content=TOKEN_OF_WIX)).status_code == status
        assert (_counted(house, "served"), logs) == (0, [])
        house.failure = None
        assert (await visitor.post(path, content=TOKEN_OF_WIX)).status_code == 200
    assert _counted(house, "served") == 1
    assert [(line["event"], line["log_level"]) for line in logs] == [("callback_mistyped", "warning")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_another_method_says_nothing_of_the_callback(
    visitor: httpx.AsyncClient, house: House, method: str
) -> None:
    for path in PATHS:
        await visitor.request(method, path)
    assert _counted(house, "served") == _counted(house, "unknown") == 0


@pytest.mark.parametrize("pieces", [[b"e", b"yJ.b.c"], [b" \neyJ", b".b", b".c"]])
async def test_a_token_that_comes_in_pieces_is_taken_whole(
    visitor: httpx.AsyncClient, house: House, pieces: list[bytes]
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    assert (await visitor.post("/", content=body())).status_code == 200
    assert house.received == [b"".join(pieces)]


async def test_a_peer_that_sends_no_body_is_not_waited_for_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "SLOWEST_BODY", 0.0)
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/wix", "headers": [], "query_string": b""}
    await create_app(house.services())(scope, receive, send)
    assert sent[0]["status"] == 404


async def _flooded(visitor: httpx.AsyncClient) -> list[MutableMapping[str, Any]]:
    with capture_logs() as logs:
        for number in range(5):
            await visitor.post(f"/nowhere/{number}")
            await visitor.post("/webhooks/wix/", content=TOKEN_OF_WIX)
    return logs


async def test_a_flood_of_them_is_counted_and_logged_once(house: House) -> None:
    transport = httpx.ASGITransport(create_app(house.services()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as visitor:
        logs = await _flooded(visitor)
    told = [(line["event"], line["served"]) for line in logs if line["event"] == "callback_mistyped"]
    assert told == [("callback_mistyped", False), ("callback_mistyped", True)]
    assert "nowhere" not in repr(logs)
    assert _counted(house, "served") == _counted(house, "unknown") == 5


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/webhooks/wix", "/webhooks/wix/", "/Webhooks/wix"])
async def test_a_person_who_tries_the_address_is_told_that_it_is_there(
    visitor: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await visitor.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
