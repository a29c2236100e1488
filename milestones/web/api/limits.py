"""How often somebody may call: a budget for each, which refills evenly within a minute.

It is counted in this process. Behind a load balancer each replica has its own.
"""

import math
from dataclasses import dataclass

MINUTE = 60.0
"""Seconds in which an empty budget is full again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of a budget. wait: seconds until one call more is allowed, 0 where it was. full: until it is whole."""

    quota: int
    left: int
    wait: float
    full: float

    @property
    def allowed(self) -> bool:
        """Whether the call was within the budget."""
        return self.wait <= 0

    def headers(self) -> dict[str, str]:
        """As the IETF's draft on RateLimit header fields has them; with Retry-After where it was not allowed."""
        told = {
            "ratelimit-policy": f'"token";q={self.quota};w={MINUTE:.0f}',
            "ratelimit": f'"token";r={self.left};t={math.ceil(self.full)}',
        }
        return told if self.allowed else {**told, "retry-after": str(max(1, math.ceil(self.wait)))}


class Budgets:
    """The budgets of all who call. ``now`` is a clock that never goes back, in seconds."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, whose: str, quota: int, now: float) -> Standing:
        """Take one call from a budget of so many in a minute, if it is there."""
        left, at = self._left.get(whose, (float(quota), now))
        left = min(float(quota), left + (now - at) * quota / MINUTE)
        allowed = left >= 1
        if allowed:
            left -= 1
        if whose not in self._left and len(self._left) >= self._most:
            # Full ones say nothing; whoever is left out begins with a full one.
            self._left = {name: kept for name, kept in self._left.items() if now - kept[1] < MINUTE}
        self._left[whose] = (left, now)
        wait = 0.0 if allowed else (1 - left) * MINUTE / quota
        return Standing(quota, int(left), wait, (quota - left) * MINUTE / quota)
