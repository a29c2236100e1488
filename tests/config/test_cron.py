"""Which days a cron expression means, by the calendar."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from milestones.config import cron
from milestones.scans.schedule import first_run

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)


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
        ("sat,1", "Mo Sa"),
    ],
)
def test_the_days_of_a_week_are_those_of_every_cron(days: str, falls_on: str) -> None:
    expression = cron.expression(f"30 9 * * {days}")
    found, now = [], SUNDAY
    while (now := first_run(expression, ZoneInfo("UTC"), now, now)) < SUNDAY + timedelta(days=7):
        assert (now.hour, now.minute) == (9, 30)
        found.append(f"{now:%a}"[:2])
    assert found == falls_on.split()


@pytest.mark.parametrize("expression", ["0 9 1 * *", "0 9 */2 * *", "*/5 8-18 * jan-jun *"])
def test_the_other_fields_stay_as_they_are(expression: str) -> None:
    assert cron.expression(expression) == expression


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "Wrong number of fields; got 0, expected 5"),
        ("0 9 * *", "Wrong number of fields; got 4, expected 5"),
        ("0 9 1 * 1", "it names days of the month and days of the week; name one of them"),
        ("0 9 * * 8", "maximum value"),
        ("0 9 * * 1,,2", "Unrecognized expression"),
        ("0 9 * * 5-1", "'5-1' in the days of the week: the range ends before it begins"),
        ("0 9 * * 2/2", "'2/2' in the days of the week: a step needs a range before it"),
        ("0 9 * * someday", "someday"),
    ],
)
def test_what_is_no_expression_says_why(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        cron.expression(expression)
