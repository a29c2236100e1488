"""Real sockets that break in every place where an answer can be lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from milestones.wix import accounts, coupons
from milestones.wix.auth import ApiKeyCredentials
from milestones.wix.coupons import CouponScope, CouponSpecification
from milestones.wix.errors import WixUnavailableError
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
ACCOUNT = json.dumps({"account": {"id": "a", "revision": "1", "points": {"balance": 5}}}).encode()
COUPON = CouponSpecification(
    name="10% off",
    code="STAR",
    start_time=datetime(2026, 11, 20, tzinfo=UTC),
    percent_off_rate=Decimal(10),
    scope=CouponScope(namespace="stores"),
)


def saying(
    body: bytes, *, length: int | None = None, head: bytes = b"200 OK", kind: bytes = b"application/json"
) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        size = str(len(body) if length is None else length).encode()
        writer.write(
            b"HTTP/1.1 "
            + head
            + b"\r\ncontent-type: "
            + kind
            + b"\r\ncontent-length: "
            + size
            + b"\r\n\r\n"
            + body
        )
        await writer.drain()

    return behave


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def say_nothing(_: asyncio.StreamWriter) -> None:
    """The server closes the connection as soon as this returns."""


async def half_a_chunk(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{")
    await writer.drain()


async def half_a_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
    await writer.drain()


LOST: dict[str, Behaviour] = {
    "reset after the request": reset,
    "closed after the request": say_nothing,
    "a status line without a status": saying(b"", head=b""),
    "half a head": half_a_head,
    "no HTTP at all": saying(b"hello", head=b"SMTP ready"),
    "body cut short": saying(ACCOUNT[:20], length=len(ACCOUNT)),
    "body reset in the middle of a chunk": half_a_chunk,
    "broken gzip": saying(ACCOUNT + b"\r\n", kind=b"application/json\r\ncontent-encoding: gzip"),
    "web page": saying(b"<!doctype html>", kind=b"text/html"),
    "web page with the wrong type": saying(b"<html>hotel</html>"),
    "empty body": saying(b""),
    "broken JSON": saying(ACCOUNT[:20]),
    "JSON of another kind": saying(b"[]"),
    "an object without what was asked for": saying(b'{"ok": true}'),
    "500 after the effect": saying(b"", head=b"500 Oh"),
    "503 from a gateway": saying(b"busy", head=b"503 Oh", kind=b"text/plain"),
}


@asynccontextmanager
async def a_wix(*behaviours: Behaviour) -> AsyncIterator[tuple[WixClient, list[bytes]]]:
    """A server that behaves in turn, one behaviour for each connection, the last one for all further ones."""
    heard: list[bytes] = []
    left = list(behaviours)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(head)
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        await reader.readexactly(length)
        await (left.pop(0) if len(left) > 1 else left[0])(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient() as http:
        yield (
            WixClient(
                http,
                f"http://127.0.0.1:{port}",
                ApiKeyCredentials("key", "site"),
                SlidingWindowPacer(),
                lambda: datetime(2026, 11, 20, tzinfo=UTC),
                read_backoff=0.0,
            ),
            heard,
        )


async def write(client: WixClient) -> Any:
    return await coupons.create(client, COUPON)


async def earn(client: WixClient) -> Any:
    return await accounts.earn(client, "a", amount=5, description="thanks", idempotency_key="k")


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("act", [write, earn])
async def test_a_write_whose_answer_is_lost_says_so_and_is_sent_once(
    how: str, act: Callable[[WixClient], Any]
) -> None:
    async with a_wix(LOST[how]) as (client, heard):
        with pytest.raises(WixUnavailableError) as caught:
            await act(client)
    assert caught.value.lost
    assert not caught.value.permanent
    assert len(heard) == 1


@pytest.mark.parametrize(
    "how", [how for how in LOST if how not in {"empty body", "an object without what was asked for"}]
)
async def test_a_read_whose_answer_is_lost_is_asked_again(how: str) -> None:
    async with a_wix(LOST[how], saying(ACCOUNT)) as (client, heard):
        assert (await accounts.get(client, "a")).points.balance == 5
    assert len(heard) == 2


@pytest.mark.parametrize("how", LOST)
async def test_a_read_that_never_succeeds_is_not_lost(how: str) -> None:
    async with a_wix(LOST[how]) as (client, _):
        with pytest.raises(WixUnavailableError) as caught:
            await accounts.get(client, "a")
    assert not caught.value.lost
