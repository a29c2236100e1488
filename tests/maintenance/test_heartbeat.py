"""A sign of life, and what follows when one is missing or when the clock itself is set: beat by beat, without waiting."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from milestones import config
from milestones.app.build import open_runtime
from milestones.app.daemon import Daemon
from milestones.app.runtime import Runtime
from milestones.errors import StoreBusyError
from milestones.maintenance import heartbeat as service
from milestones.maintenance.heartbeat import Heart, keep_beating
from milestones.maintenance.retention import forget_due
from milestones.pipeline import observe
from milestones.store import scans
from milestones.store.database import heartbeat
from milestones.store.database.statements import table_of
from milestones.store.outbox import schedule
from milestones.store.tables import Action
from tests.builders import an_observation
from tests.shop import write_config

EVERY = timedelta(hours=1)
"""scan.every, since the configuration does not say another."""


@dataclass
class Clock:
    """Stands until it is set."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Life:
    """A daemon whose heart beats as often as a test has steps; between two beats, a step is made."""

    runtime: Runtime
    path: Path
    clock: Clock
    rescheduled: int = 0
    held_when_rescheduled: bool = False
    reconciled: int = 0

    @property
    def now(self) -> datetime:
        return self.clock.now

    async def beats(self, *steps: Callable[[], None]) -> list[str]:
        """Returns the events of the log."""
        stop, left = asyncio.Event(), list(steps)

        async def pause(_seconds: float, stop: asyncio.Event) -> None:
            if left:
                left.pop(0)()
            else:
                stop.set()

        async def reschedule() -> None:
            self.rescheduled += 1
            self.held_when_rescheduled = await self.held() is not None

        async def reconcile() -> list[str]:
            self.reconciled += 1
            return []

        with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
            patch.setattr(service, "pause", pause)
            heart = Heart(
                store=self.runtime.store,
                clock=self.clock,
                check=self.runtime.check_continuity,
                reschedule=reschedule,
                reconcile=reconcile,
            )
            await keep_beating(heart, stop)
        return [line["event"] for line in logs]

    def set_by(self, **span: float) -> Callable[[], None]:
        """The step that sets the clock by so much."""

        def step() -> None:
            self.clock.now += timedelta(**span)

        return step

    async def held(self) -> str | None:
        async with self.runtime.store.read() as tx:
            return await heartbeat.get_hold(tx)

    async def forget(self) -> dict[str, int]:
        runtime = self.runtime
        return await forget_due(
            runtime.store, runtime.rules, runtime.settings.retention, self.now, lambda: False
        )

    async def due_at(self, moment: datetime | None = None) -> datetime:
        """When the only action is due; first sets it, if a moment is told."""
        actions = table_of(Action)
        if moment is not None:
            async with self.runtime.store.write() as tx:
                await tx.execute(update(actions).values(available_at=moment))
        async with self.runtime.store.read() as tx:
            found: datetime = (await tx.execute(select(actions.c.available_at))).scalar_one()
        return found


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    """One coupon is due, and nobody makes it."""
    path = write_config(tmp_path / "shop")
    path.write_text(f"{path.read_text()}\n[sandbox]\nport = 0\ncustomers = 3\n")
    with capture_logs():
        clock = Clock()
        async with open_runtime(config.load(path, {}), clock=clock) as runtime:
            found = Life(runtime, path, clock)
            (site_id,) = runtime.site_ids
            for revision, balance in enumerate((10, 600), start=1):
                seen = an_observation(balance, revision, told_at=found.now)
                await observe.observe(runtime.store, runtime.rules, site_id, [seen], found.now)
            yield found


@pytest.mark.parametrize(
    ("hours", "held"),
    [
        (2, False),
        (-2, False),
        (-8, False),
        # Nothing tells it from a machine that was put back to a snapshot and hears the time.
        (8, True),
    ],
)
async def test_a_clock_that_was_set_has_the_timetable_made_anew_once(
    life: Life, hours: int, held: bool
) -> None:
    events = await life.beats(life.set_by(hours=hours), life.set_by(minutes=0), life.set_by(minutes=0))
    assert events.count("clock_jumped") == life.rescheduled == 1
    assert (await life.held() is not None, life.reconciled) == (held, int(held))
    # Rescheduling wakes the drains.
    assert life.held_when_rescheduled is held


async def test_a_clock_that_goes_on_is_left_alone(life: Life) -> None:
    assert await life.beats(*[life.set_by(seconds=30)] * 2) == []
    assert (life.rescheduled, await life.held()) == (0, None)


async def test_what_was_due_is_due_when_the_clock_is_set_back(life: Life) -> None:
    due = await life.due_at(life.now - timedelta(minutes=5))
    await life.beats(life.set_by(hours=-2))
    assert await life.due_at() == life.now < due


async def test_what_was_not_due_yet_keeps_its_time_when_the_clock_is_set_back(life: Life) -> None:
    later = await life.due_at(life.now + timedelta(hours=1))
    await life.beats(life.set_by(hours=-2))
    assert await life.due_at() == later


async def test_what_comes_due_by_a_clock_set_forward_keeps_its_time(life: Life) -> None:
    soon = await life.due_at(life.now + timedelta(hours=1))
    await life.beats(life.set_by(hours=2))
    assert await life.due_at() == soon < life.now


async def test_a_jump_is_followed_even_when_the_database_was_busy_at_first(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> int:
        raise StoreBusyError("The database is locked.")

    def jump_while_busy() -> None:
        life.set_by(hours=-2)()
        monkeypatch.setattr(schedule, "follow_clock", busy)

    await life.due_at(life.now - timedelta(minutes=5))
    await life.beats(jump_while_busy, monkeypatch.undo)
    assert life.rescheduled == 1
    assert await life.due_at() == life.now


async def test_by_a_clock_set_years_ahead_nothing_is_forgotten_before_a_person_resumes(life: Life) -> None:
    life.set_by(days=1000)()
    await life.runtime.check_continuity()
    assert await life.forget() == {}
    async with life.runtime.store.write() as tx:
        await heartbeat.resume(tx, life.now, rewound=False)
    assert (await life.forget())["observations"] == 1


@pytest.mark.parametrize("hours", [3, -3])
async def test_scans_are_due_by_the_clock_as_it_is(life: Life, hours: int) -> None:
    (site_id,) = life.runtime.site_ids
    async with life.runtime.store.write() as tx:
        for kind in ("reached", "near"):
            await scans.finish(tx, await scans.start(tx, site_id, kind, life.now), 0, life.now)
    running = Daemon(life.runtime, lambda: config.load(life.path, {}))
    await running.scanning.reschedule()
    assert due_times(running) == [life.now + EVERY] * 2
    life.clock.now += timedelta(hours=hours)
    await running.scanning.reschedule()
    assert due_times(running) == [life.now] * 2


def due_times(running: Daemon) -> list[datetime]:
    """When the hourly scans are due."""
    return [
        job.next_run_time for job in running.scanning.timetable._scheduler.get_jobs() if "sweep" not in job.id
    ]
