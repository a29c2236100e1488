"""Limits that a shop sets itself: when mail may leave, how often, and how much of anything in one day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` until before ``end`` in local time, over midnight where the end is not after the start."""

    start: time
    end: time

    def ends(self, now: datetime, zone: tzinfo) -> datetime | None:
        """The moment (UTC) at which the quiet hours end that ``now`` lies in, or None when it is not quiet."""
        today = now.astimezone(zone).date()
        # The night that covers now began today or yesterday, and where clocks skip midnight perhaps tomorrow's.
        for offset in (-1, 0, 1):
            begins, ends = self._night_of(today + timedelta(days=offset), zone)
            if begins <= now < ends:
                return ends
        return None

    def _night_of(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        last_day = day if self.start < self.end else day + timedelta(days=1)
        return min(_readings(day, self.start, zone)), max(_readings(last_day, self.end, zone))


def _readings(day: date, clock: time, zone: tzinfo) -> list[datetime]:
    """The moments (UTC) that a local time may mean: one, except where the clock is changed.

    A time that comes twice has two, and one that is skipped counts from either side of the gap. The longer
    night is taken, since it is better to mail late than to wake somebody.
    """
    return [datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``times`` within any stretch of ``period``."""

    times: int
    period: timedelta

    def next_allowed(self, past: Sequence[datetime], now: datetime) -> datetime:
        """The earliest moment, now or later, at which one more is allowed.

        A past moment that lies in the future, because the clock was set back, counts as well.
        """
        if len(past) < self.times:
            return now
        return max(now, sorted(past)[-self.times] + self.period)

    def allows(self, past: Sequence[datetime], now: datetime) -> bool:
        """Whether one more is allowed now."""
        return self.next_allowed(past, now) == now


@dataclass(frozen=True, slots=True)
class Breaker:
    """Past ``max(floor, share x accounts)`` grants and reminders of one milestone within 24 hours, the rest is
    held for a person.

    share: of the accounts of the site, above 0 and at most 1.
    """

    share: float
    floor: int

    def limit(self, accounts: int) -> int:
        """The last number within a day that is let through."""
        # As it was written, not as a float is stored: 7 in 100 of 100 accounts are 7.
        return max(self.floor, int(Fraction(str(self.share)) * accounts))
