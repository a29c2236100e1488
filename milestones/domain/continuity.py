"""Is this the database that was here a minute ago? A copy or an old backup would repeat what was done since."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life that the database keeps.

    machine: names the machine that wrote it. place: the database's own path, or the server's identity and timeline.
    """

    at: datetime
    machine: str
    place: str


def find_break(
    last: Beat | None,
    now: Beat,
    gap: timedelta,
    *,
    same_machine: bool,
    witnessed: datetime | None = None,
) -> str | None:
    """A sentence on why this may be no continuation of the last beat, or None if it is one.

    same_machine: whether machine and place must be those of the last beat; containers change both by design.
    witnessed: the time of the last beat as something beside the database remembers it, if it does.
    """
    if last is None:
        return None
    if witnessed is not None and last.at < witnessed:
        return (
            "The database is older than what was last done with it: it is a backup that was put back, and what "
            "was done since is not in it."
        )
    if same_machine and last.machine != now.machine:
        return "The database was last used on another machine: it may be a copy, and the original may be running."
    if same_machine and last.place != now.place:
        return (
            "The database was last used at another place: it may be a copy, and the original may be running."
        )
    if now.at - last.at > gap:
        hours = (now.at - last.at).total_seconds() / 3600
        return f"The last sign of life is {hours:.1f} hours old: the machine slept, or this is an old backup."
    return None


JUMP = timedelta(minutes=1)
"""What the wall clock may gain or lose between two looks without being called a jump; NTP slews far less."""


@dataclass(slots=True)
class ClockWatch:
    """Compares the wall clock with one that only goes forward.

    wall: the time at the last look, UTC. steady: seconds of a monotonic clock then.
    """

    wall: datetime
    steady: float

    def jump(self, wall: datetime, steady: float) -> timedelta | None:
        """How far the wall clock was set since the last look, or None when it just went on."""
        passed = timedelta(seconds=steady - self.steady)
        jump = wall - self.wall - passed
        self.wall, self.steady = wall, steady
        return jump if abs(jump) > JUMP else None
