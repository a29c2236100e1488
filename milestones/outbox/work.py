"""What draining one site needs, and an action that a drain has leased."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from milestones.domain.retry import RetryPolicy
from milestones.kinds.channel import Channel, Stop, Task
from milestones.outbox.flights import Flight, Flights
from milestones.outbox.gates import Policy
from milestones.outbox.rest import Rests
from milestones.store.database.store import Store
from milestones.store.outbox.facts import Claimed
from milestones.store.outbox.schedule import Lane
from milestones.wix.pacing import a_person_waits


@dataclass(slots=True)
class SiteWork:
    """What draining one site needs, by the configuration in force; a reload makes another, kept between drains.

    shadow: whether nothing is done. flights: what is under way, over all sites and configurations.
    rests: of channels that failed as a whole.
    tidy: whether the last drain came to its end, so that nothing can have been left running.
    stopping: set when the program stops; what is in flight is finished and nothing new is begun.
    """

    site_id: str
    store: Store
    channels: Mapping[str, Channel]
    policy: Policy
    clock: Callable[[], datetime]
    random: Callable[[], float]
    shadow: bool = False
    flights: Flights = field(default_factory=Flights)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stopping: Callable[[], bool] = lambda: False
    settled: Callable[[str, str, str], None] = lambda _kind, _state, _verdict: None
    rests: Rests = field(init=False)
    tidy: bool = False

    def __post_init__(self) -> None:
        """Nothing rests yet."""
        self.rests = Rests(self.site_id)


class Stage(Enum):
    """How far a leased action has come."""

    LEASED = "leased"
    """It waits: for a place, for its turn, for a connection. Whoever stops it here has stopped it."""
    ASKED = "asked"
    """Whether it may begin is being written."""
    BEGUN = "begun"
    """Its effect is under way."""
    RETURNED = "returned"
    """It is not this drain's any more."""


@dataclass(slots=True, eq=False)
class Lease:
    """A leased action.

    work: by which it was gated. gated_at: since when what its gates were told may have grown old.
    stop: what the gates say to doing it anew, where an answer was lost and it must be looked for.
    flight: its place among what is under way, once it has asked whether it may begin.
    withdrawn: the drain has given it up while it waited.
    began_at: when "about to act" was committed.
    intent: what is committed with it (``effects.intending``).
    """

    claimed: Claimed
    task: Task
    work: SiteWork
    gated_at: datetime
    stop: Stop | None = None
    stage: Stage = Stage.LEASED
    flight: Flight | None = None
    withdrawn: bool = False
    began_at: datetime | None = None
    intent: Mapping[str, Any] | None = None

    @property
    def id(self) -> int:
        """Of the action."""
        return self.task.id

    @property
    def kind(self) -> str:
        """Of the action."""
        return self.task.kind

    @property
    def lane(self) -> Lane:
        """In which it is drained."""
        return Lane(self.kind, self.claimed.action.fast)


PATIENCE = timedelta(seconds=60)
"""How long after an order somebody may wait for what becomes of it."""


@contextmanager
def serving(leases: Sequence[Lease], now: datetime) -> Iterator[None]:
    """Calls to Wix for these come from those that are kept for people, while one may wait for them."""
    waits = any(lease.lane.fast and now - lease.claimed.action.recorded_at <= PATIENCE for lease in leases)
    with a_person_waits() if waits else nullcontext():
        yield


def task_of(item: Claimed) -> Task:
    """The action as its channel sees it."""
    action = item.action
    assert action.id is not None, "it was read from the table"
    return Task(
        id=action.id,
        key=action.key,
        kind=action.kind,
        site_id=action.site_id,
        account_id=action.account_id,
        milestone=action.milestone,
        payload=action.payload,
        inputs=item.inputs,
        customer=item.customer,
        attempt=action.attempts + 1,
        lost_at=action.lost_at,
        intent=action.intent,
    )


def log_fields(task: Task) -> dict[str, str | int]:
    """Which action a line of the log is about, and whose grant or reminder it is of."""
    return {
        "site": task.site_id,
        "account": task.account_id,
        "milestone": task.milestone,
        "action": task.id,
        "kind": task.kind,
    }
