from datetime import timedelta

import httpx
import pytest

from milestones.views.page import Figure, Overview
from milestones.web.dashboard import PAGE_SIZE
from tests.web.house import NOW, House, a_happening, a_mail

NAME = "<0123abcd@mail.example.com>"


async def test_nothing_yet_is_a_sentence(visitor: httpx.AsyncClient) -> None:
    assert "Nothing has happened yet" in (await visitor.get("/")).text


async def test_the_page_says_what_happened_newest_first(visitor: httpx.AsyncClient, house: House) -> None:
    house.happenings = [a_happening(2), a_happening(1, kind="email", state="held", verdict="It is night.")]
    page = (await visitor.get("/")).text
    assert page.index("Customer 1 reached") < page.index("Customer 2 reached")
    assert '<span class="state held">held</span>' in page
    assert "It is night." in page
    assert "10:14:30" in page, "09:14:30 UTC, as the shop in Berlin reads its clock"


async def test_days_are_those_of_the_shop(visitor: httpx.AsyncClient, house: House) -> None:
    late = NOW.replace(hour=23, minute=30)
    house.happenings = [a_happening(1, at=late), a_happening(2, at=late - timedelta(hours=1))]
    page = (await visitor.get("/")).text
    assert page.index("Saturday, 21 November 2026") < page.index("Friday, 20 November 2026")


async def test_notices_and_alarming_figures_stand_out(visitor: httpx.AsyncClient, house: House) -> None:
    house.overview = Overview(
        ("Shadow mode: nothing is sent.",), (Figure(1234, "mails today"), Figure(2, "held", alarming=True))
    )
    page = (await visitor.get("/")).text
    assert '<p class="notice" role="status">Shadow mode: nothing is sent.</p>' in page
    assert "1,234" in page
    assert page.count('class="alarming"') == 1


async def test_older_happenings_are_a_link_away_and_none_is_skipped_or_shown_twice(
    visitor: httpx.AsyncClient, house: House
) -> None:
    # All at one moment, as one transaction leaves them: only the key tells them apart.
    number = 2 * PAGE_SIZE + 7
    house.happenings = [a_happening(1, key=f"grant/{i:03}#0", title=f"Number {i:03}.") for i in range(number)]
    path, seen = "/", list[str]()
    for _ in range(3):
        page = (await visitor.get(path)).text
        seen += [part[:3] for part in page.split("Number ")[1:]]
        _, _, link = page.partition('<p id="older" class="older"><a href="')
        path = link.partition('"')[0].replace("&amp;", "&")
    assert seen == [f"{i:03}" for i in reversed(range(number))]
    assert path == ""


@pytest.mark.parametrize(
    "mark",
    [
        "x",
        "x" * 2000,
        "~",
        "2026-11-20T09:15:30~k",
        "2026-11-20T09:15:30%2B00:00~%00",
        "0001-01-01T00:00:00%2B14:00~k",
    ],
    ids=["nothing", "too much", "no time", "no zone", "no text", "before all times"],
)
async def test_a_damaged_link_to_older_happenings_is_a_sentence(
    visitor: httpx.AsyncClient, mark: str
) -> None:
    response = await visitor.get("/", params=httpx.QueryParams(f"before={mark}"))
    assert (response.status_code, response.text) == (400, "This link to older happenings is damaged.\n")


async def test_the_fragment_holds_what_changes(visitor: httpx.AsyncClient, house: House) -> None:
    house.happenings = [a_happening(1)]
    fragment = (await visitor.get("/happenings")).text
    assert "Customer 1 reached" in fragment
    assert "<html" not in fragment


async def test_what_a_customer_calls_himself_is_text_and_nothing_else(
    visitor: httpx.AsyncClient, house: House
) -> None:
    evil = "<script>alert(1)</script>"
    house.happenings = [a_happening(1, title=evil, account=f'"{evil}', key=f'"{evil}', mail=f'"{evil}')]
    page = (await visitor.get("/")).text
    assert "<script>alert" not in page


async def test_pages_forbid_scripts_of_others_frames_and_caches(visitor: httpx.AsyncClient) -> None:
    headers = (await visitor.get("/")).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_assets_may_be_kept_for_ever_since_their_address_changes(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/")).text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    response = await visitor.get(address)
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]


async def test_a_mail_is_shown_with_its_headers_and_both_parts(
    visitor: httpx.AsyncClient, house: House
) -> None:
    house.mails[NAME] = a_mail()
    house.happenings = [a_happening(1, mail=NAME)]
    link = (await visitor.get("/")).text.partition('<a href="/mails/')[2].partition('"')[0]
    page = (await visitor.get(f"/mails/{link}")).text
    assert "The Corner Shop &lt;hello@example.com&gt;" in page
    assert "<pre>Hello Anna" in page
    assert f'<iframe class="tall" src="/mails/{link}/html"' in page
    assert (await visitor.get(f"/mails/{link}/html")).text == '<base target="_blank"><p>Hello Anna</p>\n'


async def test_a_mail_is_framed_where_it_can_do_nothing(visitor: httpx.AsyncClient, house: House) -> None:
    house.mails["m"] = a_mail("<script>alert(1)</script>")
    policy = (await visitor.get("/mails/m/html")).headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "script" not in policy


@pytest.mark.parametrize("path", ["/mails/gone", "/mails/gone/html", "/mails/%2e%2e%2fsecret"])
async def test_a_mail_that_is_gone_is_a_sentence(visitor: httpx.AsyncClient, path: str) -> None:
    response = await visitor.get(path)
    assert response.status_code == 404
    assert response.text.endswith(".\n")
