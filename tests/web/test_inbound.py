"""What comes from other services: read within bounds, and every answer a sentence."""

import httpx
import pytest

from milestones.errors import IngestError
from milestones.web.bodies import LARGEST_BODY
from tests.web.house import House

AT = "/webhooks/in/rule"


async def test_a_body_and_its_headers_come_through_as_they_are(
    visitor: httpx.AsyncClient, house: House
) -> None:
    body = b'{"a": "\xc3\xa9"}\r\n\0'
    answer = await visitor.post(AT, content=body, headers={"X-Sign": "v0=1", "content-type": "text/x-what"})
    assert (answer.status_code, answer.text) == (200, "")
    [(headers, came)] = house.events
    assert came == body
    assert headers[b"x-sign"] == b"v0=1"


async def test_a_handshake_is_answered_as_plain_text(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get(AT, params={"hub.challenge": "<b>1</b>"})
    assert (answer.status_code, answer.text) == (200, "<b>1</b>")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_rule_is_told_as_such(visitor: httpx.AsyncClient, house: House, method: str) -> None:
    for path in ("/webhooks/in/other", "/webhooks/in/rule%00", "/webhooks/in/" + "a" * 3000):
        answer = await visitor.request(method, path)
        assert answer.status_code == 404
        assert answer.text == "There is no rule with this address.\n"
    assert (await visitor.request(method, "/webhooks/in/rule/more")).status_code == 404
    assert house.events == []


async def test_a_refusal_is_answered_with_its_sentence(visitor: httpx.AsyncClient, house: House) -> None:
    house.failure = IngestError(401, "The signature does not fit.")
    answer = await visitor.post(AT, content=b"{}")
    assert (answer.status_code, answer.text) == (401, "The signature does not fit.\n")
    assert (await visitor.put(AT)).status_code == 405
    text = (await visitor.get("/metrics")).text
    assert 'milestones_outside_answers_total{status="401"} 1.0' in text


async def test_a_body_that_is_too_large_is_refused(visitor: httpx.AsyncClient, house: House) -> None:
    answer = await visitor.post(AT, content=b"x" * (LARGEST_BODY + 1))
    assert (answer.status_code, house.events) == (413, [])
    assert (await visitor.post(AT, content=b"x" * LARGEST_BODY)).status_code == 200
