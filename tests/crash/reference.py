"""Who has reached what, from the shop's book of transactions alone: written from the words of the design, not from
the code that is tried.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ONCE, LADDER, EVERY = "once", "ladder", "every"
THRESHOLD, RUNG, AGAIN, REARM = 1000, 400, 800, 300
"""Of 1,000 saved; of each 400 earned; of 800 saved again after a fall under 300."""

MILESTONES = f"""
[[milestones]]
key = "{ONCE}"
title = "1,000 saved"
threshold = {THRESHOLD}

[[milestones.rewards]]
coupon = {{ name = "{ONCE}", percent_off = 10, scope = "stores" }}

[[milestones.rewards]]
badge = {{ title = "Saver", create = true }}

[[milestones.rewards]]
points = {{ amount = 5, description = "A present", per_account = "1 per 300d" }}

[[milestones.rewards]]
email = "milestone-reached"

[[milestones]]
key = "{LADDER}"
title = "400 more earned"
measure = "earned"
every_points = {RUNG}

[[milestones.rewards]]
coupon = {{ name = "{LADDER}", percent_off = 5, scope = "stores" }}

[[milestones]]
key = "{EVERY}"
title = "800 saved again"
threshold = {AGAIN}
repeat = "every"
rearm_below = {REARM}

[[milestones.rewards]]
coupon = {{ name = "{EVERY}", money_off = 5, scope = "stores" }}
"""


@dataclass(frozen=True)
class Sums:
    """An account's measures."""

    balance: int
    earned: int


Owed = Counter[tuple[str, str]]
"""Grants by (account, milestone)."""


def sums(state: Mapping[str, Any]) -> dict[str, Sums]:
    """The measures of every account, by its id."""
    return {one["id"]: Sums(one["points"]["balance"], one["points"]["earned"]) for one in state["accounts"]}


def owed(before: Mapping[str, Sums], state: Mapping[str, Any]) -> Owed:
    """What the accounts have reached since ``before``, by the transactions that were booked since."""
    walks = {account: [at] for account, at in before.items()}
    for booking in state["transactions"]:
        walk = walks[booking["accountId"]]
        amount, last = booking["amount"], walk[-1]
        if booking["transactionType"] == "EARN":
            walk.append(Sums(last.balance + amount, last.earned + amount))
        elif booking["transactionType"] == "ADJUST":
            walk.append(Sums(last.balance + amount, last.earned))
        else:
            walk.append(Sums(last.balance - amount, last.earned))
    assert {account: walk[-1] for account, walk in walks.items()} == sums(state), "the book adds up"
    found: Owed = Counter()
    for account, walk in walks.items():
        balances = [at.balance for at in walk]
        found[account, ONCE] = int(_ever_crossed(balances))
        found[account, LADDER] = walk[-1].earned // RUNG - walk[0].earned // RUNG
        found[account, EVERY] = _cycles(balances)
    return +found


def _ever_crossed(balances: Iterable[int]) -> bool:
    below = False
    for balance in balances:
        if below and balance >= THRESHOLD:
            return True
        below = below or balance < THRESHOLD
    return False


def _cycles(balances: list[int]) -> int:
    armed, spent = balances[0] < AGAIN, 0
    for balance in balances:
        if armed and balance >= AGAIN:
            armed, spent = False, spent + 1
        elif balance < REARM:
            armed = True
    return spent
