"""No failure point without a name, and none at which nobody is killed."""

import re

from milestones import failpoints
from tests.crash.points import CROSSING, DOUBT, SCAN
from tests.process import ROOT


def test_every_failure_point_of_the_code_is_named_and_the_reverse() -> None:
    reached = set()
    for path in (ROOT / "milestones").rglob("*.py"):
        reached |= set(re.findall(r'\breach\("([^"]+)"\)', path.read_text()))
    assert reached == set(failpoints.NAMES)
    assert len(failpoints.NAMES) == len(reached)


def test_the_process_is_killed_at_every_one_of_them() -> None:
    assert {case.partition(":")[0] for case in (*CROSSING, *DOUBT, *SCAN)} == set(failpoints.NAMES)
