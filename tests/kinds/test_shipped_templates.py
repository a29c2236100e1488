"""The shipped mails as a browser shows them: narrow, wide, light and dark."""

from itertools import product
from typing import Any, Literal

import pytest
from playwright.async_api import Page

from milestones.kinds.email.rendering import Catalogue
from milestones.kinds.email.variables import Site, preview_variables
from tests.chromium import IN_THE_BROWSER
from tests.kinds.builders import NOW, TEMPLATES

pytestmark = IN_THE_BROWSER

NAMES = ("almost-there", "badge-earned", "milestone-reached")

# For every piece of text: its contrast with the nearest background (WCAG 2, section 1.4.3), the lowest one.
LOWEST_CONTRAST = """() => {
  const channels = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const background = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor);
      if (found.length === 3) return found;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = 21;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.offsetWidth) continue;
    const pair = [luminance(channels(getComputedStyle(element).color)), luminance(background(element))];
    lowest = Math.min(lowest, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05));
  }
  return lowest;
}"""


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue(TEMPLATES)


def demanding(site: Site) -> dict[str, Any]:
    """The preview with everything as long as it may be."""
    values = preview_variables(site, now=NOW)
    values["customer"]["first_name"] = "Donaudampfschifffahrtsgesellschaftskapitän"
    values["coupon"]["code"] = "ABCDEFGHIJKMNPQRSTVW"
    values["badge"]["title"] = "The most faithful customer of this whole long year"
    values["milestone"]["threshold"] = 10_000_000
    return values


async def test_no_mail_is_wider_than_its_window(chromium_page: Page, shipped: Catalogue) -> None:
    for template, width in product(NAMES, (320, 360, 800)):
        await chromium_page.set_viewport_size({"width": width, "height": 700})
        await chromium_page.set_content(shipped.render(template, demanding(Site("The Corner Shop"))).html)
        shown = await chromium_page.evaluate("document.documentElement.scrollWidth")
        assert shown <= width, (template, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_can_be_read(
    chromium_page: Page, shipped: Catalogue, scheme: Literal["light", "dark"]
) -> None:
    await chromium_page.emulate_media(color_scheme=scheme)
    for template, color in product(NAMES, ("#4338ca", "#ffdd00", "#0a7f42")):
        brand = {"color": color, "website": "https://example.com", "address": "12 Market Street"}
        values = preview_variables(Site("The Corner Shop", brand=brand), now=NOW)
        await chromium_page.set_content(shipped.render(template, values).html)
        assert await chromium_page.evaluate(LOWEST_CONTRAST) >= 4.5, (template, color)


async def test_a_click_selects_the_whole_code(chromium_page: Page, shipped: Catalogue) -> None:
    await chromium_page.set_content(
        shipped.render("milestone-reached", preview_variables(Site("Shop"), now=NOW)).html
    )
    await chromium_page.click(".code")
    assert await chromium_page.evaluate("getSelection().toString().trim()") == "STARS7Q2MX4KD9"


async def test_the_preheader_is_read_first_and_never_seen(chromium_page: Page, shipped: Catalogue) -> None:
    await chromium_page.set_content(
        shipped.render("milestone-reached", preview_variables(Site("Shop"), now=NOW)).html
    )
    assert not await chromium_page.is_visible(".preheader")
    shown = await chromium_page.evaluate("document.body.textContent.trim()")
    assert shown.startswith("Your code is STARS7Q2MX4KD9. 10% off")
