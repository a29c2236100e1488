"""Which moments a cron expression means, by the calendar and by a clock on the wall, minute by minute."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milestones.domain import cron

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

# Zones, and UTC midnights near to which their clocks are changed.
CHANGES = [
    ("Europe/Berlin", "2027-03-28"),
    ("Europe/Berlin", "2027-10-31"),
    ("America/New_York", "2027-03-14"),
    ("America/New_York", "2027-11-07"),
    ("America/Sao_Paulo", "2018-11-04"),  # midnight is skipped
    ("America/Sao_Paulo", "2018-02-18"),  # the hour before midnight comes twice
    ("Asia/Beirut", "2027-03-28"),  # midnight is skipped
    ("Asia/Beirut", "2027-10-31"),
    ("Africa/Cairo", "2027-04-30"),  # midnight is skipped
    ("Africa/Cairo", "2027-10-29"),
    ("America/Havana", "2027-03-14"),  # midnight is skipped
    ("America/Havana", "2027-11-07"),  # 0:00 to 1:00 comes twice
    ("Australia/Lord_Howe", "2027-04-04"),  # by half an hour
    ("Australia/Lord_Howe", "2027-10-03"),
    ("Antarctica/Troll", "2027-03-28"),  # by two hours
    ("Antarctica/Troll", "2027-10-31"),
    ("Pacific/Apia", "2011-12-30"),  # the 30th is skipped
    ("Asia/Kathmandu", "2027-03-28"),
    ("UTC", "2027-03-28"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moments(expression: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    found, now = [], begin - MINUTE
    while (now := cron.parse(expression).next_after(now, ZoneInfo(zone))) < end:
        found.append(now)
    return found


@pytest.mark.parametrize(
    ("days", "falls_on"),
    [
        ("*", "Su Mo Tu We Th Fr Sa"),
        ("0", "Su"),
        ("7", "Su"),
        ("1", "Mo"),
        ("6", "Sa"),
        ("1-5", "Mo Tu We Th Fr"),
        ("5-7", "Su Fr Sa"),
        ("0,3", "Su We"),
        ("*/2", "Su Tu Th Sa"),
        ("1-5/2", "Mo We Fr"),
        ("sun", "Su"),
        ("MON-FRI", "Mo Tu We Th Fr"),
        ("fri-sun", "Su Fr Sa"),
        ("sun-sun", "Su"),
        ("sat,1", "Mo Sa"),
    ],
)
def test_the_days_of_a_week_are_those_of_every_cron(days: str, falls_on: str) -> None:
    found = moments(f"30 9 * * {days}", "UTC", SUNDAY, SUNDAY + timedelta(days=7))
    assert {(now.hour, now.minute) for now in found} == {(9, 30)}
    assert [f"{now:%a}"[:2] for now in found] == falls_on.split()


@pytest.mark.parametrize(
    ("expression", "zone", "begin", "comes"),
    [
        ("0 0 * * *", "Europe/Berlin", "2027-03-27T23:30", "2027-03-28T22:00"),
        ("30 0 * * *", "Europe/Berlin", "2027-03-28T00:00", "2027-03-28T22:30"),
        ("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00", "2027-03-28T01:30"),  # 3:30 in place of 2:30
        ("0 0 * * *", "Africa/Cairo", "2027-04-29T12:00", "2027-04-29T22:00"),  # 1:00 in place of midnight
        (
            "0 9 30 12 *",
            "Pacific/Apia",
            "2011-12-29T00:00",
            "2011-12-30T19:00",
        ),  # the 31st in place of the 30th
        ("0 0 29 2 *", "UTC", "2096-03-01T00:00", "2104-02-29T00:00"),
        ("0 0 29 2 */6", "UTC", "2027-01-01T00:00", "2032-02-29T00:00"),
        ("0 12 31 * *", "UTC", "2027-04-01T00:00", "2027-05-31T12:00"),
    ],
)
def test_local_time_is_computed_and_not_added_up(expression: str, zone: str, begin: str, comes: str) -> None:
    assert cron.parse(expression).next_after(at(begin), ZoneInfo(zone)) == at(comes)


def fields() -> st.SearchStrategy[str]:
    def field(low: int, high: int) -> st.SearchStrategy[str]:
        value = st.integers(low, high)
        pair = st.tuples(value, value).map(sorted)
        return st.one_of(
            st.just("*"),
            value.map(str),
            st.lists(value, min_size=1, max_size=4).map(lambda found: ",".join(map(str, found))),
            pair.map(lambda two: f"{two[0]}-{two[1]}"),
            st.integers(1, high - max(low, 1)).map(lambda step: f"*/{step}"),
        )

    # Hours near to the changes, and days that may be among the three that are looked at.
    days = st.one_of(st.tuples(st.just("*"), field(0, 7)), st.tuples(field(1, 31), st.just("*")))
    return st.tuples(field(0, 59), st.one_of(field(0, 4), field(0, 23)), days, st.just("*")).map(
        lambda found: f"{found[0]} {found[1]} {found[2][0]} {found[3]} {found[2][1]}"
    )


@lru_cache
def the_wall(zone: str, begin: datetime, end: datetime) -> list[tuple[datetime, datetime, bool]]:
    """Each minute, what a clock shows, and whether it shows that for the second time. What is skipped is written as long
    after the gap as it lies in it.
    """
    local, shown = ZoneInfo(zone), []
    now = begin - timedelta(days=1)
    before = (now - MINUTE).astimezone(local).utcoffset()
    while now < end:
        wall = now.astimezone(local)
        offset = wall.utcoffset()
        assert before is not None
        assert offset is not None
        skipped = [minute * MINUTE for minute in range(max(0, (offset - before) // MINUTE))]
        shown += [(now + late, (now + before).replace(tzinfo=None) + late, False) for late in skipped]
        shown.append((now, wall.replace(tzinfo=None), wall.fold == 1))
        before = offset
        now += MINUTE
    return [item for item in shown if begin <= item[0] < end]


def on_the_wall(expression: str, zone: str, begin: datetime, end: datetime) -> set[datetime]:
    """When somebody who looks at a clock each minute would do the job."""
    meant = cron.parse(expression)
    return {
        now
        for now, wall, again in the_wall(zone, begin, end)
        if wall.minute in meant.minutes
        and wall.hour in meant.hours
        and wall.day in meant.days
        and wall.month in meant.months
        and wall.isoweekday() % 7 in meant.weekdays
        and (not again or len(meant.hours) == 24)
    }


@settings(max_examples=10, deadline=None)
@given(fields())
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_every_schedule_comes_when_a_clock_on_the_wall_says_so(zone: str, day: str, expression: str) -> None:
    begin = at(day) - timedelta(hours=14)
    end = begin + timedelta(hours=30)
    assert moments(expression, zone, begin, end) == sorted(on_the_wall(expression, zone, begin, end))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "it has 0 fields and needs 5"),
        ("0 9 * *", "it has 4 fields and needs 5"),
        ("0 0 9 * * *", "it has 6 fields and needs 5"),
        ("@daily", "it has 1 fields"),
        ("0 9 1 * 1", "it names days of the month and days of the week; name one of them"),
        ("0 9 * * 8", "'8' in the days of the week: must be from 0 to 7"),
        ("0 9 * * 1,,2", "'' in the days of the week: write a number"),
        ("0 9 * * 5-1", "'5-1' in the days of the week: the range ends before it begins"),
        ("0 9 * * sat-mon", "the range ends before it begins"),
        ("0 9 * * 2/2", "'2/2' in the days of the week: a step needs a range before it"),
        ("5/15 * * * *", "'5/15' in the minutes: a step needs a range before it"),
        ("0 9 * * someday", "'someday' in the days of the week: write a number"),
        ("0 9 * * sux", "'sux' is no name of one"),
        ("0 9 jul * *", "'jul' is no name of one"),
        ("0 9 * mon *", "'mon' in the months: 'mon' is no name of one"),
        ("0 9 * * sun#2", "'sun#2' in the days of the week: write a number"),
        ("0 9 * * 5L", "'5l' in the days of the week: write a number"),
        ("0 9 L * *", "'l' in the days of the month: write a number"),
        ("0 9 last * *", "'last' in the days of the month: write a number"),
        ("0 9 15W * *", "'15w' in the days of the month: write a number"),
        ("0 9 ? * 1", "'?' in the days of the month: write a number"),
        ("H 9 * * *", "'h' in the minutes: write a number"),
        ("0 9~17 * * *", "'9~17' in the hours: write a number"),
        ("-5 9 * * *", "'-5' in the minutes: write a number"),
        ("1.5 9 * * *", "'1.5' in the minutes: write a number"),
        ("\N{ARABIC-INDIC DIGIT FIVE} 9 * * *", "in the minutes: write a number"),
        ("60 * * * *", "'60' in the minutes: must be from 0 to 59"),
        ("0 24 * * *", "'24' in the hours: must be from 0 to 23"),
        ("0 9 0 * *", "'0' in the days of the month: must be from 1 to 31"),
        ("0 9 * 13 *", "'13' in the months: must be from 1 to 12"),
        ("*/0 * * * *", "'*/0' in the minutes: the step must be from 1 to 59"),
        ("*/90 * * * *", "'*/90' in the minutes: the step must be from 1 to 59"),
        ("0 */24 * * *", "'*/24' in the hours: the step must be from 1 to 23"),
        ("0 9 31 2 *", "it never comes: none of its months has such a day"),
        ("0 0 30 2 *", "it never comes"),
        ("0 0 31 2,4,6,9,nov *", "it never comes"),
        ("0 0 30-31 feb */2", "it never comes"),
    ],
)
def test_what_is_no_expression_says_why(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        cron.parse(expression)
