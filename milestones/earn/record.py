"""Events and claims become orders, in one transaction: found before, counted, and recorded (``pipeline.orders``)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from milestones.domain import keys
from milestones.domain.earn import EarnRule, Who
from milestones.domain.order import OrderSource, Person
from milestones.domain.verdict import Verdict
from milestones.earn.limits import RuleLimit
from milestones.earn.people import People
from milestones.earn.reading import Reading, Unneeded, Unread, Wanted, find_fault, name_person
from milestones.errors import KeyTakenError, MilestonesError, UsageError
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.context import Rules
from milestones.pipeline.orders import Asking, Placed, place_all
from milestones.store.database.store import Store, Transaction
from milestones.store.people import people as contacts
from milestones.store.views import lookup


class Outcome(StrEnum):
    """What becomes of an event."""

    EARNED = "earned"
    """It is an order now, if perhaps one that the breaker holds."""
    REPEATED = "repeated"
    """It came before."""
    LIMITED = "limited"
    """The customer has had what the rule gives."""
    UNNEEDED = "unneeded"
    """The rule does not ask for it."""
    GONE = "gone"
    """Its customer was deleted or erased: nothing of it is kept."""
    UNREAD = "unread"
    """It is kept for a person, since it could not be understood."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event. why: a sentence; empty where it was earned. key: of its order."""

    outcome: Outcome
    why: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records for the sites of this installation. people: the shop's files."""

    store: Store
    rules: Rules
    people: People = field(default_factory=People)

    async def record(
        self, site_id: str, rule: EarnRule, readings: Sequence[Reading], now: datetime
    ) -> list[Result]:
        """Record what a body asks for. Raises UsageError where nothing is done for the site, and StoreError; then nothing
        was recorded.
        """
        settled: dict[int, Result] = {}
        wanted: dict[int, Wanted] = {}
        for place, reading in enumerate(readings):
            match await self._find_person(rule, reading):
                case Wanted() as found:
                    wanted[place] = found
                case Unneeded(why=why):
                    settled[place] = Result(Outcome.UNNEEDED, why)
                case Unread(why=why):
                    settled[place] = Result(Outcome.UNREAD, why)
        askings = [self.ask(site_id, rule, one) for one in wanted.values()]
        limit = RuleLimit(
            rule,
            {
                asking.owner(self.rules.secret): one
                for asking, one in zip(askings, wanted.values(), strict=True)
            },
            self.rules.secret,
            now,
            shadow=self.rules.site(site_id).shadow,
        )
        placed = await place_all(self.store, self.rules, askings, now, limit)
        for place, asking, one in zip(wanted, askings, placed, strict=True):
            settled[place] = await self._judge(asking, one)
        return [settled[place] for place in range(len(readings))]

    def ask(self, site_id: str, rule: EarnRule, wanted: Wanted) -> Asking:
        """The order of one event."""
        return plan(self.rules.secret, site_id, rule, wanted)

    async def _find_person(self, rule: EarnRule, reading: Reading) -> Reading:
        """The event with the customer whose external id it names."""
        if not isinstance(reading, Wanted) or rule.event is None or rule.event.who is not Who.EXTERNAL:
            return reading
        return await asyncio.to_thread(find_external, self.people, rule.event.people, reading)

    async def _judge(self, asking: Asking, placed: Placed | UsageError) -> Result:
        match placed:
            case Placed(created=True, order=order) if order.verdict in (
                Verdict.EARNED_BEFORE,
                Verdict.EARN_CAP,
            ):
                return Result(Outcome.LIMITED, Verdict(order.verdict).sentence, asking.key)
            case Placed(created=True):
                return Result(Outcome.EARNED, "", asking.key)
            case Placed() | KeyTakenError():
                # What a service sends again may have been worth something else before a change of the rule.
                return Result(Outcome.REPEATED, "It came before, and was recorded then.", asking.key)
        async with self.store.read() as tx:
            gone = await is_gone(tx, self.rules.secret, asking.site_id, asking.person)
        return Result(Outcome.GONE if gone else Outcome.UNREAD, str(placed), asking.key)


def plan(secret: bytes, site_id: str, rule: EarnRule, wanted: Wanted) -> Asking:
    """The order of one event, with a key that is the same however often it comes."""
    key = keys.event_key(secret, rule.name, wanted.id)
    return Asking(site_id, OrderSource.EARN, key, wanted.person, EarnPoints(wanted.points, rule.description))


def find_external(people: People, file: str, wanted: Wanted) -> Wanted | Unread:
    """The event with the customer whose external id it names, by the shop's file."""
    try:
        found = people.find(file, wanted.external_id)
    except MilestonesError as error:
        return Unread(str(error))
    if found is None:
        return Unread(
            "The file of people knows nobody with the id that the event names (external_id, people)."
        )
    kind, text = found
    person = name_person(wanted.person, kind, text)
    fault = find_fault(person)
    return Unread(f"The file of people says of it: {fault}") if fault else replace(wanted, person=person)


async def is_gone(tx: Transaction, secret: bytes, site_id: str, person: Person) -> bool:
    """Whether this is somebody who was deleted or erased, as far as an id tells."""
    if person.contact_id:
        return bool(await contacts.find_gone(tx, site_id, secret, [person.contact_id]))
    found = await lookup.accounts_by_id(tx, site_id, [person.account_id])
    return any(account.erased_at is not None for account in found)
