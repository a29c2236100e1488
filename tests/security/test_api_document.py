"""schemathesis tries every call of the API's own document, with what it allows and what it does not."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy, one_of

from milestones.config.sections import ApiSettings
from milestones.errors import ChannelError
from milestones.scans.run import ScanWork
from milestones.web import server
from milestones.web.app import create_app
from tests.examples import of_examples
from tests.shop import Shop, opened_shop, write_config
from tests.web.api import Api, serving


@dataclass
class Served:
    """The API at an address, and a token that opens all of it."""

    address: str
    token: str


def no_wix(site_id: str, /) -> ScanWork:
    raise ChannelError(f"Wix does not answer for {site_id}.")


async def serve(folder: Path, found: "Future[Served]", stop: threading.Event) -> None:
    async with opened_shop(write_config(folder)) as shop:
        await furnish(shop)
        budgets = ApiSettings(requests_per_minute=1_000_000, wrong_tokens_per_minute=1_000_000)
        async with serving(shop, settings=budgets) as api:
            await answer(api, found, stop)


async def furnish(shop: Shop) -> None:
    shop.scan_work = no_wix  # type: ignore[method-assign]
    for number in range(3):
        await shop.observe(900 + number, account=f"acc-{number}")


async def answer(api: Api, found: "Future[Served]", stop: threading.Event) -> None:
    sockets, closing = server.bind("127.0.0.1", 0), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(create_app(api.house.services()), sockets, closing, finish_within=5))
        found.set_result(Served(server.web_address(sockets), await api.token()))
        await asyncio.to_thread(stop.wait)
        closing.set()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found: Future[Served] = Future()
    stop = threading.Event()
    folder = tmp_path_factory.mktemp("shop")
    thread = threading.Thread(target=lambda: asyncio.run(serve(folder, found, stop)))
    thread.start()
    try:
        yield found.result(timeout=120)
    finally:
        stop.set()
        thread.join(timeout=60)


def operations(served: Served) -> Iterator[Any]:
    """What the document says can be asked, as schemathesis reads it."""
    import schemathesis
    from schemathesis.core.result import Ok

    document = httpx.get(f"{served.address}/api/v1/openapi.json", trust_env=False).raise_for_status().json()
    for operation in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(operation, Ok), "it is one that a reader understands"
        yield operation.ok()


def cases(operation: Any) -> SearchStrategy[Any]:
    from schemathesis import GenerationMode

    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))


@pytest.mark.examples
def test_no_question_makes_the_api_fail(served: Served) -> None:
    with httpx.Client() as client:
        for operation in operations(served):
            ask(operation, served, client)


def ask(operation: Any, served: Served, client: httpx.Client) -> None:
    import schemathesis
    from schemathesis.checks import CHECKS

    names = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
    checks = [check for check in CHECKS.get_all() if check.__name__ in names]
    assert len(checks) == len(names)
    del schemathesis

    @settings(max_examples=of_examples(0.2))
    @given(cases(operation))
    def answered(case: Any) -> None:
        answer = case.call(base_url=served.address, headers={"authorization": f"Bearer {served.token}"})
        assert answer.status_code < 500 or answer.status_code == 502, case.as_curl_command()
        case.validate_response(answer, checks=checks)

    answered()
