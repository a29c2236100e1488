"""Points for money, by a rate such as 10 points for each 1.00 spent. Decimals and fractions, never floats."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction

MOST_MONEY = Decimal(10) ** 9
"""An amount above this is a mistake and not a purchase."""

MOST_POINTS = 9_999_999
"""That one earn call takes (fact sheet, section 6)."""


class Rounding(StrEnum):
    """What becomes of a rest. Wix's own sources disagree (fact sheet, section 0.1), so it is a setting."""

    LINEAR = "linear"
    """Points for every part of the amount, and only the sum is rounded down: 4.99 at 10 for 1.00 are 49."""
    WHOLE_UNITS = "whole_units"
    """Points for each full step of money: 4.99 at 10 for 1.00 are 40."""


@dataclass(frozen=True, slots=True)
class ConversionRate:
    """``points`` for each ``money``, both above 0, the money in the currency of the site."""

    money: Decimal
    points: int


def amount_of(told: str | float) -> Decimal:
    """An amount of money as another service told it, in JSON or as text.

    A float is read by its shortest text, which is what the service wrote: 4.99 and not 4.9900000000000002.
    Raises ValueError with a sentence.
    """
    try:
        amount = Decimal(str(told).strip())
    except InvalidOperation:
        raise ValueError("An amount of money must be a number such as 4.99.") from None
    if isinstance(told, bool) or not amount.is_finite() or abs(amount) > MOST_MONEY:
        raise ValueError(f"An amount of money must be a number up to {MOST_MONEY:,}.")
    return amount


def points_for(amount: Decimal, rate: ConversionRate, rounding: Rounding) -> int:
    """The points that an amount earns, rounded down; 0 where nothing was spent or money went back.

    The formula is (amount / money) x points (fact sheet, section 0.1, conversion-rate formula). Raises
    ValueError above ``MOST_POINTS``, which says that the amount or the rate is wrong.
    """
    steps = max(Fraction(amount), Fraction(0)) / Fraction(rate.money)
    points = int(steps) * rate.points if rounding is Rounding.WHOLE_UNITS else int(steps * rate.points)
    if points > MOST_POINTS:
        raise ValueError(
            f"This amount would earn {points:,} points; Wix takes {MOST_POINTS:,} at once. Check the rate."
        )
    return points
