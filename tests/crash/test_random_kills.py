"""Kills at random, under load, while answers are lost and events come doubled and out of order."""

from pathlib import Path

import pytest

from tests.crash.forked import ForkedDaemon
from tests.crash.storm import storm

KILLS = 8


@pytest.mark.slow
@pytest.mark.xdist_group("crash")
@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_or_doubled_however_often_the_process_dies(tmp_path: Path, seed: int) -> None:
    async with storm(tmp_path, seed, 60, scale=900.0, daemon=ForkedDaemon) as raging:
        await raging.rage(6.0, KILLS)
        await raging.settle(60.0)
        tally = await raging.tally()
    assert tally.clean, tally
    assert tally.grants > 10, "the shop was busy"
