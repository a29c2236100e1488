"""Rows of a file become orders: each once, whatever is edited, and whatever dies."""

from typing import Any

import pytest

from milestones.commands.imports import import_points
from milestones.commands.models.imports import ImportAnswer, ImportPoints, ImportRow
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from tests.builders import SITE, a_customer
from tests.shop import Shop

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
async def shop(small_shop: Shop) -> Shop:
    await small_shop.observe(300, account="of-ada")
    await small_shop.observe(40, account="of-bob", customer=a_customer(contact_id="bob", email=BOB))
    return small_shop


def row(line: int, mail: str, points: int) -> ImportRow:
    return ImportRow(line=line, mail=mail, points=points)


async def give(shop: Shop, *rows: ImportRow, **terms: Any) -> ImportAnswer:
    command = ImportPoints(rows=rows, reason="Moved in", **terms)
    return await import_points(shop, command, lambda _report: None)


async def outcomes(shop: Shop, *rows: ImportRow, **terms: Any) -> list[str]:
    return [one.outcome for one in (await give(shop, *rows, **terms)).rows]


async def ordered(shop: Shop) -> list[tuple[str, int | None, int | None]]:
    return [
        (action.account_id, action.payload["amount"], action.payload["balance"])
        for action in await shop.actions(kind="adjust")
    ]


async def test_a_dry_run_says_what_is_known_and_records_nothing(shop: Shop) -> None:
    answer = await give(shop, row(2, ADA, 500), row(3, "no@example.com", 5), counts_only=True)
    ada, stranger = answer.rows
    assert (ada.outcome, ada.account, ada.balance) == ("new", "of-ada", 300)
    assert stranger.account == ""
    assert await ordered(shop) == []


async def test_a_row_is_done_once_wherever_it_stands_in_the_file(shop: Shop) -> None:
    assert await outcomes(shop, row(2, ADA, 500)) == ["new"]
    assert await outcomes(shop, row(2, BOB, 70), row(9, "ADA@example.com", 500)) == ["new", "known"]
    await shop.drain()
    assert await outcomes(shop, row(2, ADA, 500), row(3, BOB, 70)) == ["known", "known"]
    assert await ordered(shop) == [("of-ada", None, 500), ("of-bob", None, 70)]


async def test_a_balance_that_was_edited_is_set_anew_also_back_to_what_it_was(shop: Shop) -> None:
    for points, outcome in ((500, "new"), (600, "again"), (500, "again"), (500, "known")):
        assert await outcomes(shop, row(2, ADA, points)) == [outcome]
        await shop.drain()
    assert [balance for _, _, balance in await ordered(shop)] == [500, 600, 500]


async def test_a_balance_is_not_set_over_one_that_is_still_on_its_way(shop: Shop) -> None:
    await give(shop, row(2, ADA, 500))
    (refused,) = (await give(shop, row(2, ADA, 600))).rows
    assert refused.outcome == "refused"
    assert "is not done yet (`milestones outbox show" in refused.why


async def test_an_amount_that_was_edited_is_not_added_a_second_time(shop: Shop) -> None:
    await give(shop, row(2, ADA, 100), adds=True)
    await shop.drain()
    (refused,) = (await give(shop, row(2, ADA, 150), adds=True)).rows
    assert refused.outcome == "refused"
    assert "100 points were imported for this customer" in refused.why
    assert await outcomes(shop, row(2, ADA, 150), adds=True, name="February") == ["new"]
    assert await ordered(shop) == [("of-ada", 100, None), ("of-ada", 150, None)]


async def test_what_came_to_nothing_is_tried_anew(shop: Shop) -> None:
    shop.channels["adjust"].answers = [ChannelError("Wix takes no more.", permanent=True)]
    await give(shop, row(2, ADA, 500))
    await shop.drain()
    assert await outcomes(shop, row(2, ADA, 500)) == ["again"]
    await shop.drain()
    assert [action.state for action in await shop.actions(kind="adjust")] == [State.DISCARDED, State.DONE]
    assert await outcomes(shop, row(2, ADA, 500)) == ["known"]


async def test_who_has_no_contact_is_imported_when_one_may_be_made_and_the_former_order_does_not_go_on(
    shop: Shop,
) -> None:
    shop.channels["contact"].answers = [ChannelError("No contact has this address.", permanent=True)]
    stranger = row(2, "new@example.com", 5)
    assert await outcomes(shop, stranger) == ["new"]
    await shop.drain()
    shop.channels["contact"].answers = [{"contact_id": "new"}]
    shop.channels["account"].answers = [{"account_id": "of-new"}]
    assert await outcomes(shop, stranger, creates=True, counts_only=True) == ["again"]
    assert await outcomes(shop, stranger, creates=True) == ["again"]
    await shop.drain()
    former, latter = await shop.actions(kind="adjust")
    assert (former.state, latter.state, latter.account_id) == (State.CANCELLED, State.DONE, "of-new")
    assert await outcomes(shop, stranger) == ["known"]


async def test_what_may_have_happened_is_not_done_again(shop: Shop) -> None:
    await give(shop, row(2, ADA, 500))
    await shop.set("adjust", state=State.CANCELLED, lost_at=shop.now)
    assert await outcomes(shop, row(2, ADA, 500)) == ["known"]


async def test_an_import_is_muted_unless_it_shall_fire(shop: Shop) -> None:
    await give(shop, row(2, ADA, 500))
    await give(shop, row(3, BOB, 500), fires=True)
    assert [action.payload["mutes"] for action in await shop.actions(kind="adjust")] == [True, False]


@pytest.mark.parametrize(("passes", "state"), [(False, State.HELD), (True, State.AVAILABLE)])
async def test_past_the_limit_an_import_is_held_unless_a_person_lets_it_pass(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, *, passes: bool, state: State
) -> None:
    breaker = type(shop.rules.site(SITE).breaker)
    monkeypatch.setattr(breaker, "limit", lambda _self, _accounts: 1)
    answer = await give(shop, row(2, ADA, 500), row(3, BOB, 70), passes=passes)
    assert [one.held for one in answer.rows] == [False, not passes]
    assert answer.room == 0
    ada, bob = await shop.actions(kind="adjust")
    assert (ada.state, bob.state) == (State.AVAILABLE, state)
    assert (bob.verdict == Verdict.BREAKER) is not passes
