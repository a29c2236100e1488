import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from milestones.errors import ChannelError, ConfigurationError
from milestones.kinds.channel import Fate, Task
from milestones.kinds.webhook import channel as webhook
from milestones.kinds.webhook.channel import WebhookChannel
from tests.kinds.builders import NOW, Clock, a_task

SECRET = "whsec_" + "c2VjcmV0IG9mIDI0IGJ5dGVzISEh"
URL = "https://hooks.example.com/in?token=hidden"

Answer = Callable[[httpx.Request], httpx.Response]


def a_webhook() -> Task:
    return a_task("webhook", {"url": URL, "secret_name": "crm", "webhook_id": "msg_1"})


def a_channel(answer: Answer, clock: Clock, secret: str = SECRET) -> WebhookChannel:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return WebhookChannel(http, secret={"crm": secret}.__getitem__, clock=clock)


async def refused(answer: Answer, clock: Clock, secret: str = SECRET) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await a_channel(answer, clock, secret).perform(a_webhook())
    assert "hidden" not in str(caught.value)
    assert not caught.value.lost
    return caught.value


async def test_a_webhook_is_signed_so_that_its_receiver_can_verify_it() -> None:
    # The verifier reads the real time, so this one test has to.
    now = datetime.now(UTC)
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(204)

    assert await a_channel(answer, Clock(now)).perform(a_webhook()) == {"status": 204}
    (request,) = requests
    event = Webhook(SECRET).verify(request.content, dict(request.headers))
    assert request.headers["webhook-id"] == "msg_1"
    assert event["type"] == "milestone.reached"
    assert event["data"] == {
        "site": "site-1",
        "account": "account-1",
        "contact": "contact-1",
        "member": "member-1",
        "milestone": {"key": "stars-1000", "title": "1,000 stars", "threshold": 1000},
        "points": {"measure": "balance", "value": 1010},
    }


async def test_a_webhook_holds_neither_name_nor_address(clock: Clock) -> None:
    bodies: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        return httpx.Response(200)

    await a_channel(answer, clock).perform(a_webhook())
    assert "Ana" not in bodies[0]
    assert "example.com" not in bodies[0]
    assert json.loads(bodies[0])["timestamp"] == NOW.isoformat()


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (410, True),
        *((status, False) for status in (301, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503)),
    ],
)
async def test_a_refusal_says_whether_it_is_for_good(status: int, permanent: bool, clock: Clock) -> None:
    error = await refused(lambda _: httpx.Response(status), clock)
    assert error.permanent is permanent
    assert str(status) in str(error)
    assert "hooks.example.com" in str(error)


async def test_a_redirect_is_not_followed(clock: Clock) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/"})

    assert "final URL" in str(await refused(answer, clock))
    assert hosts == ["hooks.example.com"]


@pytest.mark.parametrize(
    ("value", "retry_at"),
    [
        ("120", NOW + timedelta(seconds=120)),
        ("0", NOW),
        ("Sun, 22 Nov 2026 12:05:00 GMT", NOW + timedelta(minutes=5)),
        ("99999999999999999999", NOW + timedelta(hours=24)),
        ("Sun, 22 Nov 2099 12:05:00 GMT", NOW + timedelta(hours=24)),
        ("Sun, 22 Nov 2026 12:05:00 -0000", NOW + timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 12:05:00 +99999999999999999999", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
    ],
)
async def test_the_receiver_may_name_a_time(value: str, retry_at: datetime | None, clock: Clock) -> None:
    headers = {b"Retry-After": value.encode()}
    error = await refused(lambda _: httpx.Response(503, headers=list(headers.items())), clock)
    assert error.retry_at == retry_at


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_no_answer_is_tried_again_since_the_receiver_drops_repeats(
    failure: type[httpx.TransportError], clock: Clock
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise failure("broken", request=request)

    error = await refused(answer, clock)
    assert not error.permanent
    assert failure.__name__ in str(error)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64é"])
async def test_a_secret_that_cannot_sign_is_a_sentence_without_it(secret: str, clock: Clock) -> None:
    error = await refused(lambda _: httpx.Response(200), clock, secret)
    assert "The secret 'crm'" in str(error)
    assert error.connection_wide


async def test_a_secret_that_is_not_configured_any_more_is_a_sentence(clock: Clock) -> None:
    def gone(name: str) -> str:
        raise ConfigurationError([f"no secret {name}"])

    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(ChannelError, match="The secret 'crm'"):
        await WebhookChannel(http, secret=gone, clock=clock).perform(a_webhook())


async def test_a_webhook_asks_nobody_and_may_always_be_repeated(clock: Clock) -> None:
    channel = a_channel(lambda _: httpx.Response(200), clock)
    assert await channel.gate([a_webhook()]) == {}
    assert (await channel.recover(a_webhook())).fate is Fate.REPEAT


async def test_a_receiver_that_answers_without_end_is_given_up(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, ended = asyncio.Event(), asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while not given_up.is_set():
                writer.write(b"X-Slow: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    monkeypatch.setattr(webhook, "EXCHANGE_SECONDS", 0.3)
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    task = a_task(
        "webhook", {"url": f"http://127.0.0.1:{port}/", "secret_name": "crm", "webhook_id": "msg_1"}
    )
    async with server, httpx.AsyncClient() as http:
        channel = WebhookChannel(http, secret={"crm": SECRET}.__getitem__, clock=clock)
        with pytest.raises(ChannelError, match="TimeoutError") as caught:
            await channel.perform(task)
        given_up.set()
        await ended.wait()
    assert not caught.value.permanent
