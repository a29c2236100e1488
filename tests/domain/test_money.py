from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.money import MOST_POINTS, ConversionRate, Rounding, amount_of, points_for

LINEAR, WHOLE = Rounding.LINEAR, Rounding.WHOLE_UNITS


@pytest.mark.parametrize(
    ("amount", "money", "points", "linear", "whole"),
    [
        ("10", "20", 10, 5, 0),  # 10 / 20 x 10; no full 20 (the example of Wix's SDK)
        ("4.99", "1", 10, 49, 40),  # 49.9; 4 x 10 (the example of Wix's support)
        ("5", "1", 10, 50, 50),
        ("0.99", "1", 1, 0, 0),
        ("0.10", "0.01", 3, 30, 30),  # 0.1 / 0.01 is not quite 10 in floats
        ("100", "3", 1, 33, 33),
        ("1.1", "1.1", 7, 7, 7),
        ("0", "1", 10, 0, 0),
        ("-25", "1", 10, 0, 0),  # money went back
        ("1000000000", "1000", 9, 9_000_000, 9_000_000),
    ],
)
def test_points_for_money_are_rounded_down_at_the_end_or_at_each_step(
    amount: str, money: str, points: int, linear: int, whole: int
) -> None:
    rate = ConversionRate(Decimal(money), points)
    assert points_for(Decimal(amount), rate, LINEAR) == linear
    assert points_for(Decimal(amount), rate, WHOLE) == whole


@given(st.decimals(0, 10_000, places=2), st.decimals("0.01", 100, places=2), st.integers(1, 9))
def test_whole_units_never_earn_more_and_less_by_under_one_step(
    amount: Decimal, money: Decimal, points: int
) -> None:
    rate = ConversionRate(money, points)
    linear, whole = points_for(amount, rate, LINEAR), points_for(amount, rate, WHOLE)
    assert 0 <= linear - whole < points
    # In cents, with integers alone.
    assert whole == int(amount * 100) // int(money * 100) * points
    assert linear == int(amount * 100) * points // int(money * 100)


def test_more_points_than_one_call_takes_are_refused_with_a_sentence() -> None:
    rate = ConversionRate(Decimal(1), 1)
    assert points_for(Decimal(MOST_POINTS), rate, LINEAR) == 9_999_999
    with pytest.raises(ValueError, match=r"would earn 10,000,000 points; .* Check the rate"):
        points_for(Decimal(MOST_POINTS + 1), rate, LINEAR)


@pytest.mark.parametrize(
    ("told", "amount"),
    [(4.99, "4.99"), (5, "5"), ("4.99", "4.99"), (" 12 ", "12"), ("-3.50", "-3.50"), (0.1, "0.1")],
)
def test_an_amount_is_read_as_it_was_written(told: str | float, amount: str) -> None:
    assert str(amount_of(told)) == amount


@pytest.mark.parametrize(
    "told", ["", "free", "4,99", "1 000", True, "NaN", "-Infinity", float("inf"), "1e30", 10**10]
)
def test_what_is_no_amount_is_refused_without_repeating_it(told: str | float) -> None:
    with pytest.raises(ValueError, match=r"An amount of money must be a number") as refusal:
        amount_of(told)
    assert not str(told) or str(told) not in str(refusal.value)
