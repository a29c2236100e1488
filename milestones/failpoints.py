"""Named places at which a test may kill the process, to prove that nothing is lost or doubled there.

``MILESTONES_FAILPOINT=name`` or ``name:3`` (the third time) in the environment arms one; otherwise ``reach`` is
a function with nothing in it. Never set it outside of tests.
"""

import os
import signal
from collections.abc import Callable

_ARMED = os.environ.get("MILESTONES_FAILPOINT", "")


def _nothing(name: str) -> None:
    """Go on."""


def _killer(armed: str) -> Callable[[str], None]:
    wanted, _, times = armed.partition(":")
    left = int(times or 1)

    def reach(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reach


reach: Callable[[str], None] = _killer(_ARMED) if _ARMED else _nothing

NAMES = (
    "hear.before_commit",
    "hear.committed",
    "observe.before_commit",
    "observe.committed",
    "remind.before_commit",
    "remind.committed",
    "scan.page_recorded",
    "scan.before_finish",
    "scan.finished",
    "drain.begun",
    "drain.claimed",
    "drain.gated",
    "drain.before_acting",
    "drain.acting",
    "drain.effect_done",
    "drain.before_settle",
    "drain.settled",
)
"""Every failure point, for the test that enumerates them."""
