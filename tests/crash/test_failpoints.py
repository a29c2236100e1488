"""No failure point without a name, and none without a case in ``test_every_step`` or ``test_two_programs``."""

import re

from milestones import failpoints
from tests.crash.points import CROSSING, DOUBT, ORDER, SCAN, SYNC
from tests.programs import ROOT


def test_every_failure_point_of_the_code_is_named_and_the_reverse() -> None:
    reached = set()
    for path in (ROOT / "milestones").rglob("*.py"):
        reached |= set(re.findall(r'\breach\("([^"]+)"[,)]', path.read_text()))
    assert reached == set(failpoints.NAMES)
    assert len(failpoints.NAMES) == len(reached)


def test_every_failure_point_has_a_case_that_kills_the_process_there() -> None:
    cases = (*CROSSING, *DOUBT, *ORDER, *SCAN, *SYNC)
    places = {place for case in cases for place in case.split(",")}
    assert {re.split("[:@]", place)[0] for place in places} == set(failpoints.NAMES)
