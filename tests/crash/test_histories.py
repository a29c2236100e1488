"""A thousand of the soak's histories, and the proof that its comparison would notice."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench import histories
from bench.histories import Histories
from tests.store.rules import FixedRules


async def test_seeded_histories_give_what_an_independent_walk_says(tmp_path: Path) -> None:
    found = Histories()
    await histories.run("tests", 1000, 60, tmp_path, found)
    assert (found.tried, found.lost, found.doubled, found.examples) == (1000, 0, 0, [])
    assert found.grants > 1000


@pytest.mark.parametrize(("threshold", "wrong"), [(1001, "lost"), (999, "doubled")])
async def test_a_threshold_that_is_off_by_one_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: int, wrong: str
) -> None:
    off = FixedRules((replace(histories.ONCE, threshold=threshold), histories.LADDER, histories.EVERY))
    monkeypatch.setattr(histories, "RULES", off)
    found = Histories()
    await histories.run("tests", 200, 60, tmp_path, found)
    assert getattr(found, wrong) > 0
    assert found.examples
