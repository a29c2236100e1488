"""A loyalty account: one for each contact, observed before anything rests on it."""

from dataclasses import dataclass, field

import pytest

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.account.channel import AccountChannel
from milestones.kinds.account.payload import KIND, OpenAccount
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.email.variables import Program
from milestones.wix.account import Account
from tests.builders import SECRET
from tests.kinds.builders import NOW, Clock, a_task


@dataclass
class Book:
    """Wix's accounts, by contact. merged: contacts that have gone into others. refusals: of the next calls."""

    accounts: dict[str, Account] = field(default_factory=dict)
    merged: dict[str, str | None] = field(default_factory=dict)
    refusals: list[ChannelError] = field(default_factory=list)
    active: bool = True
    paused_meanwhile: bool = False
    observed: list[Account] = field(default_factory=list)

    async def fetch(self, contact_id: str, /) -> Account | None:
        return self.accounts.get(contact_id)

    async def open(self, contact_id: str, /) -> Account:
        await effects.begin()
        if self.refusals:
            raise self.refusals.pop(0)
        if contact_id in self.merged:
            raise ChannelError("404", permanent=True)
        made = Account.model_validate(
            {
                "id": f"account of {contact_id}",
                "contactId": contact_id,
                "revision": "1",
                "points": {"balance": 0},
            }
        )
        return self.accounts.setdefault(contact_id, made)

    async def follow(self, contact_id: str, /) -> str | None:
        return self.merged.get(contact_id, contact_id)

    async def program(self, *, anew: bool = False) -> Program:
        return Program("Star Club", active=self.active and not (anew and self.paused_meanwhile))

    async def observe(self, account: Account) -> None:
        self.observed.append(account)


def asked(contact_id: str = "", account_id: str = "", found: str | None = "contact-2") -> Task:
    frozen = OpenAccount(contact_id).freeze(SECRET, "key", account_id)
    inputs = {} if contact_id else {"contact": {"contact_id": found}}
    return a_task("account", frozen, inputs=inputs)


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def channel(book: Book, clock: Clock) -> AccountChannel:
    return AccountChannel(book, program=book.program, observe=book.observe, clock=clock)


@pytest.mark.parametrize("contact_id", ["contact-2", ""])
async def test_an_account_is_opened_once_and_observed(
    channel: AccountChannel, book: Book, contact_id: str
) -> None:
    task = asked(contact_id)
    expected = {"account_id": "account of contact-2", "contact_id": "contact-2"}
    assert await channel.perform(task) == {**expected, "created": True}
    assert await channel.perform(task) == {**expected, "created": False}
    assert [one.id for one in book.observed] == ["account of contact-2"] * 2
    assert (await channel.recover(task)).fate is Fate.REPEAT


async def test_one_that_is_known_is_told_without_asking(channel: AccountChannel, book: Book) -> None:
    result = await channel.perform(asked(account_id="account-7"))
    assert (result["account_id"], result["created"], book.observed) == ("account-7", False, [])


async def test_a_contact_that_was_merged_is_followed(channel: AccountChannel, book: Book) -> None:
    book.merged["contact-2"] = "contact-3"
    assert (await channel.perform(asked()))["account_id"] == "account of contact-3"
    assert (await channel.perform(asked()))["contact_id"] == "contact-3"


async def test_a_contact_that_is_gone_is_a_refusal_for_good(channel: AccountChannel, book: Book) -> None:
    book.merged["contact-2"] = None
    with pytest.raises(ChannelError, match="no such contact") as refused:
        await channel.perform(asked())
    assert refused.value.permanent
    with pytest.raises(ChannelError, match="not known any more") as forgotten:
        await channel.perform(asked(found=None))
    assert forgotten.value.permanent


async def test_any_other_refusal_is_as_it_was(channel: AccountChannel, book: Book) -> None:
    for refusal in (
        ChannelError("403", permanent=True, connection_wide=True),
        ChannelError("400", permanent=True),
        ChannelError("No answer.", lost=True),
    ):
        book.refusals = [refusal]
        with pytest.raises(ChannelError) as refused:
            await channel.perform(asked())
        assert refused.value is refusal


async def test_while_the_program_is_not_active_it_waits(channel: AccountChannel, book: Book) -> None:
    assert await channel.gate([asked()]) == {}
    book.paused_meanwhile, book.refusals = True, [ChannelError("428", permanent=True)]
    with pytest.raises(ChannelError, match="the loyalty program is not active") as refused:
        await channel.perform(asked())
    assert (refused.value.permanent, refused.value.connection_wide) == (False, True)
    book.active = False
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + PROGRAM_PAUSE)
    assert await channel.gate([asked()]) == {1: stop}


def test_what_is_personal_goes_and_what_was_done_stays() -> None:
    assert KIND.forget is not None
    assert KIND.forget(asked("contact-2").payload)["contact_id"] == ""
    told = {"account_id": "a", "contact_id": "c", "created": True}
    assert KIND.scrub(told) == {**told, "contact_id": None}
    payload = KIND.read(asked().payload)
    assert [payload.subject(result) for result in ({}, {"created": True}, {"created": False})] == [
        "found by its contact, or opened",
        "opened for the order",
        "it was there already",
    ]
