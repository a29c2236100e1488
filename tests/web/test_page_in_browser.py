from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from milestones.errors import StoreUnavailableError
from milestones.views.page import Figure, Overview
from milestones.web.app import create_app
from tests.chromium import IN_THE_BROWSER
from tests.web.conftest import Served, serving
from tests.web.house import TOKEN, House, a_happening, a_mail

MOST = 500
"""Entries above which the page begins anew (page.js)."""

pytestmark = IN_THE_BROWSER

LONG = "A-customer-whose-name-has-no-end-and-no-space-" * 3


@pytest_asyncio.fixture(loop_scope="session")
async def served() -> AsyncIterator[Served]:
    """On the loop of the browser: see ``serving``."""
    async with serving() as start:
        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def shown(house: House, served: Any, chromium_page: Page) -> Page:
    """The page of a lively shop, and no complaint of the browser about it."""
    house.overview = Overview(
        ("Shadow mode: everything is decided and recorded, nothing is sent (daemon.mode).",),
        (Figure(12, "grants today"), Figure(1204, "mails today"), Figure(2, "held for you", alarming=True)),
    )
    house.happenings = [a_happening(number) for number in range(2, 40)]
    house.happenings.append(a_happening(1, kind="email", title=LONG, state="done", mail="m"))
    house.mails["m"] = a_mail("<h1>Hello</h1><script>document.title = 'evil'</script>")
    complaints: list[str] = []
    chromium_page.on("pageerror", lambda error: complaints.append(str(error)))
    chromium_page.on("console", lambda message: complaints.append(message.text))
    await chromium_page.goto(await served(create_app(house.services())))
    assert complaints == []
    return chromium_page


async def width(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth"))


async def brightness(page: Page) -> int:
    colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.strip("rgb()").split(","))


async def test_it_fits_every_screen_and_is_dark_where_the_reader_likes_it_dark(shown: Page) -> None:
    await shown.locator("summary").first.click()
    for pixels in (360, 768, 1280):
        await shown.set_viewport_size({"width": pixels, "height": 800})
        assert await width(shown) == pixels
    await shown.emulate_media(color_scheme="light")
    assert await brightness(shown) > 600
    await shown.emulate_media(color_scheme="dark")
    assert await brightness(shown) < 150


async def test_a_mail_opens_in_a_frame_in_which_scripts_do_not_run(shown: Page) -> None:
    await shown.locator("summary").first.click()
    frame = shown.frame_locator("iframe").first
    await expect(frame.locator("h1")).to_have_text("Hello")
    assert await shown.title() == "Milestones"
    assert [frame for frame in shown.frames if await frame.title() == "evil"] == []


async def test_a_mail_shows_the_picture_that_the_customer_sees(
    served: Any, house: House, chromium_page: Page
) -> None:
    async def logo(scope: Scope, receive: Receive, send: Send) -> None:
        picture = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>'
        await Response(picture, media_type="image/svg+xml")(scope, receive, send)

    house.mails["m"] = a_mail(f'<img src="{await served(logo)}/logo.svg">')
    await chromium_page.goto(await served(create_app(house.services())) + "/mails/m")
    picture = chromium_page.frame_locator("iframe").locator("img")
    await expect(picture).to_have_js_property("naturalWidth", 40)


async def top(part: Locator) -> float:
    box = await part.bounding_box()
    assert box is not None
    return box["y"]


async def refreshed(page: Page) -> None:
    async with page.expect_response("**/happenings"):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_what_is_new_comes_by_itself_and_moves_nothing_that_is_being_read(
    shown: Page, house: House
) -> None:
    await shown.locator("summary").first.click()
    await expect(shown.frame_locator("iframe").first.locator("h1")).to_be_visible()
    await shown.evaluate("window.scrollTo(0, 300)")
    frame = shown.locator("iframe").first
    before = await top(frame)
    frames = [id(one) for one in shown.frames]
    house.happenings.insert(0, a_happening(0, title="Something new"))
    await refreshed(shown)
    await expect(shown.locator("li").first).to_contain_text("Something new")
    assert abs(await top(frame) - before) < 1
    assert [id(one) for one in shown.frames] == frames, "a frame that loads again loses its place"


async def test_changed_states_new_days_and_new_notices_come_too(shown: Page, house: House) -> None:
    house.happenings[3] = a_happening(5, state="held")
    house.happenings.insert(0, a_happening(-1440, title="Tomorrow"))
    house.overview = Overview(("Paused by a person.",))
    await refreshed(shown)
    await expect(shown.locator("li .state.held")).to_have_count(1)
    await expect(shown.locator("section").first.locator("h2")).to_have_text("Saturday, 21 November 2026")
    await expect(shown.locator("section").nth(1).locator("li")).to_have_count(39)
    await expect(shown.locator(".notice")).to_have_text("Paused by a person.")
    await shown.route("**/happenings", lambda route: route.abort())
    await shown.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(shown.locator("#freshness")).to_have_text("The daemon does not answer")


async def test_a_daemon_that_answers_with_what_is_wrong_is_quoted(shown: Page, house: House) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    await refreshed(shown)
    await expect(shown.locator("#freshness.lost")).to_have_text("The disk is full.")
    house.failure = None
    await refreshed(shown)
    await expect(shown.locator("#freshness.lost")).to_have_count(0)


# Has the next question of the page answered when the test says so, with what was so when it was asked.
HOLD_THE_NEXT = """() => {
  const ask = window.fetch;
  window.fetch = (path) => {
    window.fetch = ask;
    const answer = ask(path).then(async (came) => new Response(await came.text()));
    const held = new Promise((settled, failed) => {
      window.release = (fails) => fails ? failed(new TypeError("network")) : settled(answer);
    });
    window.asked = answer.then(() => null);
    return held;
  };
}"""


@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_that_comes_late_does_not_replace_a_newer_one(
    shown: Page, house: House, fails: bool
) -> None:
    house.overview = Overview(("Paused by a person.",))
    await shown.evaluate(HOLD_THE_NEXT)
    await shown.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await shown.evaluate("window.asked")
    house.overview = Overview(())
    await refreshed(shown)
    await expect(shown.locator(".notice")).to_have_count(0)
    fresh = await shown.locator("#freshness").text_content()
    await shown.evaluate("(fails) => window.release(fails)", fails)
    await shown.evaluate("new Promise((settled) => setTimeout(settled, 20))")
    assert await shown.locator(".notice").count() == 0
    assert await shown.locator("#freshness").text_content() == fresh


async def test_after_a_leap_the_page_shows_the_newest_without_a_gap(shown: Page, house: House) -> None:
    # Behind another tab nobody asks, and much may happen meanwhile.
    house.happenings += [a_happening(-number) for number in range(1, 121)]
    await refreshed(shown)
    await expect(shown.locator("li").first).to_contain_text("Customer -120 ")
    await expect(shown.locator("li")).to_have_count(50)
    await shown.locator("#older a").click()
    await expect(shown.locator("li").first).to_contain_text("Customer -70 ")


async def test_a_leap_does_not_close_a_mail_that_is_being_read(shown: Page, house: House) -> None:
    await shown.locator("summary").first.click()
    house.happenings += [a_happening(-number) for number in range(1, 121)]
    await refreshed(shown)
    await expect(shown.locator("#freshness")).to_have_text("Close the mail to see the newest")
    await expect(shown.locator("details[open]")).to_have_count(1)
    await shown.locator("summary").first.click()
    await refreshed(shown)
    await expect(shown.locator("li").first).to_contain_text("Customer -120 ")


async def test_a_page_that_is_left_open_does_not_grow_for_ever(shown: Page, house: House) -> None:
    counts = []
    for time in range(14):
        house.happenings += [a_happening(-number) for number in range(time * 45, time * 45 + 45)]
        await refreshed(shown)
        await expect(shown.locator("li").first).to_contain_text(f"Customer {-time * 45 - 44} ")
        counts.append(await shown.locator("li").count())
    # How often the page refreshes by itself meanwhile is the machine's affair, and with it when it begins anew.
    assert max(counts) < MOST + 50
    assert min(counts[1:]) < 100, "it began anew"


async def test_the_first_happening_replaces_the_sentence_that_there_is_none(
    served: Any, house: House, chromium_page: Page
) -> None:
    await chromium_page.goto(await served(create_app(house.services())))
    await expect(chromium_page.locator(".nothing")).to_be_visible()
    house.happenings = [a_happening(1)]
    await refreshed(chromium_page)
    await expect(chromium_page.locator("li")).to_have_count(1)
    await expect(chromium_page.locator(".nothing")).to_have_count(0)


async def test_one_press_of_the_button_unsubscribes(served: Any, house: House, chromium_page: Page) -> None:
    await chromium_page.set_viewport_size({"width": 360, "height": 800})
    await chromium_page.goto(await served(create_app(house.services())) + f"/u/{TOKEN}")
    assert await width(chromium_page) == 360
    await chromium_page.get_by_role("button", name="Unsubscribe").click()
    await expect(chromium_page.locator("h1")).to_have_text("You are unsubscribed.")
    assert house.unsubscribed == [TOKEN]
