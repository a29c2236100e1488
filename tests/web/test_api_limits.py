"""Budgets: what is left of one, and when there is more."""

import math

from hypothesis import given
from hypothesis.strategies import floats, integers, lists

from milestones.web.api.limits import MINUTE, Budgets


def test_it_refills_evenly_and_no_further_than_it_was() -> None:
    budgets = Budgets()
    told = [budgets.spend("a", 3, 0.0) for _ in range(5)]
    assert [(one.allowed, one.left) for one in told] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
        (False, 0),
    ]
    assert (told[-1].wait, told[-1].full) == (20.0, 60.0)
    assert told[-1].headers()["retry-after"] == "20"
    assert "retry-after" not in told[0].headers()
    assert not budgets.spend("a", 3, 19.9).allowed
    assert budgets.spend("a", 3, 20.0).allowed
    assert [budgets.spend("a", 3, 1000.0).allowed for _ in range(4)] == [True, True, True, False]


def test_everybody_has_one_of_their_own_and_full_ones_are_forgotten() -> None:
    budgets = Budgets(most=2)
    assert not [name for name in "abc" if not budgets.spend(name, 1, 0.0).allowed]
    assert not budgets.spend("c", 1, 1.0).allowed
    assert budgets.spend("d", 1, 2 * MINUTE).allowed
    assert len(budgets._left) == 1


@given(integers(1, 1000), lists(floats(0, 30, allow_subnormal=False), max_size=60))
def test_within_any_minute_no_more_than_twice_the_budget_is_spent(quota: int, steps: list[float]) -> None:
    """A full one, and what it was refilled with meanwhile."""
    budgets, now, spent = Budgets(), 0.0, []
    for step in steps:
        now += step
        standing = budgets.spend("a", quota, now)
        assert 0 <= standing.left <= quota
        assert standing.allowed == (standing.wait == 0)
        if standing.allowed:
            spent.append(now)
        assert math.isfinite(standing.full)
        assert sum(at > now - MINUTE for at in spent) <= 2 * quota
