"""Claim links: looking changes nothing, the click earns and goes on."""

import httpx
import pytest

from milestones.errors import StoreUnavailableError
from tests.web.house import CLAIM, House


async def test_looking_at_the_link_changes_nothing(visitor: httpx.AsyncClient, house: House) -> None:
    page = await visitor.get(f"/e/{CLAIM}")
    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert "Follow &lt;us&gt;" in page.text
    assert "1,500 points are yours" in page.text
    assert (await visitor.head(f"/e/{CLAIM}")).status_code == 200
    assert house.claimed == []


async def test_the_click_earns_and_goes_on_to_the_network(visitor: httpx.AsyncClient, house: House) -> None:
    for body in ({"data": {"a": "b"}}, {"content": b"\xff" * 5000}):
        answer = await visitor.post(f"/e/{CLAIM}", **body)
        assert (answer.status_code, answer.headers["location"]) == (303, "https://network.example/us")
    assert house.claimed == [CLAIM, CLAIM]


async def test_a_browser_lets_the_form_go_on_to_another_site(visitor: httpx.AsyncClient) -> None:
    policy = (await visitor.get(f"/e/{CLAIM}")).headers["content-security-policy"]
    assert "form-action 'self' https: http:;" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [("over", 410, "is over"), ("x", 404, "not complete"), ("%00", 404, "not complete")],
)
async def test_a_link_that_is_none_gets_a_friendly_page(
    visitor: httpx.AsyncClient, house: House, token: str, status: int, words: str
) -> None:
    for answer in (await visitor.get(f"/e/{token}"), await visitor.post(f"/e/{token}")):
        assert answer.status_code == status
        assert words in answer.text
        assert "<button" not in answer.text
    assert house.claimed == []


async def test_when_it_cannot_be_noted_down_the_customer_may_try_again(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    answer = await visitor.post(f"/e/{CLAIM}")
    assert answer.status_code == 503
    assert "try again" in answer.text
    assert "disk" not in answer.text
