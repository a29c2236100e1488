"""When to try again: a value, not a loop. Backoff with full jitter; the random number is an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """first: the ceiling of the first delay; it doubles with each attempt up to ``longest``.

    attempts: so many that whoever is down for a day, Wix or a receiver or a mailbox, finds everything still there.
    """

    attempts: int = 40
    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=2)

    def ceiling(self, attempt: int) -> timedelta:
        """The longest delay after ``attempt`` failures (1 and up), before jitter."""
        # The exponent is bounded first: 2 ** attempt of a long-lived row must not overflow a timedelta.
        return min(self.longest, self.first * int(2 ** min(attempt - 1, 20)))

    def next(
        self, attempt: int, now: datetime, random: float, retry_at: datetime | None = None
    ) -> datetime | None:
        """The time (UTC) of the next attempt, or None when there is none.

        random: uniform in [0, 1).
        retry_at: a time that the other side named; never earlier than that.
        """
        if attempt >= self.attempts:
            return None
        moment = now + self.ceiling(attempt) * random
        return max(moment, retry_at) if retry_at is not None else moment
