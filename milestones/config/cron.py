"""Cron expressions, read as every cron reads them; APScheduler counts the days of a week otherwise."""

import re

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBERS = re.compile(r"(?:\*|([0-7])(?:-([0-7]))?)(?:/([1-7]))?")


def expression(text: str) -> str:
    """The expression with its days of the week by name: to APScheduler 0 is Monday, and 7 is nothing.

    Raises ValueError for what is no expression of five fields.
    """
    # Imported here because most configurations hold no cron expression and every command reads one.
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415

    fields = text.split()
    if len(fields) == 5:
        *others, days = fields
        if "*" not in {others[2][0], days[0]}:
            # Every cron takes either; APScheduler would take the days that are both.
            raise ValueError("it names days of the month and days of the week; name one of them")
        fields = [*others, ",".join(map(_named, days.split(",")))]
    CronTrigger.from_crontab(" ".join(fields), timezone="UTC")
    return " ".join(fields)


def _named(days: str) -> str:
    found = _NUMBERS.fullmatch(days)
    if found is None or days == "*":
        # By name already, or not at all.
        return days
    first, last, step = found.groups()
    if first is None:
        first, last = "0", "6"
    if last is None and step is not None:
        raise ValueError(f"{days!r} in the days of the week: a step needs a range before it")
    if int(last or first) < int(first):
        raise ValueError(f"{days!r} in the days of the week: the range ends before it begins")
    return ",".join(DAYS[day % 7] for day in range(int(first), int(last or first) + 1, int(step or 1)))
