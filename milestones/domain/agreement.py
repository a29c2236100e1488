"""What two loyalty programs agreed on about one customer, and what each still owes the other.

A link joins an account here (ours) with a member there (theirs), and remembers the balance of either side at their last
agreement. A balance that differs from it is a change which the other side has not seen. An agreement freezes the changes
of both sides and what each is to be adjusted by; always by an amount, so that what happens meanwhile is kept. Once both
adjustments took place, the balances that are then agreed on are the frozen ones and what was added to them: whatever is
seen beside that is a change again, and our own writes, seen once or ten times and in any order, are none.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum


class Merge(StrEnum):
    """Whose balance counts where both have changed since the last agreement."""

    SUM = "sum"
    """Both: the changes are added up."""
    OURS = "ours"
    THEIRS = "theirs"


class Start(StrEnum):
    """What the first agreement is, where the two balances differ."""

    LIST = "list"
    """None: a person says (``sync resolve``)."""
    OURS = "ours"
    THEIRS = "theirs"
    SUM = "sum"
    """What either has was given by it alone, so that both get the other's as well."""


class Side(StrEnum):
    """Of the two programs."""

    OURS = "ours"
    THEIRS = "theirs"


class Fate(StrEnum):
    """What became of an adjustment that an agreement owes."""

    OPEN = "open"
    """Nothing yet: it is due, waits, or is held for a person."""
    DONE = "done"
    FAILED = "failed"
    """It was refused or cancelled, and will not take place by itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a side takes. least, most: the balances it can have; None where it has no such limit. amount: the most points
    that one adjustment moves.
    """

    least: int | None
    most: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """The last agreement of a link that is settled: its number, from 1, and the balances that it left."""

    number: int
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement as it is frozen. ours, theirs: the balances that were seen. to_ours, to_theirs: by how much each side
    is to be adjusted; 0 where it is right already.
    """

    number: int
    ours: int
    theirs: int
    to_ours: int
    to_theirs: int

    @property
    def is_empty(self) -> bool:
        """Whether neither side owes anything."""
        return self.to_ours == 0 and self.to_theirs == 0


@dataclass(frozen=True, slots=True)
class Unmergeable:
    """Why no agreement can be made, as a sentence for the list."""

    reason: str


Decision = Agreement | Unmergeable | None
"""None where neither side has changed."""


def decide(
    agreed: Agreed, ours: int, theirs: int, merge: Merge, limits_of: tuple[Limits, Limits]
) -> Decision:
    """What follows from two balances that were seen after the last agreement was settled.

    limits_of: of our side and of theirs.
    """
    changed_here, changed_there = ours - agreed.ours, theirs - agreed.theirs
    if not (changed_here or changed_there):
        return None
    to_ours, to_theirs = changed_there, changed_here
    if merge is not Merge.SUM and changed_here and changed_there:
        to_ours, to_theirs = (theirs - ours, 0) if merge is Merge.THEIRS else (0, ours - theirs)
    return _bounded(Agreement(agreed.number + 1, ours, theirs, to_ours, to_theirs), limits_of)


def begin(
    ours: int, theirs: int, start: Start, limits_of: tuple[Limits, Limits], number: int = 1
) -> Decision:
    """The first agreement of a link, or the one that a person chose for a link that was listed."""
    by = {
        Start.OURS: (0, ours - theirs),
        Start.THEIRS: (theirs - ours, 0),
        Start.SUM: (theirs, ours),
        Start.LIST: (0, 0),
    }[start]
    if start is Start.LIST and ours != theirs:
        return Unmergeable(
            f"The balances differ, {ours:,} points here and {theirs:,} there, and nobody has said which is right."
        )
    if start is Start.SUM and ours == theirs and number == 1:
        # Two programs that were in step before this one knew of it have not each given the whole.
        by = 0, 0
    return _bounded(Agreement(number, ours, theirs, *by), limits_of)


def _bounded(agreement: Agreement, limits_of: tuple[Limits, Limits]) -> Agreement | Unmergeable:
    ours, theirs = limits_of
    for where, seen, by, limits in (
        ("here", agreement.ours, agreement.to_ours, ours),
        ("there", agreement.theirs, agreement.to_theirs, theirs),
    ):
        after = seen + by
        if by == 0:
            continue
        if abs(by) > limits.amount:
            return Unmergeable(
                f"The balance {where} would have to change by {by:+,} points; at most {limits.amount:,} are moved at once."
            )
        if limits.least is not None and after < limits.least and by < 0:
            return Unmergeable(
                f"The balance {where} would become {after:,} points, and it cannot be below {limits.least:,}."
            )
        if limits.most is not None and after > limits.most:
            return Unmergeable(
                f"The balance {where} would become {after:,} points, and it cannot be above {limits.most:,}."
            )
    return agreement


@dataclass(frozen=True, slots=True)
class Settled:
    """What a link stands on after an agreement came to its end. broken: one side could not be adjusted, so that a person
    must look at it.
    """

    agreed: Agreed
    broken: bool


def settle(agreement: Agreement, fates: tuple[Fate, Fate]) -> Settled | None:
    """What is agreed on now; None while one of the two adjustments may still take place.

    fates: of the adjustment of our side and of theirs; one by nothing is DONE.
    """
    if Fate.OPEN in fates:
        return None
    ours, theirs = fates
    after = Agreed(agreement.number, agreement.ours, agreement.theirs)
    if ours is Fate.DONE:
        after = replace(after, ours=agreement.ours + agreement.to_ours)
    if theirs is Fate.DONE:
        after = replace(after, theirs=agreement.theirs + agreement.to_theirs)
    return Settled(after, broken=Fate.FAILED in fates)


def is_news(agreed: Agreed, balance: int | None, text: str, marks: Collection[str]) -> bool:
    """Whether an event of the other program may tell of a change that we did not make.

    balance: what it says the member has; None where it does not say. text: its free text, in which ``marks``, those of
    our own adjustments, may stand. An event only says where to look: what it tells may be old, so that a balance in it is
    never taken for the one of now.
    """
    if any(mark in text for mark in marks):
        return False
    return balance is None or balance != agreed.theirs
