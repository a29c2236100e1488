"""Time as tables: missed slots, clocks that jump, and nights on which clocks are changed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from milestones.errors import MilestonesError
from milestones.scans.run import Kind, ScanWork, SiteNotActiveError
from milestones.scans.runner import ScanRunner
from milestones.scans.schedule import Every, Timetable, first_run, trigger
from milestones.store.tables import Scan
from tests.process import until

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "last", "now", "first"),
    [
        (HOUR, None, "2026-11-20T09:00", "2026-11-20T09:00"),  # never ran: now
        (HOUR, "2026-11-20T08:30", "2026-11-20T09:00", "2026-11-20T09:30"),  # not yet due
        (HOUR, "2026-11-20T08:00", "2026-11-20T09:00", "2026-11-20T09:00"),
        (HOUR, "2026-11-17T08:00", "2026-11-20T09:00", "2026-11-20T09:00"),  # 73 slots missed: once
        (HOUR, "2026-11-20T12:00", "2026-11-20T09:00", "2026-11-20T09:00"),  # the clock was set back
        # 9:00 in Berlin is 8:00 UTC in winter and 7:00 UTC in summer.
        ("0 9 * * *", "2026-11-20T08:00", "2026-11-20T10:00", "2026-11-21T08:00"),
        ("0 9 * * *", "2026-11-18T08:00", "2026-11-20T10:00", "2026-11-20T10:00"),  # two missed: once
        ("0 9 * * *", "2026-03-28T08:00", "2026-03-28T09:00", "2026-03-29T07:00"),  # clocks go forward
        ("0 9 * * *", "2026-10-24T07:00", "2026-10-24T09:00", "2026-10-25T08:00"),  # clocks go back
        ("30 2 * * *", "2026-03-28T01:30", "2026-03-28T09:00", "2026-03-29T01:30"),  # 2:30 does not exist
        ("30 2 * * *", "2026-10-24T00:30", "2026-10-24T09:00", "2026-10-25T00:30"),  # 2:30 comes twice
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-25T00:40", "2026-10-26T01:30"),  # and is served once
        ("30 * * * *", "2026-10-25T00:30", "2026-10-25T00:40", "2026-10-25T01:30"),  # what is hourly stays so
        (
            "0 0 * * *",
            "2027-03-27T23:00",
            "2027-03-28T00:00",
            "2027-03-28T22:00",
        ),  # the first hour of the next day
    ],
)
def test_what_was_missed_is_made_up_for_once(every: Every, last: str | None, now: str, first: str) -> None:
    assert first_run(every, BERLIN, at(last) if last else None, at(now)) == at(first)


@pytest.mark.parametrize(
    ("every", "first", "then"),
    [
        # Through the night of 29 March, in which 2:00-3:00 does not exist in Berlin,
        ("30 2 * * *", "2026-03-28T01:30", ["2026-03-29T01:30", "2026-03-30T00:30"]),
        ("0 0 * * *", "2026-03-28T23:00", ["2026-03-29T22:00", "2026-03-30T22:00"]),
        ("0 9 * * *", "2026-03-28T08:00", ["2026-03-29T07:00", "2026-03-30T07:00"]),
        ("30 * * * *", "2026-03-29T00:30", ["2026-03-29T01:30", "2026-03-29T02:30"]),
        (HOUR, "2026-03-29T00:30", ["2026-03-29T01:30", "2026-03-29T02:30"]),
        # and through that of 25 October, in which it comes twice.
        ("30 2 * * *", "2026-10-24T00:30", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("0 9 * * *", "2026-10-24T07:00", ["2026-10-25T08:00", "2026-10-26T08:00"]),
        ("30 * * * *", "2026-10-25T00:30", ["2026-10-25T01:30", "2026-10-25T02:30"]),
        (HOUR, "2026-10-25T00:30", ["2026-10-25T01:30", "2026-10-25T02:30"]),
    ],
)
def test_a_schedule_goes_on_through_the_nights_on_which_clocks_are_changed(
    every: Every, first: str, then: list[str]
) -> None:
    schedule, last, ran = trigger(every, BERLIN, at(first)), at(first), [at(first)]
    for _ in then:
        last = schedule.get_next_fire_time(last, ran[-1] + timedelta(milliseconds=1))
        ran.append(last.astimezone(UTC))
    assert ran[1:] == [at(text) for text in then]


async def test_a_job_only_asks_and_a_late_one_asks_once() -> None:
    asked: list[tuple[str, Kind]] = []
    table = Timetable(lambda site, kind: asked.append((site, kind)), timedelta(days=1))
    table.start()
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    table.add("site", Kind.NEAR, HOUR, BERLIN, long_ago)
    await eventually(lambda: bool(asked))
    table.stop()
    assert asked == [("site", Kind.NEAR)]


async def test_a_late_job_past_its_grace_waits_for_its_next_slot() -> None:
    asked: list[Kind] = []
    table = Timetable(lambda _site, kind: asked.append(kind), timedelta(minutes=1))
    table.start()
    table.add("site", Kind.SWEEP, timedelta(days=1), BERLIN, datetime.now(UTC) - timedelta(hours=5))
    table.add("site", Kind.NEAR, HOUR, BERLIN, datetime.now(UTC))
    await eventually(lambda: bool(asked))
    table.stop()
    assert asked == [Kind.NEAR]


async def eventually(true: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return true()

    await until(holds, "what was asked for", seconds=10)


class Runs:
    """A runner whose scans do what a test says, in place of reading Wix."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[tuple[str, Kind]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.error: Exception | None = None
        self.outcomes: list[tuple[str, str]] = []
        monkeypatch.setattr("milestones.scans.runner.run", self._run)
        self.runner = ScanRunner(self._work, lambda kind, outcome: self.outcomes.append((kind, outcome)))

    def _work(self, site_id: str) -> ScanWork:
        return site_id  # type: ignore[return-value]

    async def _run(self, site: str, kind: Kind) -> Scan:
        self.begun.append((site, kind))
        if site in self.gates:
            await self.gates[site].wait()
        if self.error is not None:
            raise self.error
        return Scan(site_id=site, kind=kind, counts={}, started_at=datetime.now(UTC))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


async def test_one_scan_of_a_site_at_a_time_in_their_order_and_an_order_is_not_doubled(runs: Runs) -> None:
    runs.gates["a"] = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(runs.runner.run())
        for kind in (Kind.SWEEP, Kind.NEAR, Kind.BASELINE, Kind.NEAR):
            runs.runner.ask("a", kind)
        runs.runner.ask("b", Kind.NEAR)
        await eventually(lambda: len(runs.begun) == 2)
        # A scan that outlasts its interval is asked for again meanwhile, and runs once more, after it.
        for _ in range(3):
            runs.runner.ask("a", Kind.BASELINE)
        runs.gates["a"].set()
        await eventually(lambda: len(runs.begun) == 5)
        runs.runner.stop()
    assert [kind for site, kind in runs.begun if site == "a"] == [
        Kind.BASELINE,
        Kind.BASELINE,
        Kind.NEAR,
        Kind.SWEEP,
    ]


@pytest.mark.parametrize(
    ("error", "outcome"), [(MilestonesError("no"), "stopped"), (KeyError("x"), "crashed")]
)
async def test_a_scan_that_fails_ends_neither_the_runner_nor_whoever_waits(
    runs: Runs, error: Exception, outcome: str
) -> None:
    runs.error = error
    async with asyncio.TaskGroup() as group:
        group.create_task(runs.runner.run())
        with pytest.raises(type(error)):
            await runs.runner.do("a", Kind.NEAR)
        runs.error = None
        assert (await runs.runner.do("a", Kind.NEAR)).kind == Kind.NEAR
        runs.runner.stop()
    assert runs.outcomes == [("near", outcome), ("near", "finished")]


async def test_a_site_whose_app_was_removed_is_left_out_and_not_tried_again(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milestones.scans.runner.RETRY", 0.0)
    runs.error = SiteNotActiveError("removed")
    async with asyncio.TaskGroup() as group:
        group.create_task(runs.runner.run())
        with pytest.raises(SiteNotActiveError):
            await runs.runner.do("a", Kind.NEAR)
        runs.error = None
        await runs.runner.do("b", Kind.NEAR)
        runs.runner.stop()
    assert runs.begun == [("a", Kind.NEAR), ("b", Kind.NEAR)]


async def test_who_waits_when_the_daemon_stops_is_told(runs: Runs) -> None:
    waiting = asyncio.create_task(runs.runner.do("a", Kind.NEAR))
    await asyncio.sleep(0)
    runs.runner.stop()
    with pytest.raises(MilestonesError, match="stopping"):
        await waiting


async def test_who_asks_when_the_daemon_has_stopped_is_told_and_does_not_wait_for_ever(runs: Runs) -> None:
    runs.runner.stop()
    with pytest.raises(MilestonesError, match="stopping"):
        await runs.runner.do("a", Kind.NEAR)
