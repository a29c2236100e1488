import asyncio
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, closing, suppress
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from milestones.errors import MilestonesError
from milestones.web import server
from milestones.web.app import create_app
from milestones.web.server import bind, raise_file_limit, serve, web_address
from milestones.web.webhooks import PATH, WebhookRoute
from tests.web.house import House

PATIENCE = 60
"""Seconds after which what a test waits for has failed: so many that a busy machine reaches it too."""


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


async def opened(address: str, stack: AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
    stack.callback(writer.close)
    return reader, writer


def test_a_taken_port_is_a_sentence_that_says_how_to_change_it() -> None:
    taken = bind("127.0.0.1", 0)[0]
    with closing(taken), pytest.raises(MilestonesError, match=r"is taken .* MILESTONES_DAEMON__LISTEN"):
        bind("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("203.0.113.7", 8080, "does not belong to this machine"),
        ("no.such.host.invalid", 8080, "cannot be resolved"),
    ],
)
def test_an_address_that_cannot_be_is_a_sentence(host: str, port: int, words: str) -> None:
    with pytest.raises(MilestonesError, match=words):
        bind(host, port)


def test_localhost_listens_on_every_loopback_address_that_there_is() -> None:
    sockets = bind("localhost", 0)
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        assert web_address(sockets).startswith("http://")
    finally:
        for sock in sockets:
            sock.close()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_address_that_is_told_can_be_opened(host: str, shown: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        sockets = bind(host, 0)
    except MilestonesError:
        pytest.skip("this machine has no IPv6 address")
    with closing(sockets[0]):
        assert web_address(sockets) == f"http://{shown}:{sockets[0].getsockname()[1]}"


async def test_signals_stay_with_the_daemon(served: Any) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    address = await served(hello)
    async with httpx.AsyncClient() as client:
        assert (await client.get(address)).text == "hello"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_stopping_lets_a_request_under_way_end_and_takes_no_new_one() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await release.wait()
        await hello(scope, receive, send)

    sockets, stop = bind("127.0.0.1", 0), asyncio.Event()
    address = web_address(sockets)
    async with asyncio.TaskGroup() as group, httpx.AsyncClient() as client:
        serving = group.create_task(serve(slow, sockets, stop))
        under_way = group.create_task(client.get(address))
        await entered.wait()
        stop.set()
        await _until_refused(address)
        assert not serving.done()
        release.set()
        assert (await under_way).text == "hello"
        await serving


async def _until_refused(address: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                # The system had taken it when the server closed its door; the next one will be refused.
                continue
            writer.close()
            await asyncio.sleep(0.02)


async def test_a_request_that_does_not_end_is_given_up_after_the_time_to_finish(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entered = asyncio.Event()

    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await asyncio.Event().wait()

    sockets, stop = bind("127.0.0.1", 0), asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group, httpx.AsyncClient() as client:
        group.create_task(serve(stuck, sockets, stop, finish_within=1))
        waiting = group.create_task(_ignoring_errors(client.get(web_address(sockets))))
        await entered.wait()
        stop.set()
        await waiting
    assert caplog.records == [], "it is no fault of the application"


async def _ignoring_errors(request: Awaitable[httpx.Response]) -> None:
    with suppress(httpx.HTTPError):
        await request


async def test_a_cancelled_server_frees_its_port() -> None:
    sockets = bind("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    serving = asyncio.create_task(serve(hello, sockets, asyncio.Event()))
    async with httpx.AsyncClient() as client:
        await client.get(web_address(sockets))
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with closing(bind("127.0.0.1", port)[0]) as again:
        assert again.getsockname()[1] == port


@pytest.mark.parametrize(
    "beginning",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"],
    ids=["silence", "a letter", "half a head", "half a second head"],
)
async def test_a_head_that_does_not_arrive_costs_its_connection(
    served: Any, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.1)
    address = await served(hello)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        reader, writer = await opened(address, stack)
        writer.write(beginning)
        with suppress(ConnectionResetError):
            await reader.read()


async def test_letters_that_drip_do_not_keep_a_connection(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    address = await served(hello)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        reader, writer = await opened(address, stack)
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(b"G")
            await asyncio.wait([ended], timeout=0.02)
        with suppress(ConnectionError):
            await ended


async def test_an_answer_that_nobody_reads_costs_its_connection(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "UNREAD_SECONDS", 0.1)
    given_up = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        # What is sent to a connection that has ended is thrown away.
        for _ in range(64):
            await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})
        given_up.set()

    address = await served(endless)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        _, writer = await opened(address, stack)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await given_up.wait()


async def test_a_connection_is_kept_between_requests(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.4)
    address = await served(hello)
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        reader, writer = await opened(address, stack)
        for pause in (0.0, 0.0, 0.5):
            await asyncio.sleep(pause)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")


async def test_a_body_that_stops_in_the_middle_is_answered_over_http(served: Any, house: House) -> None:
    services = house.services()
    address = await served(WebhookRoute(services.receive, services.metrics, slowest_body=0.1))

    async def slow() -> AsyncIterator[bytes]:
        yield b"a."
        await asyncio.sleep(0.5)
        yield b"b.c"

    async with httpx.AsyncClient() as client:
        response = await client.post(address + PATH, content=slow())
    assert response.status_code == 503
    assert house.received == []


async def test_idlers_make_room_for_those_who_ask(served: Any, house: House) -> None:
    address = await served(create_app(house.services()), most_connections=20)
    async with AsyncExitStack() as stack, httpx.AsyncClient() as client:
        idlers = [await opened(address, stack) for _ in range(100)]
        for _ in range(3):
            assert (await client.post(address + PATH, content=b"a.b.c")).status_code == 200
        assert len(idlers) == 100


async def test_when_everybody_is_busy_a_new_connection_is_turned_away(served: Any) -> None:
    all_in, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        all_in.release()
        await release.wait()
        await hello(scope, receive, send)

    address = await served(slow, most_connections=6)
    async with (
        asyncio.timeout(PATIENCE),
        AsyncExitStack() as stack,
        httpx.AsyncClient() as client,
        asyncio.TaskGroup() as group,
    ):
        busy = [group.create_task(client.get(address)) for _ in range(5)]
        for _ in busy:
            await all_in.acquire()
        reader, _ = await opened(address, stack)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        release.set()
    assert [task.result().status_code for task in busy] == [200] * 5


@pytest.mark.slow
async def test_ten_thousand_open_connections_do_not_keep_an_event_out(served: Any, house: House) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if raise_file_limit() < 16_000:
        pytest.skip(f"this system allows {hard} open files; client and server together need 16,000")
    address = await served(create_app(house.services()), most_connections=4000)
    async with AsyncExitStack() as stack, httpx.AsyncClient(timeout=30) as client:
        for _ in range(10_000):
            idler = socket.socket()
            stack.callback(idler.close)
            idler.setblocking(False)
            await asyncio.get_running_loop().sock_connect(idler, ("127.0.0.1", port_of(address)))
        for _ in range(3):
            assert (await client.post(address + PATH, content=b"a.b.c")).status_code == 200
        assert (await client.get(address + "/healthz")).status_code == 200


HEAD = b"POST /webhooks/wix HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "answered"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\na.b.c", b"HTTP/1.1 200"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\na.\r\n3\r\nb.c\r\n0\r\n\r\n", b"HTTP/1.1 200"),
        (HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\na.b.c", b"HTTP/1.1 100"),
        (HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", b"HTTP/1.1 413"),
        (HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 5\r\n\r\na.b.c", b"HTTP/1.1 200"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nno number\r\n", b"HTTP/1.1 400"),
        (HEAD + b"Content-Length: -5\r\n\r\n", b"HTTP/1.1 400"),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"HTTP/1.1 400"),
        (HEAD + b"X: " + b"y" * 70_000, b"HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HTTP/1.1 400"),
    ],
    ids=[
        "plain",
        "chunked",
        "polite",
        "polite and large",
        "old",
        "bad chunk",
        "negative",
        "huge",
        "head without end",
        "TLS",
    ],
)
async def test_every_way_to_say_it_in_http_is_answered(
    served: Any, house: House, caplog: pytest.LogCaptureFixture, request_bytes: bytes, answered: bytes
) -> None:
    address = await served(create_app(house.services()))
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        reader, writer = await opened(address, stack)
        writer.write(request_bytes)
        assert (await reader.readline()).startswith(answered)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    async with httpx.AsyncClient() as client:
        assert (await client.get(address + "/healthz")).status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_peer_that_hangs_up_in_the_middle_disturbs_nobody(
    served: Any, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    address = await served(create_app(house.services()))
    async with AsyncExitStack() as stack:
        _, writer = await opened(address, stack)
        writer.write(HEAD + b"Content-Length: 500\r\n\r\na.b")
        await writer.drain()
    async with httpx.AsyncClient() as client:
        assert (await client.get(address + "/healthz")).status_code == 200
    assert house.received == []
    assert [record for record in caplog.records if record.exc_info] == []
