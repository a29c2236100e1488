"""Named places at which a test may kill the process, to prove that nothing is lost or doubled there.

``MILESTONES_FAILPOINT`` in the environment arms one: ``name``, ``name:3`` (the third time), ``name@email`` (with an
action of this kind), ``name,other`` (the first ``other`` after ``name``), ``name stop`` (freezes the process instead), or
``@FILE``, a file with such a line that is looked at each time, so that a process which is running already can be armed
too. Without the variable ``reach`` is a function with nothing in it. Never set it outside of tests.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_VARIABLE = "MILESTONES_FAILPOINT"


class Reach(Protocol):
    """Told at each place that it was reached. kind: of the action that this is about, where it is about one."""

    def __call__(self, name: str, kind: str = "", /) -> None:
        """Returns, or not."""


def _nothing(name: str, kind: str = "") -> None:
    """Go on."""


def _killer(armed: Callable[[], str]) -> Reach:
    order = ""
    ahead: list[str] = []

    def reach(name: str, kind: str = "") -> None:
        nonlocal order, ahead
        standing = armed()
        places, _, freeze = standing.partition(" ")
        if standing != order:
            order, ahead = standing, _list_steps(places)
        if ahead and ahead[0] in {name, f"{name}@{kind}"}:
            del ahead[0]
            if not ahead:
                os.kill(os.getpid(), signal.SIGSTOP if freeze else signal.SIGKILL)

    return reach


def _list_steps(places: str) -> list[str]:
    """What must be reached, one after the other."""
    steps = []
    for place in places.split(","):
        name, _, times = place.partition(":")
        steps += [name] * int(times or 1)
    return steps


def _order() -> str:
    """What is armed now."""
    armed = os.environ.get(_VARIABLE, "")
    if not armed.startswith("@"):
        return armed
    file = Path(armed.removeprefix("@"))
    return file.read_text().strip() if file.is_file() else ""


reach: Reach = _killer(_order) if os.environ.get(_VARIABLE) else _nothing

NAMES = (
    # every transaction that writes
    "store.before_begin",
    "store.before_commit",
    "store.committed",
    # every exchange with Wix, those for tokens included
    "wix.before_call",
    "wix.answered",
    # and with another program
    "external.before_call",
    "external.answered",
    # what is heard and read
    "hear.before_commit",
    "hear.committed",
    "observe.before_commit",
    "observe.committed",
    "remind.before_commit",
    "remind.committed",
    "order.before_commit",
    "order.committed",
    "sync.before_commit",
    "sync.committed",
    "scan.begun",
    "scan.page_recorded",
    "scan.before_finish",
    "scan.finished",
    # what is done
    "drain.before_begin",
    "drain.begun",
    "drain.before_claim",
    "drain.claimed",
    "drain.gated",
    "drain.before_put_back",
    "drain.put_back",
    "drain.before_acting",
    "drain.acting",
    "drain.effect_done",
    "drain.before_settle",
    "drain.settled",
    "mail.before_hand_over",
    "mail.handed_over",
    "webhook.before_post",
    "webhook.posted",
)
"""Every failure point, for the test that enumerates them."""
