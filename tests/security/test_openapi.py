"""schemathesis tries every route of the OpenAPI document with whatever its description allows, and what it does not."""

import base64
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis.strategies import SearchStrategy, one_of

from milestones.web.access import Access
from milestones.web.app import create_app, create_site
from milestones.web.callback import is_meant
from milestones.web.password import Password, create
from tests.web.house import House, a_happening, a_mail


@cache
def password() -> Password:
    return create("three quiet otters")


def house() -> House:
    """A house with something to show, behind a password."""
    access = Access("0.0.0.0", "https://points.shop.example", password)
    return House(
        happenings=[a_happening(number) for number in range(60)], mails={"m": a_mail()}, access=access
    )


@cache
def site() -> FastAPI:
    return create_site(house().services())


@cache
def document() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that GET and HEAD of one route have one name
        return site().openapi()


def operations() -> Iterator[Any]:
    """What the document says can be asked, as schemathesis reads it. It takes a second to import: see pyproject.toml."""
    import schemathesis
    from schemathesis.core.result import Ok

    found = schemathesis.openapi.from_dict(document())
    found.app = create_app(house().services())
    for operation in found.get_all_operations():
        assert isinstance(operation, Ok), "it is one that a reader understands"
        yield operation.ok()


def cases(operation: Any) -> SearchStrategy[Any]:
    """What its description allows, and where it describes more than a path, what it does not."""
    from schemathesis import GenerationMode

    modes = [GenerationMode.POSITIVE]
    if operation.query or operation.body:
        modes.append(GenerationMode.NEGATIVE)
    return one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))


OPEN_TO_ANYBODY = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/u/{token}",
    "/e/{token}",
    "/webhooks/in/{rule}",
    "/webhooks/sync/{program}",
    "/assets/{name}",
}
SIGNED = {
    ("POST", "/u/{token}"),
    ("POST", "/e/{token}"),
    ("POST", "/webhooks/in/{rule}"),
    ("POST", "/webhooks/sync/{program}"),
}


def test_the_document_tells_of_every_route() -> None:
    pages = {"/", "/happenings", "/mails/{name}", "/mails/{name}/html"}
    assert set(document()["paths"]) == OPEN_TO_ANYBODY | pages


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_click_on_a_page_of_another_site_changes_nothing_here(method: str) -> None:
    """Only what asks for what no browser adds by itself takes orders from one: a token in its path, a signature of a service
    in its headers, or in its body one of Wix, whose callback may be mistyped.
    """
    transport = httpx.ASGITransport(create_app(house().services()))
    credentials = ("me", "three quiet otters")
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as browser:
        for path in document()["paths"]:
            answer = await browser.request(method, path, auth=credentials)
            signed = (method, path) in SIGNED or is_meant(method, path)
            assert answer.status_code == 405 or signed, path


@pytest.mark.examples
@pytest.mark.parametrize("signed_in", [True, False])
def test_no_question_makes_a_route_fail(signed_in: bool) -> None:
    asked = set()
    for operation in operations():
        ask(operation, signed_in=signed_in)
        asked.add(operation.path)
    assert asked == set(document()["paths"])


def ask(operation: Any, *, signed_in: bool) -> None:
    credentials = base64.b64encode(b"me:three quiet otters").decode()
    headers = {"host": "127.0.0.1:8080"} | ({"authorization": f"Basic {credentials}"} if signed_in else {})

    @given(cases(operation))
    def answered(case: Any) -> None:
        answer = case.call(headers=headers)
        assert answer.status_code < 500, case.as_curl_command()
        if not signed_in and operation.path not in OPEN_TO_ANYBODY:
            assert answer.status_code in {401, 405}
        elif operation.path in {"/", "/happenings"} and answer.status_code == 200:
            assert "Customer 1 reached" in answer.text, "else nothing was asked that could fail"

    answered()
