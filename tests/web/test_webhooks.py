import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from milestones.errors import IngestError
from milestones.ingest.door import Door
from milestones.observability.metrics import Metrics
from milestones.web.app import create_app
from milestones.web.webhooks import LARGEST_BODY, PATH, WebhookRoute
from tests.ingest.tokens import NOW, POINTS_UPDATED, claims, genuine, points_updated, private_key, token
from tests.web.house import House

Receive = Callable[[bytes], Awaitable[None]]


async def nothing(*_: Any) -> None:
    return None


def a_route(receive: Receive = nothing, **limits: Any) -> WebhookRoute:
    return WebhookRoute(receive, Metrics(CollectorRegistry()), **limits)


async def answer(
    route: WebhookRoute, messages: Iterable[dict[str, Any]], headers: Iterable[tuple[bytes, bytes]] = ()
) -> list[dict[str, Any]]:
    """What the route sends when it is told these messages; after the last one it waits for ever."""
    told = iter(messages)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        message = next(told, None)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    await route({"type": "http", "method": "POST", "path": PATH, "headers": list(headers)}, receive, send)
    return sent


def chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_webhook_is_answered_with_nothing_but_200(visitor: httpx.AsyncClient, house: House) -> None:
    response = await visitor.post(PATH, content=b"a.b.c")
    assert (response.status_code, response.content) == (200, b"")
    assert house.received == [b"a.b.c"]
    assert b"milestones_ack_seconds_count 1.0" in (await visitor.get("/metrics")).content


@pytest.mark.parametrize("status", [401, 503])
async def test_a_refusal_is_answered_with_its_status_and_its_sentence(
    visitor: httpx.AsyncClient, house: House, status: int
) -> None:
    house.failure = IngestError(status, "Not now.")
    response = await visitor.post(PATH, content=b"a.b.c")
    assert (response.status_code, response.text) == (status, "Not now.")
    labels = {"status": str(status)}
    assert house.metrics.registry.get_sample_value("milestones_webhook_answers_total", labels) == 1


async def test_what_nobody_foresaw_is_answered_with_503_and_logged_without_its_words(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.failure = RuntimeError("anna@example.net")
    with structlog.testing.capture_logs() as logs:
        response = await visitor.post(PATH, content=b"a.b.c")
    assert response.status_code == 503
    assert [line["error"] for line in logs] == ["RuntimeError"]
    assert "anna" not in repr(logs) + response.text


async def test_another_method_is_told_which_one_to_use(visitor: httpx.AsyncClient) -> None:
    response = await visitor.get(PATH)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_body_in_pieces_is_one_body() -> None:
    received: list[bytes] = []

    async def receive(body: bytes) -> None:
        received.append(body)

    sent = await answer(a_route(receive), [chunk(b"a.", more=True), chunk(b"", more=True), chunk(b"b.c")])
    assert sent[0]["status"] == 200
    assert received == [b"a.b.c"]


async def test_the_largest_body_is_read() -> None:
    sent = await answer(a_route(), [chunk(bytes(LARGEST_BODY))])
    assert sent[0]["status"] == 200


async def test_a_declared_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    sent = await answer(a_route(), [], [(b"content-length", str(LARGEST_BODY + 1).encode())])
    assert sent[0]["status"] == 413


async def test_a_body_without_a_length_is_read_no_further_than_the_limit() -> None:
    pieces = (chunk(bytes(65_536), more=True) for _ in iter(int, 1))
    sent = await answer(a_route(), pieces)
    assert sent[0]["status"] == 413


async def test_a_slow_body_is_given_up() -> None:
    route = a_route(slowest_body=0.02)
    sent = await answer(route, [chunk(b"a.", more=True)])
    assert sent[0]["status"] == 503
    assert b"too long" in sent[1]["body"]


@pytest.mark.parametrize("more", [True, False], ids=["before the body is there", "before it is stored"])
async def test_one_that_stopping_cuts_short_is_asked_to_come_again(more: bool) -> None:
    async def receive(_: bytes) -> None:
        await asyncio.Event().wait()

    cut_short = asyncio.create_task(answer(a_route(receive), [chunk(b"a.b.c", more=more)]))
    await asyncio.sleep(0)
    cut_short.cancel()
    sent = await cut_short
    assert sent[0]["status"] == 503
    assert b"stopping" in sent[1]["body"]


async def test_a_peer_that_hangs_up_gets_no_answer() -> None:
    assert await answer(a_route(), [chunk(b"a.", more=True), {"type": "http.disconnect"}]) == []


async def test_all_bodies_together_are_bounded_and_the_bound_is_freed_again() -> None:
    release = asyncio.Event()

    async def receive(_: bytes) -> None:
        await release.wait()

    route = a_route(receive, bodies_at_once=1000)
    first = asyncio.create_task(answer(route, [chunk(bytes(900))]))
    await asyncio.sleep(0)
    refused = await answer(route, [chunk(bytes(200))])
    assert refused[0]["status"] == 503
    release.set()
    assert (await first)[0]["status"] == 200
    assert (await answer(route, [chunk(bytes(1000))]))[0]["status"] == 200


BODIES = st.one_of(
    st.binary(max_size=2000),
    st.binary(max_size=500).map(genuine),
    st.integers(1, 3000).map(lambda end: token(claims(POINTS_UPDATED, points_updated()))[:end]),
)


@given(BODIES)
async def test_any_bytes_get_a_status_of_the_table_and_never_an_exception(body: bytes) -> None:
    metrics = Metrics(CollectorRegistry())
    key = private_key().public_key()
    door = Door(lambda: key, lambda: NOW, nothing, nothing, metrics)
    sent = await answer(WebhookRoute(door.receive, metrics), [chunk(body)])
    assert sent[0]["status"] in {200, 401}


async def test_a_stream_without_end_is_cut_off_over_http(served: Any, house: House) -> None:
    address = await served(create_app(house.services()))
    sent = 0

    async def zeros() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield bytes(65_536)

    async with httpx.AsyncClient() as client:
        response = await client.post(address + PATH, content=zeros())
    assert response.status_code == 413
    assert house.received == []


async def test_a_hundred_megabytes_are_refused_over_http(served: Any, house: House) -> None:
    address = await served(create_app(house.services()))
    async with httpx.AsyncClient() as client:
        response = await client.post(address + PATH, content=bytes(100_000_000))
    assert response.status_code == 413
    assert house.received == []
