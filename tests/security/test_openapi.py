"""schemathesis tries every route of the OpenAPI document with whatever its description allows, and what it does not."""

import base64
import warnings
from functools import cache
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.checks import not_a_server_error

from milestones.web.access import Access
from milestones.web.app import create_app, create_site
from milestones.web.password import Password, made
from tests.web.house import House, a_happening, a_mail


@cache
def password() -> Password:
    return made("three quiet otters")


def house() -> House:
    """A house with something to show, behind a password."""
    access = Access("0.0.0.0", "https://points.shop.example", password)
    return House(
        happenings=[a_happening(number) for number in range(60)], mails={"m": a_mail()}, access=access
    )


@cache
def site() -> FastAPI:
    return create_site(house().services())


def schema() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that GET and HEAD of one route have one name
        document = site().openapi()
    # A route's methods are a set; the workers of a parallel run must find the same tests in the same order.
    document["paths"] = {path: dict(sorted(of.items())) for path, of in sorted(document["paths"].items())}
    found = schemathesis.openapi.from_dict(document)
    found.app = create_app(house().services())
    return found


DOCUMENT = schema()
OPEN_TO_ANYBODY = {"/healthz", "/readyz", "/metrics", "/u/{token}", "/assets/{name}"}


def test_the_document_tells_of_every_route() -> None:
    pages = {"/", "/happenings", "/mails/{name}", "/mails/{name}/html"}
    assert set(site().openapi()["paths"]) == OPEN_TO_ANYBODY | pages


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_click_on_a_page_of_another_site_changes_nothing_here(method: str) -> None:
    """Only what asks for a token in its path, which no browser adds by itself, takes orders from a browser."""
    transport = httpx.ASGITransport(create_app(house().services()))
    credentials = ("me", "three quiet otters")
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as browser:
        for path in site().openapi()["paths"]:
            answer = await browser.request(method, path, auth=credentials)
            assert answer.status_code == 405 or (method, path) == ("POST", "/u/{token}"), path


@pytest.mark.parametrize("signed_in", [True, False])
@DOCUMENT.parametrize()  # type: ignore[untyped-decorator]
def test_no_question_makes_a_route_fail(case: Any, signed_in: bool) -> None:
    credentials = base64.b64encode(b"me:three quiet otters").decode()
    headers = {"host": "127.0.0.1:8080"} | ({"authorization": f"Basic {credentials}"} if signed_in else {})
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=(not_a_server_error,))
    path = case.operation.path
    if not signed_in and path not in OPEN_TO_ANYBODY:
        assert answer.status_code in {401, 405}
    elif path in {"/", "/happenings"} and answer.status_code == 200:
        assert "Customer 1 reached" in answer.text, "else nothing was asked that could fail"
