"""No failure point without a name, and none without a case in ``test_every_step`` or ``tests/sync/test_killed``."""

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
    assert {re.split("[:@]", case)[0] for case in (*CROSSING, *DOUBT, *ORDER, *SCAN, *SYNC)} == set(
        failpoints.NAMES
    )
