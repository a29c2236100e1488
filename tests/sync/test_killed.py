"""The process dies at a step of keeping two programs in step, and each change is counted once all the same."""

import re
from pathlib import Path

import pytest

from milestones.external import answers
from milestones.sync import agree
from tests.crash.points import SYNC
from tests.crash.test_lost_answers import DiedError
from tests.sync.rig import a_path, a_rig

ADA = "account-ada"


@pytest.mark.parametrize("point", SYNC)
async def test_each_change_is_counted_once_although_the_process_died_at(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, times = re.fullmatch(r"([^:]+)(?::(\d+))?", point).groups("1")  # type: ignore[union-attr]
    left = int(times)

    def reach(reached: str, _kind: str = "", /) -> None:
        nonlocal left
        left -= reached == name
        if left == 0 and reached == name:
            raise DiedError

    async with a_rig(a_path(tmp_path)) as rig:
        await rig.link()
        rig.wix.change(ADA, 30)
        rig.world.books("smile").move("1", -12, "a reward")
        for place in (agree, answers):
            monkeypatch.setattr(place, "reach", reach)
        with pytest.raises(DiedError):
            await rig.finish()
        monkeypatch.undo()
        await rig.finish(6)
        assert (rig.here(ADA).balance, rig.there("1").balance) == (118, 118)
        assert (await rig.find_link()).number == 2
