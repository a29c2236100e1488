from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.retry import RetryPolicy
from tests.builders import NOW

POLICY = RetryPolicy()
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [
        (1, 5),  # 5 x 2^0
        (2, 10),  # 5 x 2^1
        (3, 20),
        (4, 40),
        (5, 80),
        (6, 160),
        (7, 320),
        (8, 640),
        (9, 1280),
        (10, 2560),
        (11, 5120),  # 5 x 2^10
        (12, 7200),  # 5 x 2^11 = 10,240, and two hours are the longest
        (10_000, 7200),
    ],
)
def test_the_ceiling_doubles_up_to_the_longest(attempt: int, seconds: int) -> None:
    assert POLICY.ceiling(attempt) == seconds * SECOND


@pytest.mark.parametrize(
    ("attempt", "random", "delay"),
    [
        (1, 0.0, 0.0),  # full jitter may be no delay at all
        (1, 0.5, 2.5),
        (4, 0.25, 10.0),
        (11, 0.999, 5114.88),
    ],
)
def test_the_delay_is_the_random_share_of_the_ceiling(attempt: int, random: float, delay: float) -> None:
    assert POLICY.next(attempt, NOW, random) == NOW + timedelta(seconds=delay)


@given(st.randoms())
def test_attempts_outlast_most_of_a_day(dice: Random) -> None:
    moment: datetime | None = NOW
    last, attempt = NOW, 0
    while moment is not None:
        last, attempt = moment, attempt + 1
        moment = POLICY.next(attempt, last, dice.uniform(0.4, 0.6))
    assert timedelta(hours=23) < last - NOW < timedelta(hours=36)


def test_there_is_no_attempt_after_the_last() -> None:
    assert RetryPolicy(attempts=3).next(2, NOW, 0.5) is not None
    assert RetryPolicy(attempts=3).next(3, NOW, 0.5) is None
    assert RetryPolicy(attempts=3).next(4, NOW, 0.5, NOW + SECOND) is None


@pytest.mark.parametrize(
    ("named", "delay"),
    [
        (60, 60),  # the other side asked for a minute
        (1, 20),  # or for less than the backoff
        (-60, 20),  # or for a time that is over
    ],
)
def test_it_is_never_earlier_than_the_other_side_asked(named: int, delay: int) -> None:
    assert POLICY.next(4, NOW, 0.5, NOW + named * SECOND) == NOW + delay * SECOND


@given(st.integers(1, 39), st.floats(0, 1, exclude_max=True), st.integers(-9999, 9999))
def test_the_next_attempt_lies_between_now_and_the_ceiling_or_where_it_was_asked_for(
    attempt: int, random: float, named: int
) -> None:
    retry_at = NOW + named * SECOND
    moment = POLICY.next(attempt, NOW, random, retry_at)
    assert moment is not None
    assert max(NOW, retry_at) <= moment <= max(NOW + POLICY.ceiling(attempt), retry_at)
