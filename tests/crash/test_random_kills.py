"""Kills at random, under load, while answers are lost and events come doubled and out of order."""

from pathlib import Path

import pytest

from tests.crash.storm import ENOUGH_GRANTS, storm

KILLS = 8


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.timeout(500)
@pytest.mark.parametrize(
    ("database_url", "seed"),
    [("sqlite", 1), ("sqlite", 2), pytest.param("postgresql", 3, marks=pytest.mark.postgres)],
    indirect=["database_url"],
)
async def test_nothing_is_lost_or_doubled_however_often_the_process_dies(
    tmp_path: Path, database_url: str, seed: int
) -> None:
    async with storm(tmp_path, seed, 60, scale=900.0, database=database_url) as raging:
        await raging.rage(6.0, KILLS)
        await raging.settle(300.0)
        tally = await raging.tally()
    assert tally.clean, tally
    assert tally.kills >= KILLS
    assert min(tally.kills_at_failpoints, tally.faults, tally.mails) > 0, tally
    assert tally.grants >= ENOUGH_GRANTS
