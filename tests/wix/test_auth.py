"""Tokens: fetched once, renewed early, renewed once on a 401, shared by all who wait."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from milestones.wix.errors import WixError, WixThrottledError, WixUnauthorizedError, WixUnavailableError
from milestones.wix.transport import WixClient
from tests.wix.fakes import APP, KEY, FakeClock, FakeWix


async def read(client: WixClient) -> None:
    await client.call("GET", "/things", reads=True)


def test_secrets_do_not_show() -> None:
    assert "hush" not in repr(APP) + repr(KEY) + str(APP) + str(KEY)


async def test_the_token_is_sent_raw_and_asked_for_once(wix: FakeWix) -> None:
    client = wix.client(APP)
    await read(client)
    await read(client)
    assert [r.headers["authorization"] for r in wix.requests] == ["token-1", "token-1"]
    assert wix.tokens == 1


async def test_a_key_is_sent_with_its_site(wix: FakeWix) -> None:
    await read(wix.client(KEY))
    assert wix.requests[0].headers["authorization"] == "hush-key"
    assert wix.requests[0].headers["wix-site-id"] == "site-1"
    assert wix.tokens == 0


async def test_a_token_is_renewed_before_it_expires(wix: FakeWix, clock: FakeClock) -> None:
    client = wix.client(APP)
    await read(client)
    clock.seconds = 14_400 - 301
    await read(client)
    assert wix.tokens == 1
    clock.seconds = 14_400 - 300
    await read(client)
    assert wix.tokens == 2
    assert wix.requests[-1].headers["authorization"] == "token-2"


@pytest.mark.parametrize(
    "failure",
    [httpx.Response(500), httpx.Response(429), httpx.ReadTimeout("slow"), httpx.Response(200, text="<html>")],
)
async def test_while_the_token_service_is_down_the_old_token_serves_to_its_end(
    wix: FakeWix, clock: FakeClock, failure: httpx.Response | Exception
) -> None:
    client = wix.client(APP)
    await read(client)
    wix.token_replies = [failure] * 9
    clock.seconds = 14_400 - 200
    await read(client)
    await read(client)
    assert wix.requests[-1].headers["authorization"] == "token-1"
    assert wix.tokens == 2  # the second call did not wait for the token service again
    clock.seconds += 30
    await read(client)
    assert wix.tokens == 3
    clock.seconds = 14_400
    with pytest.raises(WixError) as caught:
        await read(client)
    assert caught.value.connection_wide


async def test_a_renewal_that_failed_is_made_up_for(wix: FakeWix, clock: FakeClock) -> None:
    client = wix.client(APP)
    await read(client)
    wix.token_replies = [httpx.Response(500)]
    clock.seconds = 14_400 - 200
    await read(client)
    clock.seconds += 30
    await read(client)
    assert wix.requests[-1].headers["authorization"] == "token-3"


@pytest.mark.parametrize("reads", [True, False])
async def test_a_401_renews_the_token_once_for_reads_and_writes_alike(wix: FakeWix, reads: bool) -> None:
    wix.answers(httpx.Response(401), {"ok": 1})
    assert await wix.client(APP).call("POST", "/things", reads=reads) == {"ok": 1}
    assert [r.headers["authorization"] for r in wix.requests] == ["token-1", "token-2"]


async def test_a_401_to_a_fresh_token_is_the_end(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    wix.answers(refusal(401, "UNAUTHENTICATED"))
    with pytest.raises(WixUnauthorizedError) as caught:
        await read(wix.client(APP))
    assert (len(wix.requests), wix.tokens) == (2, 2)
    assert caught.value.connection_wide
    assert caught.value.permanent


async def test_a_refused_key_is_not_tried_twice(wix: FakeWix) -> None:
    wix.answers(httpx.Response(401))
    with pytest.raises(WixUnauthorizedError):
        await read(wix.client(KEY))
    assert len(wix.requests) == 1


async def test_many_calls_share_one_token_and_one_renewal(wix: FakeWix) -> None:
    client = wix.client(APP)
    await asyncio.gather(*(read(client) for _ in range(20)))
    assert wix.tokens == 1
    wix.answers(*[httpx.Response(401)] * 20, {})
    await asyncio.gather(*(read(client) for _ in range(20)))
    assert wix.tokens == 2


async def test_many_calls_share_one_failure(wix: FakeWix) -> None:
    wix.token_replies = [httpx.Response(400, json={"error": "invalid_client"})]
    client = wix.client(APP)
    outcomes = await asyncio.gather(*(read(client) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {WixUnauthorizedError}
    assert wix.tokens == 1


async def test_a_cancelled_caller_does_not_take_the_token_from_the_others(wix: FakeWix) -> None:
    client = wix.client(APP)
    wix.token_gate.clear()
    first, second = asyncio.create_task(read(client)), asyncio.create_task(read(client))
    await wix.token_asked.wait()
    first.cancel()
    await asyncio.wait([first])
    wix.token_gate.set()
    await second
    assert first.cancelled()
    assert wix.tokens == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_quiet(wix: FakeWix) -> None:
    wix.token_replies = [httpx.Response(500)]
    wix.token_gate.clear()
    client = wix.client(APP)
    only = asyncio.create_task(read(client))
    await wix.token_asked.wait()
    only.cancel()
    await asyncio.wait([only])
    wix.token_gate.set()
    await read(client)  # a new request, since the one under way has failed or is failing
    assert wix.requests[-1].headers["authorization"] == "token-2"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            httpx.Response(400, json={"error": "invalid_client", "error_description": "hush-secret"}),
            WixUnauthorizedError,
        ),
        (httpx.Response(401), WixUnauthorizedError),
        (httpx.Response(403), WixUnauthorizedError),
        (httpx.Response(404), WixUnauthorizedError),
        (httpx.Response(409), WixUnauthorizedError),
        (httpx.Response(429), WixThrottledError),
        (httpx.Response(500), WixUnavailableError),
        (httpx.Response(200, json={}), WixUnavailableError),
        (httpx.Response(200, json={"access_token": "two\nlines"}), WixUnavailableError),
        (httpx.ConnectError("no"), WixUnavailableError),
    ],
)
async def test_without_a_token_no_action_is_at_fault_and_none_is_lost(
    wix: FakeWix, reply: Any, kind: type[WixError]
) -> None:
    wix.token_replies = [reply] * 3
    with pytest.raises(WixError) as caught:
        await wix.client(APP).call("POST", "/things", body={}, reads=False)
    assert type(caught.value) is kind
    assert caught.value.connection_wide
    assert not caught.value.lost
    assert caught.value.permanent is (kind is WixUnauthorizedError)
    assert "hush" not in str(caught.value)
    assert wix.requests == []


@pytest.mark.parametrize("expires_in", ["14400", None, "soon", -1, 0, 1e99, True])
async def test_an_odd_lifetime_is_survived(wix: FakeWix, expires_in: Any) -> None:
    wix.token_replies = [httpx.Response(200, json={"access_token": "odd", "expires_in": expires_in})]
    await read(wix.client(APP))
    assert wix.requests[0].headers["authorization"] == "odd"
