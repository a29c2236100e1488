"""Points at another program: once, whatever was lost, although it takes the same request twice."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from milestones import effects
from milestones.config.external import ExternalTable
from milestones.domain.member import Member
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Task
from milestones.kinds.external.channel import NOT_NAMED_PAUSE, SHOWS_AFTER, ExternalChannel
from milestones.kinds.external.payload import AdjustExternal, ExternalPayload, forget
from tests.builders import SECRET
from tests.external.programs import described
from tests.kinds.builders import NOW, Clock, a_task


@dataclass
class Program:
    """history: whether it shows one."""

    external: ExternalTable
    balance: int = 100
    history: bool = True
    marks: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)
    refusal: ChannelError | None = None
    lost: bool = False

    async def get(self, member: Member, /) -> Member:
        return replace(member, balance=self.balance)

    async def adjust(self, member: Member, by: int, key: str, mark: str) -> None:
        del member
        self.noted.append(effects.intent())
        if self.refusal is not None:
            raise self.refusal
        self.balance += by
        self.marks.append(mark)
        self.keys.append(key)
        if self.lost:
            self.lost = False
            raise ChannelError("No answer.", lost=True)

    async def find(self, _member: Member, mark: str, /) -> bool | None:
        return mark in self.marks if self.history else None


@pytest.fixture
def program() -> Program:
    return Program(described("smile"))


@pytest.fixture
def channel(program: Program, clock: Clock) -> ExternalChannel:
    return ExternalChannel({"smile": program}, clock=clock)


def a_request(by: int = 50) -> AdjustExternal:
    return AdjustExternal("smile", "7", "ada@example.com", "", by)


def an_adjustment(by: int = 50, **overrides: Any) -> Task:
    return replace(a_task("external", a_request(by).freeze(SECRET, "key", "")), milestone="", **overrides)


def lost(task: Task, balance: int = 100) -> Task:
    return replace(task, lost_at=NOW, intent={"balance": balance})


async def test_the_balance_is_noted_before_points_move(channel: ExternalChannel, program: Program) -> None:
    assert await channel.perform(an_adjustment(-100)) == {"before": 100}
    assert (program.noted, program.balance) == ([{"balance": 100}], 0)
    assert await channel.gate([an_adjustment()]) == {}


async def test_more_than_there_is_is_not_taken(channel: ExternalChannel, program: Program) -> None:
    with pytest.raises(ChannelError, match="has 100 points at smile, so 101 cannot be taken") as refused:
        await channel.perform(an_adjustment(-101))
    assert (refused.value.permanent, program.noted) == (True, [])


async def test_a_program_that_is_not_named_any_more_is_waited_for(clock: Clock) -> None:
    with pytest.raises(ChannelError, match="no longer names the program smile") as told:
        await ExternalChannel({}, clock=clock).perform(an_adjustment())
    assert (told.value.untried, told.value.retry_at) == (True, NOW + NOT_NAMED_PAUSE)


@pytest.mark.parametrize("others", [0, 5, -50])
async def test_what_was_lost_and_booked_is_found_in_the_history(
    channel: ExternalChannel, program: Program, others: int
) -> None:
    program.lost = True
    with pytest.raises(ChannelError):
        await channel.perform(an_adjustment())
    program.balance += others
    found = await channel.recover(lost(an_adjustment()))
    assert (found.fate, found.result) == (Fate.HAPPENED, {"before": 100})


@pytest.mark.parametrize("others", [0, 5])
async def test_what_no_history_shows_after_a_while_did_not_happen(
    channel: ExternalChannel, program: Program, clock: Clock, others: int
) -> None:
    program.balance += others
    with pytest.raises(ChannelError, match="the other program does not show the effect") as told:
        await channel.recover(lost(an_adjustment()))
    assert (told.value.untried, told.value.retry_at) == (True, NOW + SHOWS_AFTER)
    clock.now += SHOWS_AFTER
    assert (await channel.recover(lost(an_adjustment()))).fate is Fate.REPEAT


async def test_a_history_that_shows_later_than_the_balance_is_awaited_before_a_person_is_asked(
    channel: ExternalChannel, program: Program
) -> None:
    program.balance += 50
    with pytest.raises(ChannelError, match="the other program does not show the effect") as told:
        await channel.recover(lost(an_adjustment()))
    assert (told.value.untried, told.value.retry_at) == (True, NOW + SHOWS_AFTER)


async def test_a_history_that_does_not_show_what_the_balance_shows_is_not_believed(
    channel: ExternalChannel, program: Program, clock: Clock
) -> None:
    program.balance += 50
    clock.now += timedelta(hours=1)
    assert (await channel.recover(lost(an_adjustment()))).fate is Fate.UNTOLD


@pytest.mark.parametrize(
    ("moved", "fate"), [(50, Fate.HAPPENED), (0, Fate.REPEAT), (3, Fate.UNTOLD), (53, Fate.UNTOLD)]
)
async def test_without_a_history_the_balance_decides_or_a_person(
    channel: ExternalChannel, program: Program, clock: Clock, moved: int, fate: Fate
) -> None:
    program.history = False
    program.balance += moved
    clock.now += SHOWS_AFTER
    assert (await channel.recover(lost(an_adjustment()))).fate is fate


async def test_a_program_that_takes_a_key_is_given_the_same_one_again(clock: Clock) -> None:
    program = Program(described("square"), lost=True)
    channel = ExternalChannel({"smile": program}, clock=clock)
    with pytest.raises(ChannelError):
        await channel.perform(an_adjustment())
    assert (await channel.recover(lost(an_adjustment()))).fate is Fate.REPEAT
    await channel.perform(an_adjustment())
    assert program.keys[0] == program.keys[1]


async def test_what_had_not_begun_is_repeated(channel: ExternalChannel) -> None:
    assert (await channel.recover(an_adjustment())).fate is Fate.REPEAT


async def test_a_refusal_is_told_as_it_came(channel: ExternalChannel, program: Program) -> None:
    program.refusal = ChannelError("smile's adjust is busy (423).", retry_at=NOW)
    with pytest.raises(ChannelError, match="busy"):
        await channel.perform(an_adjustment())


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (a_request(0), "and not by 0"),
        (a_request(10_000_000), "9,999,999"),
        (AdjustExternal("smile", "", "", "", 5), "Name a program and a member"),
        (a_request(-9_999_999), None),
    ],
)
def test_what_nobody_can_mean_is_said(request_: AdjustExternal, fault: str | None) -> None:
    told = request_.fault()
    assert (told is None) == (fault is None)
    assert fault is None or (told is not None and fault in told)


def test_its_words_name_the_program_and_nobody() -> None:
    frozen = a_request(-5).freeze(SECRET, "key", "")
    payload = ExternalPayload.from_json(frozen)
    assert payload.to_json() == frozen
    assert (payload.name(), payload.subject({})) == ("An adjustment by -5 points at smile", "member 7")
    assert payload.assumed_result() == {"before": None}
    assert "ada@example.com" not in str(forget(frozen))
