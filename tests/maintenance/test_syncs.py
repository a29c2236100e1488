"""Turns with other programs: when they begin and end, whatever a reload brings."""

import asyncio
from dataclasses import dataclass

import pytest

from milestones.maintenance import syncs
from milestones.maintenance.syncs import Turns, keep_in_step


@dataclass
class Work:
    """What a program's turn is known by."""

    name: str
    site_id: str = "site"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[str]:
    """The programs whose turn it was; without a word nothing is looked at for an hour."""
    found: asyncio.Queue[str] = asyncio.Queue()

    async def take(work: Work) -> float:
        await found.put(work.name)
        return 3600.0

    monkeypatch.setattr(syncs, "IDLE", 3600.0)
    monkeypatch.setattr(syncs, "BURST", 0.0)
    monkeypatch.setattr(syncs, "_take", take)
    return found


async def test_a_program_that_a_reload_brings_has_its_turn_at_once_and_one_that_it_takes_away_has_none(
    taken: asyncio.Queue[str],
) -> None:
    works, stop = [Work("smile")], asyncio.Event()
    turns = Turns(lambda: works, lambda: "")  # type: ignore[arg-type,return-value]
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(keep_in_step(turns, stop))
        assert await taken.get() == "smile"
        works[:] = [Work("yotpo")]
        turns.renew()
        assert await taken.get() == "yotpo"
        works[:] = [Work("smile")]
        turns.renew()
        assert await taken.get() == "smile"
        stop.set()
    assert taken.empty()
