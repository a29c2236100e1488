"""Agreements between two programs: what each owes the other, and what no agreement can be made of."""

import pytest

from milestones.domain.agreement import (
    Agreed,
    Agreement,
    Fate,
    Limits,
    Merge,
    Settled,
    Start,
    Unmergeable,
    begin,
    decide,
    is_news,
    settle,
)

FREE = Limits(None, None, 10**9)
WIX = Limits(0, 999_999_999, 9_999_999)
BOTH = (WIX, FREE)


@pytest.mark.parametrize(
    ("ours", "theirs", "merge", "owed"),
    [
        (110, 100, Merge.SUM, (0, 10)),
        (100, 93, Merge.SUM, (-7, 0)),
        (110, 105, Merge.SUM, (5, 10)),
        (110, 105, Merge.OURS, (0, 5)),
        (110, 105, Merge.THEIRS, (-5, 0)),
        (110, 100, Merge.THEIRS, (0, 10)),
        (100, 90, Merge.OURS, (-10, 0)),
        (110, 110, Merge.SUM, (10, 10)),
        (110, 110, Merge.OURS, (0, 0)),
    ],
)
def test_what_changed_on_one_side_is_owed_to_the_other(
    ours: int, theirs: int, merge: Merge, owed: tuple[int, int]
) -> None:
    found = decide(Agreed(4, 100, 100), ours, theirs, merge, BOTH)
    assert found == Agreement(5, ours, theirs, *owed)


def test_what_stands_as_it_was_agreed_is_no_change() -> None:
    assert decide(Agreed(4, 100, 90), 100, 90, Merge.SUM, BOTH) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "start", "owed"),
    [
        (50, 50, Start.LIST, (0, 0)),
        (50, 50, Start.SUM, (0, 0)),
        (50, 80, Start.THEIRS, (30, 0)),
        (50, 80, Start.OURS, (0, -30)),
        (50, 80, Start.SUM, (80, 50)),
    ],
)
def test_the_first_agreement_is_what_the_shop_chose(
    ours: int, theirs: int, start: Start, owed: tuple[int, int]
) -> None:
    assert begin(ours, theirs, start, BOTH) == Agreement(1, ours, theirs, *owed)


def test_two_balances_that_differ_are_listed_where_nobody_chose() -> None:
    found = begin(50, 1_080, Start.LIST, BOTH)
    assert found == Unmergeable(
        "The balances differ, 50 points here and 1,080 there, and nobody has said which is right."
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        (10, 0, "The balance here would become -90 points, and it cannot be below 0."),
        (100, 10_000_100, "here would have to change by +10,000,000 points; at most 9,999,999"),
        (999_999_999, 101, "The balance here would become 1,000,000,000 points, and it cannot be above"),
        (100, 2**63, "at most 9,999,999"),
    ],
)
def test_what_a_side_cannot_take_is_listed(ours: int, theirs: int, sentence: str) -> None:
    found = decide(Agreed(1, 100, 100), ours, theirs, Merge.SUM, BOTH)
    assert isinstance(found, Unmergeable)
    assert sentence in found.reason


def test_points_that_bring_a_balance_nearer_to_what_it_may_be_are_not_refused() -> None:
    found = decide(Agreed(1, -50, 0), -50, 20, Merge.SUM, BOTH)
    assert found == Agreement(2, -50, 20, 20, 0)


def test_an_agreement_is_settled_when_both_adjustments_took_place() -> None:
    agreement = Agreement(5, 110, 105, 5, 10)
    assert settle(agreement, (Fate.DONE, Fate.OPEN)) is None
    assert settle(agreement, (Fate.FAILED, Fate.OPEN)) is None
    assert settle(agreement, (Fate.DONE, Fate.DONE)) == Settled(Agreed(5, 115, 115), broken=False)


@pytest.mark.parametrize(
    ("fates", "left"),
    [
        ((Fate.FAILED, Fate.DONE), Agreed(5, 110, 115)),
        ((Fate.DONE, Fate.FAILED), Agreed(5, 115, 105)),
        ((Fate.FAILED, Fate.FAILED), Agreed(5, 110, 105)),
    ],
)
def test_of_an_agreement_that_broke_what_took_place_is_kept(fates: tuple[Fate, Fate], left: Agreed) -> None:
    assert settle(Agreement(5, 110, 105, 5, 10), fates) == Settled(left, broken=True)


@pytest.mark.parametrize(
    ("balance", "text", "news"),
    [
        (100, "", False),
        (110, "", True),
        (None, "", True),
        (110, "In step with the shop (AB12)", False),
        (None, "In step with the shop (AB12)", False),
        (110, "In step with the shop (ZZ99)", True),
    ],
)
def test_an_event_of_our_own_write_is_an_echo(balance: int | None, text: str, news: bool) -> None:
    assert is_news(Agreed(5, 100, 100), balance, text, {"AB12"}) is news
