from urllib.parse import unquote

import httpx
import pytest

from milestones.errors import StoreUnavailableError
from milestones.web.app import create_app
from tests.web.house import TOKEN, House

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def test_looking_at_the_link_changes_nothing(visitor: httpx.AsyncClient, house: House) -> None:
    page = await visitor.get(f"/u/{TOKEN}")
    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert (await visitor.head(f"/u/{TOKEN}")).status_code == 200
    assert house.unsubscribed == []


@pytest.mark.parametrize(
    "request_body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"\xff" * 5000},
    ],
    ids=["form", "multipart", "nothing", "junk"],
)
async def test_one_click_unsubscribes_without_login_or_redirect(
    visitor: httpx.AsyncClient, house: House, request_body: dict[str, object]
) -> None:
    for _ in range(2):
        response = await visitor.post(f"/u/{TOKEN}", **request_body)  # type: ignore[arg-type]
        assert response.status_code == 200
        assert "unsubscribed" in response.text
    assert house.unsubscribed == [TOKEN, TOKEN]


@pytest.mark.parametrize("token", ["x", "x.y", "%00", "a" * 5000, "%F0%9F%98%80", TOKEN + "x"])
async def test_an_unknown_token_gets_a_friendly_page(visitor: httpx.AsyncClient, token: str) -> None:
    for response in (await visitor.get(f"/u/{token}"), await visitor.post(f"/u/{token}", data=ONE_CLICK)):
        assert response.status_code == 404
        assert "not complete" in response.text


@pytest.mark.parametrize("behind", [".", ")", ",", "%3E", "/", "./", "="])
async def test_all_of_the_link_is_looked_at(visitor: httpx.AsyncClient, house: House, behind: str) -> None:
    await visitor.post(f"/u/{TOKEN}{behind}", data=ONE_CLICK)
    assert house.unsubscribed == [f"{TOKEN}{unquote(behind)}"]


async def test_when_it_cannot_be_noted_down_the_customer_may_try_again(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    response = await visitor.post(f"/u/{TOKEN}", data=ONE_CLICK)
    assert response.status_code == 503
    assert "try the same link again" in response.text
    assert "disk" not in response.text


async def test_it_works_from_anywhere_even_where_the_operator_pages_do_not(house: House) -> None:
    transport = httpx.ASGITransport(create_app(house.services()))
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as mailbox:
        assert (await mailbox.post(f"/u/{TOKEN}", data=ONE_CLICK)).status_code == 200
        assert (await mailbox.get("/")).status_code == 403


async def test_the_page_may_not_be_framed_kept_or_leave_its_address_elsewhere(
    visitor: httpx.AsyncClient,
) -> None:
    headers = (await visitor.get(f"/u/{TOKEN}")).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
