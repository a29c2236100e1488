"""A browser that holds a form to the page's policy lets the click go on to the network."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Page, expect
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from milestones.web.app import create_app
from tests.chromium import IN_THE_BROWSER
from tests.web.conftest import Served, serving
from tests.web.house import CLAIM, House

pytestmark = IN_THE_BROWSER


@pytest_asyncio.fixture(loop_scope="session")
async def served() -> AsyncIterator[Served]:
    """On the loop of the browser: see ``serving``."""
    async with serving() as start:
        yield start


async def network(scope: Scope, receive: Receive, send: Send) -> None:
    """Where the shop is; like the real ones, it leads on at once."""
    home = scope["path"] == "/home"
    await (PlainTextResponse("The shop") if home else RedirectResponse("/home", 302))(scope, receive, send)


async def test_the_click_arrives_at_the_network(house: House, served: Served, chromium_page: Page) -> None:
    # Another name of this machine is another site to a browser.
    house.network = (await served(network)).replace("127.0.0.1", "localhost")
    await chromium_page.goto(f"{await served(create_app(house.services()))}/e/{CLAIM}")
    await expect(chromium_page.locator("h1")).to_have_text("Follow <us>")
    await chromium_page.get_by_role("button").click()
    await expect(chromium_page.locator("body")).to_have_text("The shop")
    assert house.claimed == [CLAIM]
