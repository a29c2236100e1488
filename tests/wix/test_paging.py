"""Pages by cursor and by offset, and the ways in which they end."""

from typing import Any

import pytest

from milestones.wix import accounts, coupons
from milestones.wix.answers import Call
from milestones.wix.errors import WixUnavailableError
from milestones.wix.fields import Entity
from milestones.wix.paging import (
    Page,
    Sort,
    cursor_page,
    every_page,
    many,
    offset_page,
    one,
    text,
)
from milestones.wix.query import cursor_request
from tests.wix.fakes import FakeWix

READ = Call("POST", "/things/query", reads=True)
WRITE = Call("POST", "/things", reads=False)


class Thing(Entity):
    id: str
    size: int = 0


def test_only_the_first_request_carries_filter_and_order() -> None:
    first = cursor_request({"a": 1}, [Sort("b"), Sort("c", descending=True)], 50, None)
    assert first == {
        "filter": {"a": 1},
        "sort": [{"fieldName": "b", "order": "ASC"}, {"fieldName": "c", "order": "DESC"}],
        "cursorPaging": {"limit": 50},
    }
    assert cursor_request({"a": 1}, [Sort("b")], 50, "next") == {
        "cursorPaging": {"limit": 50, "cursor": "next"}
    }


@pytest.mark.parametrize(
    ("metadata", "following"),
    [
        ({"hasNext": True, "cursors": {"next": "n"}}, "n"),
        ({"cursors": {"next": "n"}}, "n"),
        ({"hasNext": False, "cursors": {"next": "n"}}, None),
        ({"hasNext": True, "cursors": {}}, None),
        ({"hasNext": True, "cursors": {"next": ""}}, None),
        ({"hasNext": True, "cursors": None}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_the_last_page_is_known_by_flag_or_by_a_missing_cursor(metadata: Any, following: str | None) -> None:
    answer = {"things": [{"id": "1"}], "pagingMetadata": metadata}
    assert cursor_page(answer, "things", Thing, READ).next_cursor == following


@pytest.mark.parametrize(
    ("answer", "following"),
    [
        ({"metadata": {"total": 5}}, "4"),
        ({"totalResults": 5}, "4"),
        ({"pagingMetadata": {"total": "5"}}, "4"),
        ({"metadata": {"total": 4}}, None),
        ({"metadata": {"tooManyToCount": True}}, "4"),
        ({}, "4"),
    ],
)
def test_an_offset_moves_to_the_total_or_as_long_as_pages_are_full(
    answer: Any, following: str | None
) -> None:
    full = {"things": [{"id": "1"}, {"id": "2"}], **answer}
    assert offset_page(full, "things", Thing, READ, offset=2, limit=2).next_cursor == following


def test_an_offset_stands_still_on_an_empty_page_whatever_the_total_says() -> None:
    assert (
        offset_page({"metadata": {"total": 9}}, "things", Thing, READ, offset=2, limit=2).next_cursor is None
    )


def test_one_broken_entity_does_not_stop_the_page() -> None:
    answer = {"things": [{"id": "1"}, {"size": 3}, None, 7, {"id": "2", "size": "x"}]}
    items, broken = many(answer, "things", Thing, READ)
    assert items == (Thing(id="1"),)
    assert [(one.id, one.told) for one in broken] == [
        (None, {"size": 3}),
        (None, None),
        (None, 7),
        ("2", {"id": "2", "size": "x"}),
    ]
    assert broken[-1].reason == "is missing or broken at size"
    assert cursor_page(answer, "things", Thing, READ).unreadable == broken


@pytest.mark.parametrize(
    "answer", [{}, {"thing": None}, {"thing": []}, {"thing": {"id": "", "size": "ann@x.y"}}]
)
def test_an_answer_without_its_entity_is_lost_for_a_write_and_quotes_nothing(answer: Any) -> None:
    with pytest.raises(WixUnavailableError) as caught:
        one(answer, "thing", Thing, WRITE)
    assert caught.value.lost
    assert "ann@x.y" not in str(caught.value)
    with pytest.raises(WixUnavailableError) as caught:
        one(answer, "thing", Thing, READ)
    assert not caught.value.lost


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": ""}, {"id": 7}])
def test_an_answer_without_its_id_is_lost(answer: Any) -> None:
    with pytest.raises(WixUnavailableError) as caught:
        text(answer, "id", WRITE)
    assert caught.value.lost


def test_a_list_that_is_none_is_understood_and_one_that_is_something_else_is_not() -> None:
    assert many({}, "things", Thing, READ) == ((), ())
    with pytest.raises(WixUnavailableError, match="not a list"):
        many({"things": {}}, "things", Thing, READ)


async def test_pages_follow_each_other_and_may_begin_in_the_middle() -> None:
    pages = {None: Page((1,), "a"), "a": Page((2,), "b"), "b": Page((3,))}

    async def fetch(cursor: str | None) -> Page[int]:
        return pages[cursor]

    assert [page.items async for page in every_page(fetch)] == [(1,), (2,), (3,)]
    assert [page.items async for page in every_page(fetch, "b")] == [(3,)]


async def test_a_cursor_that_does_not_move_is_an_error_and_no_endless_loop() -> None:
    async def fetch(_: str | None) -> Page[int]:
        return Page((1,), "same")

    with pytest.raises(WixUnavailableError, match="does not move"):
        assert [page async for page in every_page(fetch)]


async def test_an_offset_that_wix_ignores_is_an_error_and_no_endless_loop(wix: FakeWix) -> None:
    wix.answers({"coupons": [{"id": "1"}]})
    with pytest.raises(WixUnavailableError, match="does not move"):
        assert [page async for page in coupons.query_all(wix.client(), limit=1)]
    assert len(wix.requests) == 2


async def test_a_query_sends_its_cursor_alone(wix: FakeWix) -> None:
    account = {"id": "a", "revision": "1", "points": {}}
    wix.answers(
        {"loyaltyAccounts": [account], "pagingMetadata": {"hasNext": True, "cursors": {"next": "n"}}},
        {"loyaltyAccounts": [account], "pagingMetadata": {"hasNext": False}},
    )
    pages = [
        page async for page in accounts.query_all(wix.client(), {"points.balance": {"$gte": 900}}, limit=1)
    ]
    assert [len(page.items) for page in pages] == [1, 1]
    assert wix.body(0) == {
        "query": {"filter": {"points.balance": {"$gte": 900}}, "cursorPaging": {"limit": 1}}
    }
    assert wix.body(1) == {"query": {"cursorPaging": {"limit": 1, "cursor": "n"}}}


async def test_coupons_are_paged_by_offset_with_a_filter_in_a_string(wix: FakeWix) -> None:
    wix.answers({"coupons": [{"id": "1"}], "totalResults": 2}, {"coupons": [{"id": "2"}], "totalResults": 2})
    pages = [page async for page in coupons.query_all(wix.client(), {"expired": False}, limit=1)]
    assert [page.items[0].id for page in pages] == ["1", "2"]
    assert wix.body(1) == {"query": {"paging": {"limit": 1, "offset": 1}, "filter": '{"expired": false}'}}
