"""Whatever is sent to the control plane: a sentence of what is wrong, or a sandbox that goes on working."""

import json
from typing import Any

import pytest

from tests.wixsandbox.builders import Shop, token_request
from tests.wixsandbox.test_hostile_calls import BODIES, bodies

FAULT = {
    "match": {"method": "POST", "path": "/nowhere"},
    "effect": "status",
    "status": 503,
    "seconds": 1,
    "times": 1,
    "skip": 0,
    "probability": 0.5,
    "body": "x",
    "content_type": "text/html",
}


def controls(shop: Shop) -> dict[str, tuple[str, dict[str, Any]]]:
    account = shop.account(lambda one: one.balance > 1000)
    return {
        "webhook": ("PUT", {"url": "http://127.0.0.1:1/"}),
        "faults": ("POST", FAULT),
        "traffic": ("POST", {"earn_per_second": 1, "redeem_share": 0.5, "seconds": 5}),
        "reset": ("POST", {"seed": 1, "customers": 20}),
        "purchase": ("POST", {"account_id": account.id, "money": 3, "points": 4}),
        "expire": ("POST", {"account_id": account.id, "points": 1}),
        "use-coupon": ("POST", {"code": "x", "order_id": "y"}),
        "erase": ("POST", {"contact_id": "x"}),
        "event": ("POST", {"event_type": "x", "data": {"a": 1}}),
        "app": ("POST", {"event": "AppInstalled", "origin_instance_id": "x"}),
    }


async def goes_on(shop: Shop) -> None:
    for name in ("state", "requests", "settings", "faults", "health"):
        assert (await shop.client.get(f"/_sandbox/{name}")).status_code == 200
    shop.clock.pass_(1)
    shop.sandbox.advance()


@pytest.mark.parametrize(
    "name",
    ["webhook", "faults", "traffic", "reset", "purchase", "expire", "use-coupon", "erase", "event", "app"],
)
async def test_no_body_breaks_a_control(shop: Shop, name: str) -> None:
    method, body = controls(shop)[name]
    for odd in bodies(body):
        answer = await shop.client.request(method, f"/_sandbox/{name}", content=odd)
        assert answer.status_code == 200 or (answer.status_code < 500 and answer.json()["message"]), odd
    await goes_on(shop)


async def test_no_switch_breaks_the_sandbox(shop: Shop) -> None:
    before = await shop.get("/_sandbox/settings")
    odd: list[Any] = [
        -1,
        0,
        0.5,
        1e308,
        10**40,
        float("inf"),
        float("nan"),
        "",
        "x",
        None,
        [],
        {},
        True,
        "a\nb",
        "☃",
    ]
    shop.sandbox.world.sink = shop.sandbox.sender.take
    purchase = {"account_id": shop.account().id, "points": 5}
    for name in before:
        for value in odd:
            content = json.dumps({name: value}).encode()
            answer = await shop.client.post("/_sandbox/settings", content=content)
            if answer.status_code != 200:
                assert name in answer.json()["message"], content
                continue
            await shop.post("/_sandbox/purchase", purchase)
            await shop.post("/oauth2/token", token_request(shop.sandbox))
            await goes_on(shop)
            await shop.post("/_sandbox/settings", before)
    for body in BODIES:
        assert (await shop.client.post("/_sandbox/settings", content=body)).status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://x/",
        "http://",
        "http://x:99999/",
        "http://x:0/",
        "http://[::1",
        "http://xn--/",
        "http://a\nb",
    ],
)
async def test_an_address_that_cannot_be_is_refused_in_a_sentence(shop: Shop, url: str) -> None:
    answer = await shop.call("PUT", "/_sandbox/webhook", {"url": url}, status=400)
    assert answer["message"].startswith("url: ")


@pytest.mark.parametrize("since", ["-1", "x", "9" * 5000, "²", "٣"])
async def test_a_number_that_is_none_is_refused(shop: Shop, since: str) -> None:
    await shop.get("/_sandbox/requests", status=400, since=since)


async def test_more_points_than_a_customer_has_cannot_expire(shop: Shop) -> None:
    account = shop.account()
    body = {"account_id": account.id, "points": account.balance + 1}
    assert await shop.refused("/_sandbox/expire", body, status=428) == "FAILED_PRECONDITION"


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 404, 428, 429, 500, 599])
async def test_every_status_can_be_ordered(shop: Shop, status: int) -> None:
    await shop.post("/_sandbox/faults", {"effect": "status", "status": status})
    answer = await shop.client.get("/loyalty-programs/v1/program")
    assert answer.status_code == status
    assert bool(answer.content) is (400 <= status < 500)
