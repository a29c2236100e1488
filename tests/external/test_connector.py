"""Every preset against the program that it is for: listed, read, adjusted, looked into."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from milestones.domain.member import Member as Read
from milestones.external.errors import ExternalError, GoneError
from milestones.shipped import list_presets
from tests.builders import NOW
from tests.external.programs import PRESETS, World, a_world
from wixsandbox.external.books import Member

LISTED = [preset for preset in PRESETS if preset != "talonone"]
FOUND = "smile"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as found:
        yield found


def some(number: int) -> list[Member]:
    return [
        Member(str(n), email=f"m{n}@example.com", phone=f"+4930{n:06}", balance=10 * n)
        for n in range(1, number + 1)
    ]


async def everybody(world: World, preset: str, more: str = "", since: bool = False) -> list[Read]:
    pages = world.connect(preset, more).list_members(NOW if since else None)
    return [member async for page in pages for member in page]


def test_every_preset_that_ships_is_tried_here() -> None:
    assert set(PRESETS) == set(list_presets())


@pytest.mark.parametrize("preset", LISTED)
async def test_all_members_are_read_page_by_page(world: World, preset: str) -> None:
    world.join(preset, *some(601))
    found = await everybody(world, preset)
    assert [member.id for member in found] == [str(n) for n in range(1, 602)]
    told = found[2]
    assert told.balance == (None if preset == "voucherify" else 30)
    assert told.email == (None if preset == "square" else "m3@example.com")
    assert (
        world.books(preset).calls["read"]
        == {"smile": 3, "loyaltylion": 2, "square": 4, "voucherify": 7}[preset]
    )


@pytest.mark.parametrize("preset", ["smile", "loyaltylion"])
async def test_what_changed_since_is_asked_for_with_an_overlap(world: World, preset: str) -> None:
    world.join(preset, *some(2))
    world.clock.later(hours=1)
    world.books(preset).move("2", 5, "a purchase")
    connector = world.connect(preset)
    since = NOW + timedelta(minutes=30)
    found = [one async for page in connector.list_members(since) for one in page]
    assert [(one.id, one.balance) for one in found] == [("2", 25)]


@pytest.mark.parametrize("preset", PRESETS)
async def test_points_move_both_ways_and_the_member_shows_them(world: World, preset: str) -> None:
    world.join(preset, *some(2))
    connector = world.connect(preset)
    member = await connector.get(Read("2", email="m2@example.com"))
    assert member.balance == 20
    await connector.adjust(member, 7, "key-1", "MARK1")
    await connector.adjust(member, -3, "key-2", "MARK2")
    assert (await connector.get(member)).balance == 24
    texts = [movement.text for movement in world.books(preset).movements]
    assert all(mark in text for mark, text in zip(("MARK1", "MARK2"), texts, strict=True))


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_member_who_is_not_there_is_gone(world: World, preset: str) -> None:
    expected = ExternalError if preset == "loyaltylion" else GoneError
    with pytest.raises(expected):
        await world.connect(preset).get(Read("9", email="nobody@example.com"))


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "voucherify"])
async def test_more_than_there_is_is_refused(world: World, preset: str) -> None:
    world.join(preset, *some(1))
    with pytest.raises(ExternalError, match=f"{preset}'s adjust was refused") as refused:
        await world.connect(preset).adjust(Read("1"), -11, "key", "MARK")
    assert (refused.value.permanent, refused.value.lost) == (True, False)


async def test_a_key_books_once_where_a_program_takes_one(world: World) -> None:
    world.join("square", *some(1))
    connector = world.connect("square")
    for _ in range(3):
        await connector.adjust(Read("1"), 5, "key-1", "MARK")
    assert world.books("square").members["1"].balance == 15


async def test_our_mark_is_found_in_the_history_and_no_other(world: World) -> None:
    world.join("smile", *some(1))
    connector = world.connect("smile")
    assert await connector.find(Read("1"), "MARK") is False
    await connector.adjust(Read("1"), 5, "key", "MARK")
    assert await connector.find(Read("1"), "MARK") is True
    assert await connector.find(Read("1"), "x' || 'a' == 'a") is False
    assert await world.connect("square").find(Read("1"), "MARK") is None


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_program_that_is_busy_is_tried_again(world: World, preset: str) -> None:
    world.join(preset, *some(1))
    world.books(preset).behaviour.busy = 1
    connector = world.connect(preset)
    member = await connector.get(Read("1", email="m1@example.com"))
    with pytest.raises(ExternalError) as busy:
        await connector.adjust(member, 5, "key", "MARK")
    assert (busy.value.permanent, busy.value.lost) == (False, False)
    assert busy.value.retry_at == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_lost_answer_to_a_write_is_lost_and_one_to_a_read_is_not(world: World, lost: str) -> None:
    world.join("smile", *some(1))
    connector = world.connect("smile")
    world.faults[:] = [lost]
    with pytest.raises(ExternalError, match="No whole answer came to smile's adjust") as write:
        await connector.adjust(Read("1"), 5, "key", "MARK")
    world.faults[:] = [lost]
    with pytest.raises(ExternalError) as read:
        await connector.get(Read("1"))
    assert (write.value.lost, read.value.lost) == (True, False)


HOSTILE = [
    (httpx.Response(200, html="<!doctype html><p>Please log in"), "answered with a web page instead of data"),
    (httpx.Response(200, content=b"{"), "answered something that is not JSON"),
    (httpx.Response(200, content=b"[" * 100_000), "answered something that is not JSON"),
    (httpx.Response(200, json={"customer": None}), "without the member that it was asked for"),
    (httpx.Response(200, json={"customer": {"id": 2, "points_balance": 5}}), "told of another"),
    (httpx.Response(200, json={"customer": {"id": 1}}), "answered without a balance"),
    (httpx.Response(200, json={"customer": [1, 2]}), "in a form that cannot be understood"),
    (
        httpx.Response(200, content=b'{"customer": {"id": 1, "points_balance": 1e400}}'),
        "is no number of points",
    ),
    (httpx.Response(200, json={"customer": {"id": 1, "points_balance": 10**13}}), "is no number of points"),
    (httpx.Response(200, json={"customer": {"id": 1, "points_balance": {"a": 1}}}), "is no number of points"),
    (httpx.Response(200, json={"customer": {"id": 1, "points_balance": True}}), "is no number of points"),
    (httpx.Response(302, headers={"location": "https://evil.example"}), "redirects"),
    (httpx.Response(401, json={}), "did not accept the key"),
    (httpx.Response(500, json={}), "failed"),
]


@pytest.mark.parametrize(("answer", "sentence"), HOSTILE, ids=[sentence for _, sentence in HOSTILE])
async def test_what_cannot_be_an_answer_is_a_sentence(
    world: World, answer: httpx.Response, sentence: str
) -> None:
    world.faults[:] = [answer]
    with pytest.raises(ExternalError, match=sentence) as told:
        await world.connect("smile").get(Read("1"))
    assert not told.value.lost


@pytest.mark.parametrize(
    "answer", [one for one, sentence in HOSTILE[:3]], ids=["a web page", "half of JSON", "deep JSON"]
)
async def test_an_answer_to_a_write_that_cannot_be_read_is_lost(world: World, answer: httpx.Response) -> None:
    world.faults[:] = [answer]
    with pytest.raises(ExternalError) as told:
        await world.connect("smile").adjust(Read("1"), 5, "key", "MARK")
    assert told.value.lost


async def test_a_huge_answer_is_not_read(world: World) -> None:
    world.faults[:] = [httpx.Response(200, content=b" " * (17 * 1024 * 1024))]
    with pytest.raises(ExternalError, match="larger than 16 MiB"):
        await world.connect("smile").get(Read("1"))


@pytest.mark.parametrize("preset", LISTED)
async def test_a_cursor_that_comes_back_ends_with_a_sentence(world: World, preset: str) -> None:
    world.join(preset, *some(3))
    world.books(preset).behaviour.looping = True
    with pytest.raises(ExternalError, match="goes in circles"):
        await everybody(world, preset)
    assert world.books(preset).calls["read"] <= 3


async def test_a_list_whose_records_cannot_be_read_is_not_believed(world: World) -> None:
    connector = world.connect("smile")
    world.faults[:] = [httpx.Response(200, json={"customers": [{"id": None}] * 3 + [{"id": 4}]})]
    found = [one async for page in connector.list_members(None) for one in page]
    assert ([one.id for one in found], connector.unreadable) == (["4"], 3)
    world.faults[:] = [httpx.Response(200, json={"customers": [7] * 101})]
    with pytest.raises(ExternalError, match="in a form that cannot be understood"):
        [page async for page in connector.list_members(None)]


@pytest.mark.parametrize("member_id", ["..", "", "a/../../b", "a?b", "x" * 300, "é\n"])
async def test_an_id_cannot_leave_its_place_in_a_path(world: World, member_id: str) -> None:
    world.join("smile", *some(1))
    with pytest.raises(ExternalError):
        await world.connect("smile").get(Read(member_id))


async def test_a_link_to_another_host_is_not_followed(world: World) -> None:
    links = 'list = { paginator = { type = "json_link", link_path = "next" } }'
    world.faults[:] = [httpx.Response(200, json={"customers": [], "next": "https://evil.example/?page=2"})]
    with pytest.raises(ExternalError, match="leads to another host"):
        await everybody(world, "smile", links)


@pytest.mark.parametrize(
    ("paginator", "answers", "asked"),
    [
        ('{ type = "page_number", page_param = "page", limit = 2 }', [2, 2, 1], ["page=2", "page=3"]),
        ('{ type = "offset", offset_param = "skip", limit = 2 }', [2, 1], ["skip=2"]),
        ('{ type = "last_id", cursor_param = "since_id" }', [2, 1, 0], ["since_id=2", "since_id=3"]),
        ('{ type = "json_link", link_path = "next" }', [2], []),
        ('{ type = "single_page" }', [2], []),
    ],
)
async def test_every_way_of_paging_comes_to_its_end(
    world: World, paginator: str, answers: list[int], asked: list[str]
) -> None:
    ids = iter(range(1, 100))
    urls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        number = answers[len(urls) - 1]
        return httpx.Response(200, json={"customers": [{"id": next(ids)} for _ in range(number)]})

    world.http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    found = await everybody(world, "smile", f"list = {{ paginator = {paginator} }}")
    assert len(found) == sum(answers)
    assert [url.partition("&")[2] for url in urls[1:]] == asked
    await world.http.aclose()


async def test_the_header_with_the_next_page_is_followed(world: World) -> None:
    pages = [
        httpx.Response(
            200,
            json={"customers": [{"id": 1}]},
            headers={"link": '<http://127.0.0.1/external/smile/v1/customers?page=2>; rel="next"'},
        ),
        httpx.Response(200, json={"customers": [{"id": 2}]}),
    ]
    world.faults[:] = pages
    found = await everybody(world, "smile", 'list = { paginator = { type = "header_link" } }')
    assert [one.id for one in found] == ["1", "2"]


async def test_a_token_that_is_refused_is_fetched_anew_once(world: World) -> None:
    login = """
auth = { type = "login", path = "/login", username = "u", password = { env = "SMILE_API_KEY" } }
"""
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/login"):
            return httpx.Response(200, json={"token": f"t{len(seen)}"})
        seen.append((request.url.path, request.headers["authorization"]))
        if len(seen) == 1:
            return httpx.Response(401)
        return httpx.Response(200, json={"customer": {"id": 1, "points_balance": 5}})

    world.http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    found = await world.connect("smile", login).get(Read("1"))
    assert found.balance == 5
    assert [token for _, token in seen] == ["Bearer t0", "Bearer t1"]
    await world.http.aclose()
