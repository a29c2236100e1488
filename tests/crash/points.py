"""Where the process is killed, and what it is doing then. ``name:3`` is the third time that it comes by, and
``name@email`` the first time with a mail.
"""

from tests.crash.house import KINDS


def _of_each_kind(name: str) -> list[str]:
    return [f"{name}@{kind}" for kind in KINDS]


CROSSING = (
    "hear.before_commit",
    "hear.committed",
    "drain.before_begin",
    "drain.begun",
    "drain.before_claim",
    "drain.claimed",
    "drain.claimed@email",
    "drain.gated",
    "drain.gated@email",
    "drain.before_acting",
    "drain.before_acting@email",
    *_of_each_kind("drain.acting"),
    *_of_each_kind("drain.effect_done"),
    *_of_each_kind("drain.before_settle"),
    *_of_each_kind("drain.settled"),
    "mail.before_hand_over",
    "mail.handed_over",
    "webhook.before_post",
    "webhook.posted",
    "wix.before_call:1",
    "wix.before_call:2",
    "wix.answered:1",
    "wix.answered:3",
    "store.before_begin:2",
    "store.before_commit:2",
    "store.committed:5",
)
DOUBT = ("drain.before_put_back", "drain.put_back")
SCAN = (
    "scan.begun",
    "scan.begun:2",
    "observe.before_commit",
    "observe.committed:2",
    "remind.before_commit",
    "remind.committed",
    "scan.page_recorded",
    "scan.page_recorded:2",
    "scan.before_finish",
    "scan.before_finish:2",
    "scan.finished",
    "scan.finished:2",
)

ORDER = (
    "order.before_commit",
    "order.committed",
    "store.before_commit",
    "store.committed",
    "drain.before_begin",
    "drain.claimed@adjust",
    "drain.gated@adjust",
    "drain.before_acting@adjust",
    "drain.acting@adjust",
    "drain.effect_done@adjust",
    "drain.before_settle@adjust",
    "drain.settled@adjust",
    "wix.before_call:1",
    "wix.answered:1",
    "wix.before_call:2",
    "wix.answered:2",
)
"""The calls are for the account and for the adjustment; the program was asked for lately."""

NEWCOMER = (
    *(
        f"drain.{step}@{kind}"
        for kind in ("contact", "account", "points")
        for step in ("before_acting", "acting", "effect_done", "before_settle", "settled")
    ),
    "observe.before_commit",
    "observe.committed",
)
"""What Wix tells of a new account is observed in its effect."""

REDEMPTION = (
    ("drain.before_acting@redemption", False),
    ("drain.acting@redemption", True),
    ("drain.before_settle@redemption", False),
    ("drain.settled@redemption", False),
    ("drain.effect_done@redemption", False),
    ("drain.before_settle@redemption:2", False),
)
"""The first to be settled is PENDING; and whether only a person can tell what became of it."""

DISCOUNT = (
    "drain.before_acting@discount",
    "drain.acting@discount",
    "drain.effect_done@discount",
    "drain.before_settle@discount",
    "drain.settled@discount",
)

SYNC = (
    "sync.before_commit",
    "sync.committed",
    "sync.committed,order.before_commit",
    "sync.committed,order.committed",
    "drain.before_acting@external",
    "drain.acting@external",
    "drain.acting@external,external.before_call",
    "drain.acting@external,external.answered",
    "drain.effect_done@external",
    "drain.before_settle@external",
    "drain.settled@external",
    "drain.settled@external,external.answered",
)
"""Between the agreement, its two orders, the adjustment there, and the look that settles it."""

FAREWELL = (
    "store.before_commit",
    "store.committed",
    "wix.before_call",
    "wix.answered",
    "store.before_commit:2",
)

SMTP = (
    ("mail.before_hand_over", False),
    ("drain.before_acting@email", False),
    ("drain.acting@email", True),
    ("mail.handed_over", True),
    ("drain.effect_done@email", True),
    ("drain.before_settle@email", True),
    ("drain.settled@email", False),
)
"""With a mail server, which cannot be asked afterwards; and whether only a person can tell what became of the mail."""
