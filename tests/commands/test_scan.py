"""Scans by command, on the simulated Wix."""

from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import pytest

from milestones.commands.models.scan import DryRun, ScanReport
from milestones.commands.models.scan import Scan as ScanCommand
from milestones.commands.scan import dry_run, scan
from milestones.errors import UsageError
from milestones.outbox.flights import Flights
from milestones.scans.run import Kind, ScanWork, run
from milestones.store.database.store import Store
from milestones.store.tables import Account, Action, Reminder, Scan, Trace
from milestones.sync.work import SyncWork
from milestones.wix.pacing import SlidingWindowPacer
from tests.scans.conftest import Ground, ground
from tests.shop import Shop
from tests.store.rules import FixedRules

__all__ = ["ground"]


@dataclass
class OnGround:
    """A host for commands on the ground of the scans' tests."""

    ground: Ground
    settings: Any = None

    @property
    def runtime(self) -> "OnGround":
        return self

    @property
    def store(self) -> Store:
        return self.ground.store

    @property
    def rules(self) -> FixedRules:
        return self.ground.rules

    @property
    def flights(self) -> Flights:
        return Flights()

    @property
    def works(self) -> bool:
        return False

    @property
    def stopping(self) -> bool:
        return False

    def clock(self) -> Any:
        return self.ground.now

    def tell(self, _outcome: object) -> None:
        pass

    def scan_work(self, _site_id: str, /) -> ScanWork:
        return self.ground.work()

    def sync_work(self, _site_id: str, _program: str, /) -> SyncWork:
        raise NotImplementedError

    async def scan(self, _site_id: str, kind: Kind, /) -> Scan:
        return await run(self.ground.work(), kind)

    def mistyped_callbacks(self) -> int:
        return 0

    async def reload(self) -> str:
        raise NotImplementedError


async def test_a_dry_run_names_whom_a_scan_would_remind_and_leaves_no_trace(ground: Ground) -> None:
    told: list[ScanReport] = []
    (found,) = (await dry_run(OnGround(ground), DryRun(), told.append)).sites
    expected = ground.near_and_subscribed()
    assert found.verdicts["near"].count == len(expected)
    examples = found.verdicts["near"].examples
    assert {example.account for example in examples} <= expected
    assert len(examples) == min(len(expected), 20)
    assert all(example.value + example.missing == 1000 for example in examples)
    assert found.read == sum(kept.count for kept in found.verdicts.values())
    assert told[-1].read == found.read
    for table in (Account, Action, Reminder, Scan, Trace):
        assert await ground.rows(table) == []


async def test_whoever_waits_for_a_dry_run_does_not_queue_behind_what_the_daemon_asks(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacer = SlidingWindowPacer(200, 100, sleep=AsyncMock(side_effect=AssertionError("it queued")))
    for _ in range(100):
        await pacer.acquire()
    monkeypatch.setattr(ground.client, "_pacer", pacer)
    (found,) = (await dry_run(OnGround(ground), DryRun(), lambda _report: None)).sites
    assert found.read > 0


async def test_a_scan_by_order_records_the_same(ground: Ground) -> None:
    expected = ground.near_and_subscribed()
    found = (await scan(OnGround(ground), ScanCommand(), lambda _report: None)).scans
    assert [(one.kind, one.state) for one in found] == [("reached", "finished"), ("near", "finished")]
    assert found[1].counts["near"] == len(expected)
    assert {row["account_id"] for row in await ground.rows(Reminder)} == expected
    (again,) = (await dry_run(OnGround(ground), DryRun(), lambda _report: None)).sites
    assert again.verdicts["too_soon"].count == len(expected)


async def test_a_site_is_named_by_its_name_or_id(small_shop: Shop) -> None:
    for named in ("the corner shop", "The Corner Shop"):
        found = (await scan(small_shop, ScanCommand(site=named), lambda _report: None)).scans
        assert [one.site for one in found] == ["The Corner Shop", "The Corner Shop"]
    with pytest.raises(UsageError, match="There is no site 'elsewhere'"):
        await scan(small_shop, ScanCommand(site="elsewhere"), lambda _report: None)
