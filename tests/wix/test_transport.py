"""One call: what is sent, what is repeated, what is given up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import httpx
import pytest

from milestones.wix import answers
from milestones.wix.auth import ApiKeyCredentials
from milestones.wix.errors import WixError, WixRefusedError, WixThrottledError, WixUnavailableError
from milestones.wix.pacing import SlidingWindowPacer, a_person_waits
from milestones.wix.transport import WixClient
from tests.wix.fakes import FakeClock, FakeWix

NEVER_SENT = [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("no")]
MAYBE_SENT = [
    httpx.ReadTimeout("no"),
    httpx.WriteTimeout("no"),
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("disconnected"),
    httpx.DecodingError("broken gzip"),
]


async def test_ids_are_quoted_into_the_path_and_the_template_is_what_is_observed(wix: FakeWix) -> None:
    await wix.client().call(
        "GET", "/things/{id}/parts", ids={"id": "a/b?c#d"}, params={"x": ["1", "2"]}, reads=True
    )
    assert wix.requests[0].url.raw_path == b"/things/a%2Fb%3Fc%23d/parts?x=1&x=2"
    ((method, template, status, seconds),) = wix.observed
    assert (method, template, status) == ("GET", "/things/{id}/parts", 200)
    assert seconds >= 0


@pytest.mark.parametrize("odd", ["", ".", "..", "...", "ä", "\ud800", "x" * 101])
async def test_what_cannot_be_an_id_is_not_sent(wix: FakeWix, odd: str) -> None:
    with pytest.raises(WixRefusedError) as caught:
        await wix.client().call("DELETE", "/things/{id}", ids={"id": odd}, reads=False)
    assert caught.value.permanent
    assert wix.requests == []


async def test_a_name_with_half_a_surrogate_pair_is_sent_all_the_same(wix: FakeWix) -> None:
    await wix.client().call("POST", "/things", body={"name": "\ud83d"}, reads=False)
    assert wix.requests[0].content == b'{"name":"\\ud83d"}'
    with pytest.raises(WixRefusedError):
        await wix.client().call("GET", "/things", params={"contactId": "\ud83d"}, reads=True)


async def test_a_cookie_that_one_site_was_given_is_not_sent_for_another(wix: FakeWix) -> None:
    wix.answers(httpx.Response(200, json={}, headers={"Set-Cookie": "session=of-one-site; Path=/"}))
    await wix.client().call("GET", "/things", reads=True)
    await wix.client(ApiKeyCredentials("another-key", "site-2")).call("GET", "/things", reads=True)
    assert "cookie" not in wix.requests[1].headers


async def test_the_services_under_api_can_be_moved(wix: FakeWix) -> None:
    await wix.client(internal_root="/").call("GET", "/_api/rules/v1", reads=True)
    await wix.client().call("GET", "/_api/rules/v1", reads=True)
    assert [request.url.path for request in wix.requests] == ["/rules/v1", "/_api/rules/v1"]


@pytest.mark.parametrize(
    "failure", [*NEVER_SENT, *MAYBE_SENT, httpx.Response(500), httpx.Response(200, text="{")]
)
async def test_a_read_is_tried_three_times(wix: FakeWix, failure: Any) -> None:
    wix.answers(failure, failure, {"ok": 1})
    assert await wix.client().call("GET", "/things", reads=True) == {"ok": 1}
    wix.answers(failure)
    wix.requests.clear()
    with pytest.raises(WixUnavailableError) as caught:
        await wix.client().call("GET", "/things", reads=True)
    assert len(wix.requests) == 3
    assert not caught.value.lost


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 428, 501])
async def test_a_read_that_is_refused_is_not_repeated(wix: FakeWix, status: int) -> None:
    wix.answers(httpx.Response(status))
    with pytest.raises(WixError):
        await wix.client().call("GET", "/things", reads=True)
    assert len(wix.requests) == 1


@pytest.mark.parametrize("failure", NEVER_SENT)
async def test_a_write_that_was_never_sent_is_not_lost(wix: FakeWix, failure: Exception) -> None:
    wix.answers(failure)
    with pytest.raises(WixUnavailableError) as caught:
        await wix.client().call("POST", "/things", reads=False)
    assert (caught.value.lost, caught.value.connection_wide, len(wix.requests)) == (False, True, 1)
    assert wix.observed[0][2] is None


@pytest.mark.parametrize("failure", [*MAYBE_SENT, httpx.Response(500), httpx.Response(200, text="{")])
async def test_a_write_that_may_have_arrived_is_lost_and_never_repeated(wix: FakeWix, failure: Any) -> None:
    wix.answers(failure)
    with pytest.raises(WixUnavailableError) as caught:
        await wix.client().call("POST", "/things", reads=False)
    assert (caught.value.lost, caught.value.permanent, len(wix.requests)) == (True, False, 1)


async def test_an_answer_without_end_is_not_read_to_its_end(
    wix: FakeWix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 10)
    wix.answers({"long": "x" * 20})
    with pytest.raises(WixUnavailableError, match="larger than 10 bytes") as caught:
        await wix.client().call("POST", "/things", reads=False)
    assert caught.value.lost


async def test_an_answer_that_trickles_is_given_up(
    clock: FakeClock, wix: FakeWix, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle())

    monkeypatch.setattr(answers, "EXCHANGE_SECONDS", 0.05)
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        wix.http, original = http, wix.http
        with pytest.raises(WixUnavailableError) as caught:
            await wix.client().call("POST", "/things", reads=False)
        wix.http = original
    assert caught.value.lost


async def test_a_redirect_is_not_followed(wix: FakeWix) -> None:
    wix.answers(httpx.Response(302, headers={"location": "https://elsewhere.test/"}))
    with pytest.raises(WixUnavailableError):
        await wix.client(read_attempts=1).call("GET", "/things", reads=True)
    assert len(wix.requests) == 1


async def test_a_throttled_read_waits_out_the_minute(wix: FakeWix, clock: FakeClock) -> None:
    wix.answers(httpx.Response(429), {"ok": 1})
    assert await wix.client().call("GET", "/things", reads=True) == {"ok": 1}
    assert clock.slept == [60]


@pytest.mark.parametrize(("reads", "priority"), [(False, False), (False, True), (True, True)])
async def test_a_throttled_write_or_person_is_told_when_to_come_again(
    wix: FakeWix, clock: FakeClock, reads: bool, priority: bool
) -> None:
    wix.answers(httpx.Response(429), {"ok": 1})
    waits = a_person_waits() if priority else nullcontext()
    with waits, pytest.raises(WixThrottledError) as caught:
        await wix.client().call("POST", "/things", reads=reads)
    assert caught.value.retry_at == clock.now() + timedelta(seconds=60)
    assert not caught.value.lost
    assert clock.slept == []


async def test_a_person_is_answered_from_the_reserve_while_the_rest_of_the_budget_is_used_up(
    wix: FakeWix, clock: FakeClock
) -> None:
    wix.pacer = SlidingWindowPacer(10, 3, monotonic=clock.monotonic, sleep=clock.sleep)
    client = wix.client()
    for _ in range(7):
        await client.call("GET", "/things", reads=True)
    with a_person_waits():
        for _ in range(3):
            await client.call("GET", "/things", reads=True)
    assert clock.slept == []
    await client.call("GET", "/things", reads=True)
    assert clock.slept == [60]


async def test_after_a_429_the_whole_site_stands_still_for_a_minute(wix: FakeWix, clock: FakeClock) -> None:
    wix.answers(httpx.Response(429), {"ok": 1})
    client = wix.client()
    with pytest.raises(WixThrottledError):
        await client.call("POST", "/things", reads=False)
    clock.seconds += 20
    with a_person_waits(), pytest.raises(WixThrottledError, match="try again in 40 s") as caught:
        await client.call("GET", "/things", reads=True)
    assert caught.value.retry_at == clock.now() + timedelta(seconds=40)
    assert len(wix.requests) == 1
    await client.call("POST", "/things", reads=False)
    assert clock.slept == [40]


async def test_a_closed_door_says_so_without_a_url(clock: FakeClock, wix: FakeWix) -> None:
    async with httpx.AsyncClient() as http:
        client = WixClient(
            http,
            "http://127.0.0.1:1",
            ApiKeyCredentials("key", "site"),
            wix.pacer,
            clock.now,
            read_attempts=2,
            read_backoff=0.0,
        )
        with pytest.raises(WixUnavailableError, match="cannot be reached for GET /things") as caught:
            await client.call("GET", "/things", reads=True)
    assert caught.value.connection_wide
