"""When scans are due. APScheduler only keeps the time: its jobs put an order down and return at once, since its
``shutdown`` would cancel whatever they still did.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from milestones.domain import cron
from milestones.scans.run import Kind

Every = timedelta | str
"""An interval, or a cron expression in the site's own time (``domain.cron``)."""

_INSTANT = timedelta(microseconds=1)


class CronTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler ships no types
    """A cron expression for APScheduler, whose own adds up local time and loses nights on which clocks are changed."""

    def __init__(self, expression: str, timezone: ZoneInfo) -> None:
        self._cron = cron.parse(expression)
        self._timezone = timezone

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """The first slot behind the previous one; without one, or where the clock was set back, from now on."""
        after = previous if previous is not None and previous <= now else now - _INSTANT
        return self._cron.next_after(after, self._timezone)


def trigger(every: Every, timezone: ZoneInfo, first: datetime) -> BaseTrigger:
    """The trigger of a schedule. An interval starts at ``first``."""
    if isinstance(every, str):
        return CronTrigger(every, timezone)
    return IntervalTrigger(seconds=int(every.total_seconds()), start_date=first, timezone=UTC)


def first_run(every: Every, timezone: ZoneInfo, last: datetime | None, now: datetime) -> datetime:
    """When a scan that last began at ``last`` is due: now if any number of slots were missed, and once only."""
    if last is None or last > now:
        return now
    if isinstance(every, timedelta):
        return max(now, last + every)
    return max(now, cron.parse(every).next_after(last, timezone))


class Timetable:
    """The schedules of all sites, in memory; made anew from the configuration at every start and reload."""

    def __init__(self, ask: Callable[[str, Kind], None], grace: timedelta) -> None:
        self._ask = ask
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": int(grace.total_seconds()),
            },
        )

    def start(self) -> None:
        """Begin to keep time. Needs a running loop."""
        self._scheduler.start()

    def add(self, site_id: str, kind: Kind, every: Every, timezone: ZoneInfo, first: datetime) -> None:
        """Ask for a scan at ``first`` and then by its schedule. Replaces an older schedule of the same."""
        self._scheduler.add_job(
            self._ask,
            trigger(every, timezone, first),
            args=(site_id, kind),
            id=f"{site_id}/{kind}",
            replace_existing=True,
            next_run_time=first,
        )

    def clear(self) -> None:
        """Forget every schedule."""
        self._scheduler.remove_all_jobs()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._scheduler.shutdown(wait=False)
