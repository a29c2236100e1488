"""The last day of a coupon is a whole day at the shop."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.validity import last_moment
from milestones.kinds.email import terms

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Kiritimati",
    "Pacific/Apia",
]


@pytest.mark.parametrize(
    ("zone", "begins", "days", "last_day", "ends"),
    [
        ("UTC", "2026-06-01T00:10", 30, "1 July 2026", "2026-07-02T00:00"),
        ("UTC", "2026-06-01T23:59", 30, "1 July 2026", "2026-07-02T00:00"),
        # 1 June in Berlin begins on 31 May, UTC.
        ("Europe/Berlin", "2026-05-31T22:10", 30, "1 July 2026", "2026-07-01T22:00"),
        # Days of 23 and of 25 hours, between and at the end.
        ("Europe/Berlin", "2027-03-27T22:30", 1, "28 March 2027", "2027-03-28T22:00"),
        ("Europe/Berlin", "2027-03-26T23:30", 2, "29 March 2027", "2027-03-29T22:00"),
        ("Europe/Berlin", "2027-10-29T22:30", 1, "31 October 2027", "2027-10-31T23:00"),
        ("Europe/Berlin", "2027-10-30T21:30", 2, "1 November 2027", "2027-11-01T23:00"),
        # The day after has no midnight: it begins at one.
        ("Africa/Cairo", "2027-04-28T10:00", 1, "29 April 2027", "2027-04-29T22:00"),
        # Clocks go back at midnight, so the last hour of the day comes twice.
        ("America/Sao_Paulo", "2018-02-16T12:00", 1, "17 February 2018", "2018-02-18T03:00"),
        ("America/Havana", "2027-11-05T12:00", 1, "6 November 2027", "2027-11-07T04:00"),
        ("UTC", "2028-01-30T12:00", 30, "29 February 2028", "2028-03-01T00:00"),
    ],
)
def test_the_date_that_is_printed_is_the_last_day_to_its_end(
    zone: str, begins: str, days: int, last_day: str, ends: str
) -> None:
    start = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    until = last_moment(start, timedelta(days=days), ZoneInfo(zone))
    assert until == datetime.fromisoformat(ends).replace(tzinfo=UTC) - timedelta(milliseconds=1)
    assert terms.day(until, "en", ZoneInfo(zone)) == last_day


@given(
    st.datetimes(datetime(2010, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 400),
    st.sampled_from(ZONES),
)
def test_it_never_ends_within_a_day(start: datetime, days: int, name: str) -> None:
    zone = ZoneInfo(name)
    until = last_moment(start, timedelta(days=days), zone)
    after = until + timedelta(milliseconds=1)
    assert start < until
    assert until.astimezone(zone).date() < after.astimezone(zone).date()
    skipped = timedelta(days=1) if name == "Pacific/Apia" else timedelta(0)
    expected = start.astimezone(zone).date() + timedelta(days=days)
    assert expected - until.astimezone(zone).date() in {timedelta(0), skipped}


def test_what_is_valid_for_hours_ends_with_the_day_in_which_they_are_over() -> None:
    start = datetime(2026, 6, 1, 20, tzinfo=UTC)
    assert last_moment(start, timedelta(hours=3), ZoneInfo("UTC")).day == 1
    assert last_moment(start, timedelta(hours=5), ZoneInfo("UTC")).day == 2
