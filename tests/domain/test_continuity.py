from datetime import timedelta

import pytest

from milestones.domain.continuity import Beat, ClockWatch, find_break
from tests.builders import NOW

GAP = timedelta(hours=6)
LAST = Beat(NOW - timedelta(minutes=1), machine="shop", place="/srv/milestones.db")


def test_a_new_database_and_one_that_goes_on_beating_are_whole() -> None:
    now = Beat(NOW, LAST.machine, LAST.place)
    assert find_break(None, now, GAP, same_machine=True) is None
    assert find_break(LAST, now, GAP, same_machine=True) is None


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (Beat(NOW, "laptop", LAST.place), "last used on another machine"),
        (Beat(NOW, LAST.machine, "/tmp/copy.db"), "last used at another place"),
    ],
)
def test_another_machine_or_place_may_be_a_copy_unless_that_is_by_design(now: Beat, says: str) -> None:
    sentence = find_break(LAST, now, GAP, same_machine=True)
    assert sentence is not None
    assert says in sentence
    assert find_break(LAST, now, GAP, same_machine=False) is None


@pytest.mark.parametrize("same_machine", [True, False])
@pytest.mark.parametrize(("hours", "whole"), [(6, True), (6.5, False), (-1, True)])
def test_a_silence_longer_than_the_gap_may_be_an_old_backup(
    hours: float, whole: bool, same_machine: bool
) -> None:
    last = Beat(NOW - timedelta(hours=hours), LAST.machine, LAST.place)
    sentence = find_break(last, Beat(NOW, LAST.machine, LAST.place), GAP, same_machine=same_machine)
    assert (sentence is None) is whole
    assert sentence is None or "6.5 hours old" in sentence


@pytest.mark.parametrize(
    ("wall_seconds", "steady_seconds", "jump"),
    [
        (10, 10, None),
        (70, 10, None),  # 60 s gained: a minute is not called a jump
        (71, 10, 61),
        (-3600, 0, -3600),  # set back by an hour
        (3600, 3600, None),  # an hour without a look
    ],
)
def test_a_clock_that_was_set_is_told_from_one_that_went_on(
    wall_seconds: int, steady_seconds: float, jump: int | None
) -> None:
    watch = ClockWatch(NOW, 100.0)
    wall, steady = NOW + timedelta(seconds=wall_seconds), 100.0 + steady_seconds
    assert watch.jump(wall, steady) == (None if jump is None else timedelta(seconds=jump))
    # It is told once.
    assert watch.jump(wall, steady) is None


@pytest.mark.parametrize(("minutes", "whole"), [(-1, True), (0, True), (1, False)])
def test_a_database_that_is_older_than_what_its_folder_remembers_was_put_back(
    minutes: float, whole: bool
) -> None:
    now = Beat(NOW, LAST.machine, LAST.place)
    witnessed = LAST.at + timedelta(minutes=minutes)
    sentence = find_break(LAST, now, GAP, same_machine=False, witnessed=witnessed)
    assert (sentence is None) is whole
    assert sentence is None or "a backup that was put back" in sentence
    assert find_break(None, now, GAP, same_machine=False, witnessed=witnessed) is None
