"""A contact: found by its address under any spelling, or made once, and never somebody else's."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.order import Create, Person
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.contact.channel import ContactChannel
from milestones.kinds.contact.payload import KIND, ContactPayload, FindContact
from milestones.kinds.email.variables import Program
from tests.builders import SECRET
from tests.kinds.builders import NOW, Clock, a_task

LAG = timedelta(seconds=60)


@dataclass
class Book:
    """Wix's contacts, by address. shown: whether queries show them. nameless: a refusal does not tell of whom."""

    ids: dict[str, str] = field(default_factory=dict)
    shown: bool = True
    nameless: bool = False
    active: bool = True

    async def find(self, email: str, /) -> str | None:
        return self.ids.get(email) if self.shown else None

    async def make(self, payload: ContactPayload, /) -> tuple[str, bool] | None:
        await effects.begin()
        if payload.email in self.ids:
            return None if self.nameless else (self.ids[payload.email], False)
        self.ids[payload.email] = "made"
        return "made", True

    async def program(self, *, anew: bool = False) -> Program:
        del anew
        return Program("Star Club", active=self.active)


def asked(email: str = "bob@example.com", *, make: bool = True, phone: str = "") -> Task:
    request = FindContact(Person(email=email, first_name="Bob", phone=phone), make)
    return a_task("contact", request.freeze(SECRET, "key", ""))


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def channel(book: Book, clock: Clock) -> ContactChannel:
    return ContactChannel(book, program=book.program, query_lag=LAG, clock=clock)


async def test_a_contact_is_made_once(channel: ContactChannel) -> None:
    assert await channel.perform(asked()) == {"contact_id": "made", "created": True}
    assert await channel.perform(asked()) == {"contact_id": "made", "created": False}
    assert (await channel.recover(asked())).fate is Fate.REPEAT


async def test_one_that_queries_do_not_show_yet_is_told_by_the_refusal(
    channel: ContactChannel, book: Book
) -> None:
    book.ids["bob@example.com"], book.shown = "other", False
    assert await channel.perform(asked()) == {"contact_id": "other", "created": False}
    book.nameless = True
    with pytest.raises(ChannelError, match="looked for again") as later:
        await channel.perform(asked())
    assert (later.value.permanent, later.value.retry_at) == (False, NOW + LAG)


async def test_none_is_made_where_none_was_to_be(channel: ContactChannel, book: Book) -> None:
    with pytest.raises(ChannelError, match="none was to be made") as refused:
        await channel.perform(asked(make=False))
    assert (refused.value.permanent, book.ids) == (True, {})


async def test_while_the_program_is_not_active_it_waits(channel: ContactChannel, book: Book) -> None:
    assert await channel.gate([asked()]) == {}
    book.active = False
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + PROGRAM_PAUSE)
    assert await channel.gate([asked()]) == {1: stop}


def test_what_is_personal_goes_and_what_was_done_stays() -> None:
    frozen = asked(phone="030").payload
    assert KIND.forget is not None
    assert {"bob@example.com", "Bob", "030"}.isdisjoint(map(str, KIND.forget(frozen).values()))
    assert KIND.scrub({"contact_id": "c", "created": True}) == {"contact_id": None, "created": True}
    payload = KIND.read(frozen)
    assert [payload.subject(result) for result in ({}, {"created": True}, {"created": False})] == [
        "found by its address, or made",
        "made for the order",
        "it was there already",
    ]


def test_a_person_that_is_none_is_a_sentence() -> None:
    assert FindContact(Person(create=Create.CONTACT), make=True).fault() is not None
