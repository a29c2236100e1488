"""What the outbox asks of every kind of action, and nothing more.

A channel is asked three things: which of these must not be done (in one batch, with reads only), do this one,
and: nobody heard whether this one was done, so was it?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from milestones.domain.actions import Need, State
from milestones.domain.observation import UNKNOWN_CUSTOMER, Customer
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError

PROGRAM_PAUSE = timedelta(minutes=15)
"""What finds the loyalty program not active is looked at again after this: points are not earned then, and mail
about them would be wrong.
"""


@dataclass(frozen=True, slots=True)
class Task:
    """A claimed action.

    payload: what was frozen when it was recorded (``domain.actions``).
    inputs: results of the actions it waited for, by kind (``{"coupon": {...}, "badge": {...}}``).
    customer: who the account belongs to now; the address may have changed since.
    attempt: 1 for the first.
    lost_at: when the answer to an earlier attempt was lost, UTC; None where none was.
    intent: what the latest attempt that began had noted (``effects.intending``).
    """

    id: int
    key: str
    kind: str
    site_id: str
    account_id: str
    milestone: str
    payload: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    customer: Customer = UNKNOWN_CUSTOMER
    attempt: int = 1
    lost_at: datetime | None = None
    intent: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A gate's no: the state that the action goes to, and why.

    until: when it may be tried again; who waits for consent is asked again then.
    """

    state: State
    verdict: Verdict
    until: datetime | None = None
    needs: Need | None = None


def await_query(lost_at: datetime | None, now: datetime, query_lag: timedelta, whose: str = "Wix") -> None:
    """Return once queries show what was written before its answer was lost: what they do not show then did not
    happen. Raises ChannelError, with the time to look again, while they may lag. whose: who answers them.
    """
    if lost_at is None or now >= lost_at + query_lag:
        return
    raise ChannelError(
        f"The answer was lost and {whose} does not show the effect; its queries lag, so it is looked for again "
        "before it is repeated.",
        untried=True,
        retry_at=lost_at + query_lag,
    )


class Fate(Enum):
    """What became of an effect whose answer was lost."""

    HAPPENED = "happened"
    REPEAT = "repeat"
    """It did not happen, or repeating it is harmless."""
    UNTOLD = "untold"
    """Nobody can tell; a person must."""


@dataclass(frozen=True, slots=True)
class Found:
    """The fate of an effect, with its result where it happened. why: nobody can tell, as a sentence for who must."""

    fate: Fate
    result: Mapping[str, Any] = field(default_factory=dict)
    why: str | None = None


class Channel(Protocol):
    """One kind of effect for one site."""

    @property
    def concurrency(self) -> int:
        """How many may be under way at once, in one site."""

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """The tasks that must not be done now, by id. Asks in batches; changes nothing.

        Raises ChannelError when what must be known cannot be learned: nothing of the batch is done then.
        """

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Do it and return what later actions may show. Awaits ``effects.begin`` as late as it can. Raises ChannelError."""

    async def recover(self, task: Task) -> Found:
        """Learn what became of an attempt whose answer was lost. Raises ChannelError."""
