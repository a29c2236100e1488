import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.wixsandbox.builders import Shop, token_request
from wixsandbox.faults import Fault, Faults, Match
from wixsandbox.server import RunningSandbox, serve
from wixsandbox.settings import SandboxSettings, Switches

COUPONS = "/stores/v2/coupons"
COUPON = {
    "specification": {
        "name": "x",
        "code": "CODE",
        "startTime": 1,
        "percentOffRate": 5,
        "scope": {"namespace": "stores"},
    }
}


@pytest.fixture
async def running() -> AsyncIterator[RunningSandbox]:
    settings = SandboxSettings(port=0, customers=5, switches=Switches(query_lag_seconds=0))
    async with serve(settings) as sandbox:
        yield sandbox


@pytest.fixture
async def client(running: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.base_url) as client:
        answer = await client.post("/oauth2/token", json=token_request(running.sandbox))
        client.headers["Authorization"] = answer.json()["access_token"]
        yield client


async def order(client: httpx.AsyncClient, **fault: object) -> None:
    wanted = {"match": {"method": "POST", "path": COUPONS}, **fault}
    assert (await client.post("/_sandbox/faults", json=wanted)).status_code == 200


def codes(running: RunningSandbox) -> list[str]:
    return [one["specification"]["code"] for one in running.sandbox.world.coupons]


async def test_drop_after_takes_effect_and_closes_the_connection(
    running: RunningSandbox, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await order(client, effect="drop_after")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(COUPONS, json=COUPON)
    assert codes(running) == ["CODE"]
    assert (await client.post(COUPONS, json=COUPON)).status_code == 409
    assert [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}] == []


async def test_drop_before_takes_no_effect(running: RunningSandbox, client: httpx.AsyncClient) -> None:
    await order(client, effect="drop_before")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(COUPONS, json=COUPON)
    assert codes(running) == []
    assert (await client.post(COUPONS, json=COUPON)).status_code == 200


async def test_truncate_cuts_the_connection_in_the_middle_of_the_body(
    running: RunningSandbox, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await order(client, effect="truncate")
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        await client.post(COUPONS, json=COUPON)
    assert codes(running) == ["CODE"]
    assert [one for one in caplog.records if one.levelname in {"ERROR", "CRITICAL"}] == []


async def test_malformed_answers_200_with_json_that_breaks_off(
    running: RunningSandbox, client: httpx.AsyncClient
) -> None:
    await order(client, effect="malformed")
    answer = await client.post(COUPONS, json=COUPON)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert codes(running) == ["CODE"]


async def test_delay_after_takes_effect_at_once_and_answers_late(
    running: RunningSandbox, client: httpx.AsyncClient
) -> None:
    await order(client, effect="delay_after", seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        await client.post(COUPONS, json=COUPON, timeout=httpx.Timeout(60, read=0.1))
    async with asyncio.timeout(60):
        while codes(running) != ["CODE"]:  # noqa: ASYNC110 - the coupons have no event
            await asyncio.sleep(0.01)


async def test_a_delayed_call_takes_effect_later(running: RunningSandbox, client: httpx.AsyncClient) -> None:
    await order(client, effect="delay", seconds=0.05)
    assert (await client.post(COUPONS, json=COUPON)).status_code == 200
    assert codes(running) == ["CODE"]


async def test_a_dropped_request_stands_in_the_book(client: httpx.AsyncClient) -> None:
    await order(client, effect="drop_after")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post(COUPONS, json=COUPON)
    (_, logged) = (await client.get("/_sandbox/requests")).json()["requests"]
    assert logged["operation"] == "createCoupon"
    assert (logged["status"], logged["fault"]) == (None, "drop_after")
    assert logged["body"] == COUPON


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"status": 500}, 500, b""),
        ({"status": 200}, 200, b""),
        ({"status": 503, "body": "<h1>Sorry</h1>"}, 503, b"<h1>Sorry</h1>"),
    ],
)
async def test_a_status_takes_no_effect_and_may_have_a_body(
    shop: Shop, fault: dict[str, object], status: int, body: bytes
) -> None:
    await order(shop.client, effect="status", **fault)
    answer = await shop.client.post(COUPONS, json=COUPON)
    assert (answer.status_code, answer.content) == (status, body)
    assert len(shop.sandbox.world.coupons) == 0


async def test_a_status_below_500_has_a_wix_body_and_status_after_takes_effect(shop: Shop) -> None:
    await order(shop.client, effect="status", status=429)
    assert await shop.refused(COUPONS, COUPON, status=429) == "RESOURCE_EXHAUSTED"
    await order(shop.client, effect="status_after", status=500)
    assert (await shop.client.post(COUPONS, json=COUPON)).status_code == 500
    assert len(shop.sandbox.world.coupons) == 1


async def test_faults_are_armed_one_by_one_or_in_a_list_and_disarmed_together(shop: Shop) -> None:
    faults = [{"effect": "status"}, {"effect": "delay", "times": 0}]
    assert (await shop.client.post("/_sandbox/faults", json=faults)).status_code == 200
    assert len((await shop.get("/_sandbox/faults"))["faults"]) == 2
    await shop.call("DELETE", "/_sandbox/faults")
    assert (await shop.get("/_sandbox/faults"))["faults"] == []
    for wrong in (
        {"effect": "explode"},
        {"effect": "status", "match": {"path": "^("}},
        {"effect": "delay", "x": 1},
    ):
        assert (await shop.client.post("/_sandbox/faults", json=wrong)).status_code == 400


def test_a_fault_counts_skips_and_ends() -> None:
    faults = Faults(seed=1)
    faults.add(Fault(effect="status", match=Match(method="post", path="/a"), times=2, skip=1))
    taken = [faults.take("POST", "/a/b") is not None for _ in range(5)]
    assert taken == [False, True, True, False, False]
    assert faults.list_armed() == []


def test_a_path_is_a_prefix_or_an_expression() -> None:
    assert Match(path="/stores").fits("GET", "/stores/v2/coupons")
    assert not Match(path="/coupons").fits("GET", "/stores/v2/coupons")
    assert Match(path="^.*/coupons$").fits("GET", "/stores/v2/coupons")
    assert not Match(method="GET").fits("POST", "/stores")


def test_a_fault_may_happen_at_random_but_repeatably() -> None:
    def run() -> list[bool]:
        faults = Faults(seed=3)
        faults.add(Fault(effect="status", times=0, probability=0.5))
        return [faults.take("GET", "/") is not None for _ in range(40)]

    assert run() == run()
    assert 8 < sum(run()) < 32
