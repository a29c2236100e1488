"""A channel that failed as a whole rests: nothing is begun over it until its rest is over."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from milestones.domain.actions import Kind
from milestones.errors import ChannelError

REST = timedelta(seconds=30)
"""How long a channel rests after a fault that is of the channel and not of one action."""


@dataclass(slots=True)
class Rests:
    """Which channels of one site rest, since when and until when."""

    _spans: dict[Kind, tuple[datetime, datetime]] = field(default_factory=dict)

    def begin(self, kind: Kind, error: ChannelError, now: datetime) -> datetime:
        """Let a channel rest; returns until when."""
        until = max(now + REST, error.retry_at or now)
        self._spans[kind] = now, until
        return until

    def covers(self, kind: Kind, now: datetime) -> bool:
        """Whether a channel rests. A rest that begins later than now is over: the clock was set back."""
        since, until = self._spans.get(kind, (now, now))
        if since <= now < until:
            return True
        self._spans.pop(kind, None)
        return False

    def ends(self) -> list[datetime]:
        """When the rests are over."""
        return [until for _, until in self._spans.values()]
