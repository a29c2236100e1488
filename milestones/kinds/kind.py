"""What everybody but its channel asks of a kind of action. Pure, like all that a kind's ``payload.py`` imports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from milestones.domain import milestone

Result = Mapping[str, Any]
"""What became of an action that is done, as it is stored; empty while it is not."""


def _copy_result(result: Result) -> dict[str, Any]:
    return dict(result)


def _no_copy(_result: Result) -> None:
    return None


class Payload(milestone.Payload, Protocol):
    """What an action of one kind carries, and its words."""

    def name(self) -> str:
        """How a sentence about the action begins: "A coupon", "50 points"."""

    def subject(self, result: Result) -> str:
        """What it is about, in few words and without a code or an address."""

    def assumed_result(self) -> dict[str, Any]:
        """The result of one that a person calls done: what later actions may show, as far as it is known."""

    def code(self) -> str | None:
        """What the customer types to have it, made or to be made; None where it has no code."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of action.

    name: as it is stored, and as commands take it. read: its payload as it was stored. done: the last word of "A coupon
    was made". plural: how its channel is called ("Coupons have not worked since").
    is_many: whether the name of one action is in the plural ("50 points were given").
    is_message: whether it tells a customer something: then quiet hours, and a no that came since the gates, hold it back,
    and what it tells of must not be over.
    refuses_repetition: whether the other side may refuse a second one because of the first, in words that are documented
    nowhere, while its queries show the first one late. After a lost answer, a refusal is not for good then.
    is_repeatable: whether to do it once more harms nothing. After a lost answer it is done again, and never left to a
        person.
    tells_whose: whether its result names, as ``account_id`` or ``contact_id``, whose the whole order is.
    scrub: the result without what is personal, for an erasure. What remains says what was given, and not to whom.
    forget: the payload without what is personal, once nothing more is to be done with it; None where nothing of it is.
    copy: the Message-ID under which the mail folder may keep a copy; None where there is none.
    """

    name: str
    read: Callable[[Mapping[str, Any]], Payload]
    done: str
    plural: str
    is_many: bool = False
    is_message: bool = False
    refuses_repetition: bool = False
    is_repeatable: bool = False
    tells_whose: bool = False
    scrub: Callable[[Result], dict[str, Any]] = _copy_result
    forget: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    copy: Callable[[Result], str | None] = _no_copy
