from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.email.variables import Program
from milestones.kinds.points.channel import PointsChannel
from tests.kinds.builders import NOW, Clock, a_task

MONTH = timedelta(days=30).total_seconds()
LAG = timedelta(seconds=60)


@dataclass
class Ledger:
    """The transactions of a site, by idempotency key."""

    booked: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    had: int = 0
    active: bool = True
    paused_meanwhile: bool = False
    refusal: ChannelError | None = None
    asked_since: datetime | None = None
    asked_apart_from: Collection[int] = ()

    async def earn(
        self, account_id: str, *, amount: int, description: str, idempotency_key: str
    ) -> str | None:
        if self.refusal is not None:
            raise self.refusal
        self.booked.setdefault(idempotency_key, (account_id, amount, description))
        return f"transaction-{list(self.booked).index(idempotency_key) + 1}"

    async def transaction(self, idempotency_key: str, /) -> str | None:
        return "transaction-1" if idempotency_key in self.booked else None

    async def program(self, *, anew: bool = False) -> Program:
        return Program("Star Club", active=self.active and not (anew and self.paused_meanwhile))

    async def earned_since(
        self, account_id: str, milestone: str, since: datetime, /, *, apart_from: Collection[int]
    ) -> int:
        self.asked_since, self.asked_apart_from = since, apart_from
        return self.had


def some_points(number: int = 1, *, account: str | None = None, **payload: Any) -> Task:
    frozen = {
        "amount": 50,
        "description": "Thank you",
        "idempotency_key": f"key-{number}",
        "cap": None,
        **payload,
    }
    task = a_task("points", frozen, number=number)
    return task if account is None else Task(**{**_fields(task), "account_id": account})


def _fields(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in Task.__slots__}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def channel(ledger: Ledger, clock: Clock) -> PointsChannel:
    return PointsChannel(
        ledger, earned_since=ledger.earned_since, program=ledger.program, query_lag=LAG, clock=clock
    )


async def test_points_are_booked_once_for_each_key(channel: PointsChannel, ledger: Ledger) -> None:
    for _ in range(2):
        assert await channel.perform(some_points()) == {"amount": 50, "transaction_id": "transaction-1"}
    assert ledger.booked == {"key-1": ("account-1", 50, "Thank you")}


async def test_after_a_lost_answer_the_transaction_is_looked_up(channel: PointsChannel) -> None:
    assert (await channel.recover(some_points())).fate is Fate.REPEAT
    made = await channel.perform(some_points())
    found = await channel.recover(some_points())
    assert (found.fate, found.result) == (Fate.HAPPENED, made)


async def test_points_that_do_not_show_after_a_lost_answer_are_awaited_before_they_are_repeated(
    channel: PointsChannel, clock: Clock
) -> None:
    task = replace(some_points(), lost_at=NOW)
    with pytest.raises(ChannelError) as awaited:
        await channel.recover(task)
    assert (awaited.value.untried, awaited.value.retry_at) == (True, NOW + LAG)
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.REPEAT


@pytest.mark.parametrize(("had", "stopped"), [(0, set()), (1, {3}), (2, {2, 3}), (9, {1, 2, 3})])
async def test_a_cap_counts_what_was_had_and_the_same_batch(
    channel: PointsChannel, ledger: Ledger, had: int, stopped: set[int]
) -> None:
    ledger.had = had
    tasks = [some_points(number, account="account-1", cap=[3, MONTH]) for number in (3, 1, 2)]
    stops = await channel.gate(tasks)
    assert stops.keys() == stopped
    assert all(stop == Stop(State.CANCELLED, Verdict.POINTS_CAPPED) for stop in stops.values())
    assert ledger.asked_since == NOW - timedelta(days=30)
    assert set(ledger.asked_apart_from) == {1, 2, 3}


async def test_the_cap_of_one_account_is_not_that_of_another(channel: PointsChannel, ledger: Ledger) -> None:
    tasks = [some_points(number, cap=[1, MONTH]) for number in (1, 2)]
    assert await channel.gate(tasks) == {}


async def test_points_without_a_cap_ask_nothing(channel: PointsChannel, ledger: Ledger) -> None:
    assert await channel.gate([some_points()]) == {}
    assert ledger.asked_since is None


async def test_points_wait_while_the_program_is_paused(
    channel: PointsChannel, ledger: Ledger, clock: Clock
) -> None:
    ledger.active = False
    stops = await channel.gate([some_points()])
    assert [(stop.state, stop.verdict, stop.until) for stop in stops.values()] == [
        (State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, clock() + PROGRAM_PAUSE)
    ]


async def test_points_that_are_refused_because_the_program_was_paused_since_the_gate_wait(
    channel: PointsChannel, ledger: Ledger, clock: Clock
) -> None:
    ledger.paused_meanwhile, ledger.refusal = True, ChannelError("428", permanent=True)
    assert await channel.gate([some_points()]) == {}
    with pytest.raises(ChannelError, match="the loyalty program is not active") as refused:
        await channel.perform(some_points())
    waits = refused.value
    assert (waits.permanent, waits.connection_wide, waits.lost) == (False, True, False)
    assert waits.retry_at == clock() + PROGRAM_PAUSE


@pytest.mark.parametrize(
    ("refusal", "paused"),
    [
        (ChannelError("400", permanent=True), False),
        (ChannelError("No answer.", lost=True), True),
        (ChannelError("429", connection_wide=True, retry_at=NOW), True),
    ],
)
async def test_points_that_are_refused_for_another_reason_are_refused_as_they_were(
    channel: PointsChannel, ledger: Ledger, refusal: ChannelError, *, paused: bool
) -> None:
    ledger.paused_meanwhile, ledger.refusal = paused, refusal
    with pytest.raises(ChannelError) as refused:
        await channel.perform(some_points())
    assert refused.value is refusal
