from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.policy import Breaker, QuietHours, Rate
from tests.builders import NOW

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(21), time(8))
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "ends"),
    [
        # Winter, UTC+1: 21:00-08:00 is 20:00-07:00 UTC.
        (NIGHT, "2026-01-10 19:59", None),
        (NIGHT, "2026-01-10 20:00", "2026-01-11 07:00"),
        (NIGHT, "2026-01-11 06:59", "2026-01-11 07:00"),
        (NIGHT, "2026-01-11 07:00", None),
        # Summer, UTC+2: 19:00-06:00 UTC.
        (NIGHT, "2026-07-10 18:59", None),
        (NIGHT, "2026-07-10 23:30", "2026-07-11 06:00"),
        # The night of 29 March loses an hour at 01:00 UTC: it begins at UTC+1 and ends at UTC+2.
        (NIGHT, "2026-03-28 20:00", "2026-03-29 06:00"),
        (NIGHT, "2026-03-29 05:59", "2026-03-29 06:00"),
        (NIGHT, "2026-03-29 06:00", None),
        # The night of 25 October gains one at 01:00 UTC: it begins at UTC+2 and ends at UTC+1.
        (NIGHT, "2026-10-24 19:00", "2026-10-25 07:00"),
        (NIGHT, "2026-10-25 06:59", "2026-10-25 07:00"),
        # Within one day: 13:00-15:00 is 12:00-14:00 UTC in winter.
        (QuietHours(time(13), time(15)), "2026-01-10 11:59", None),
        (QuietHours(time(13), time(15)), "2026-01-10 12:00", "2026-01-10 14:00"),
        (QuietHours(time(13), time(15)), "2026-01-10 14:00", None),
        # From midnight, and to midnight.
        (QuietHours(time(0), time(6)), "2026-01-09 23:00", "2026-01-10 05:00"),
        (QuietHours(time(22), time(0)), "2026-01-10 22:59", "2026-01-10 23:00"),
        (QuietHours(time(22), time(0)), "2026-01-10 23:00", None),
        # 02:30 is skipped on 29 March: from UTC+1 it is 01:30 UTC, 03:30 on the clock. The longer night.
        (QuietHours(time(22), time(2, 30)), "2026-03-29 01:29", "2026-03-29 01:30"),
        (QuietHours(time(22), time(2, 30)), "2026-03-29 01:30", None),
        # It comes twice on 25 October, at 00:30 and 01:30 UTC. The longer night, without a gap in it.
        (QuietHours(time(22), time(2, 30)), "2026-10-25 00:45", "2026-10-25 01:30"),
        (QuietHours(time(2, 30), time(6)), "2026-10-25 00:30", "2026-10-25 05:00"),
        (QuietHours(time(2, 30), time(6)), "2026-10-25 01:05", "2026-10-25 05:00"),
    ],
)
def test_quiet_hours_end_at_the_local_time_whatever_the_clocks_do(
    hours: QuietHours, now: str, ends: str | None
) -> None:
    assert hours.ends(utc(now), BERLIN) == (utc(ends) if ends is not None else None)


def test_a_night_that_begins_at_a_skipped_midnight_has_begun_before_it() -> None:
    # Beirut skips 00:00-01:00 on 29 March 2026 (UTC+2 to UTC+3). 00:30 counted from UTC+3 is 21:30 UTC.
    beirut = ZoneInfo("Asia/Beirut")
    hours = QuietHours(time(0, 30), time(8))
    assert hours.ends(utc("2026-03-28 21:29"), beirut) is None
    assert hours.ends(utc("2026-03-28 21:30"), beirut) == utc("2026-03-29 05:00")


def test_now_may_be_told_in_any_zone() -> None:
    tokyo = datetime(2026, 1, 11, 5, 0, tzinfo=ZoneInfo("Asia/Tokyo"))  # 20:00 UTC the day before
    assert NIGHT.ends(tokyo, BERLIN) == utc("2026-01-11 07:00")


MOMENTS = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC))
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, fold=0))


@given(MOMENTS, CLOCKS, CLOCKS, st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_quiet_is_what_the_clock_on_the_wall_says_but_never_less(
    now: datetime, start: time, end: time, zone: str
) -> None:
    clock = now.astimezone(ZoneInfo(zone)).time()
    on_the_wall = start <= clock < end if start < end else clock >= start or clock < end
    ends = QuietHours(start, end).ends(now, ZoneInfo(zone))
    if ends is None:
        assert not on_the_wall
        return
    assert now < ends <= now + DAY + HOUR
    if not on_the_wall:
        # A longer night than the clock says, and only where it is changed within the hour.
        offsets = {moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in (now - HOUR, now + HOUR)}
        assert len(offsets) == 2


@pytest.mark.parametrize(
    ("times", "days_ago", "allowed_in"),
    [
        (1, [], 0),
        (1, [8], 0),
        (1, [7], 0),  # seven days ago to the second is over
        (1, [6], 1),
        (1, [6, 2], 5),  # 7 - 2
        (1, [2, 6], 5),  # in any order
        (2, [6], 0),
        (2, [6, 2], 1),  # the older of the two leaves first
        (2, [9, 6, 2], 1),
        (1, [-1], 8),  # the clock was set back: it counts
    ],
)
def test_a_rate_allows_one_more_when_the_oldest_of_the_last_ones_is_over(
    times: int, days_ago: list[int], allowed_in: int
) -> None:
    rate = Rate(times, WEEK)
    past = [NOW - days * DAY for days in days_ago]
    assert rate.next_allowed(past, NOW) == NOW + allowed_in * DAY
    assert rate.allows(past, NOW) is (allowed_in == 0)


@given(st.integers(1, 4), st.integers(1, 10), st.lists(st.integers(0, 30), max_size=60).map(sorted))
def test_what_a_rate_allows_never_exceeds_it_in_any_stretch(times: int, days: int, asked: list[int]) -> None:
    rate = Rate(times, days * DAY)
    sent: list[datetime] = []
    for day in asked:
        if rate.allows(sent, NOW + day * DAY):
            sent.append(NOW + day * DAY)
    for start in range(31):
        stretch = [moment for moment in sent if start * DAY <= moment - NOW < (start + days) * DAY]
        assert len(stretch) <= times


@pytest.mark.parametrize(
    ("share", "floor", "accounts", "limit"),
    [
        (0.2, 50, 0, 50),
        (0.2, 50, 250, 50),
        (0.2, 50, 254, 50),  # 50.8: the 51st is past it
        (0.2, 50, 255, 51),
        (0.2, 0, 0, 0),
        (1, 50, 1000, 1000),
        (0.07, 0, 100, 7),  # 0.07 x 100 is 7.000000000000001 in floats
        (0.29, 0, 100, 29),  # and 0.29 x 100 is 28.999999999999996
        (1e-07, 1, 50_000_000, 5),
    ],
)
def test_the_breaker_lets_a_share_through_and_never_less_than_the_floor(
    share: float, floor: int, accounts: int, limit: int
) -> None:
    assert Breaker(share, floor).limit(accounts) == limit
