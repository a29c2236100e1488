"""What would become of a body, if a service sent it now. Reads what is known, and writes nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from milestones.domain.earn import EarnRule, Who
from milestones.domain.order import Create, Person
from milestones.domain.verdict import Verdict
from milestones.earn.limits import RuleLimit
from milestones.earn.people import People
from milestones.earn.reading import Reading, Unneeded, Unread, Wanted
from milestones.earn.record import Outcome, find_external, plan
from milestones.pipeline.orders import Asking
from milestones.pipeline.persons import Whose, find_whose, list_steps
from milestones.store.database.store import Transaction
from milestones.store.outbox import orders


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of one event. why: a sentence, unless it would earn. customer: as the event names whom it is for.

    account: of the customer, where there is one. steps: what would be done, in order, by kind of action.
    key: of the order.
    """

    outcome: Outcome
    why: str = ""
    points: int = 0
    customer: str = ""
    account: str = ""
    steps: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """On what is tried."""

    rule: EarnRule
    secret: bytes = field(repr=False)
    site_id: str
    now: datetime

    def name_customers(self, readings: Sequence[Reading]) -> list[Reading]:
        """The events with the customers that they mean."""
        return [self._name_customer(reading) for reading in readings]

    def _name_customer(self, reading: Reading) -> Reading:
        event = self.rule.event
        if not isinstance(reading, Wanted) or event is None:
            return reading
        return find_external(People(), event.people, reading) if event.who is Who.EXTERNAL else reading

    async def try_all(self, tx: Transaction, readings: Sequence[Reading]) -> list[Tried]:
        """What would become of each event, by what is known in the database."""
        wanted = {place: one for place, one in enumerate(readings) if isinstance(one, Wanted)}
        askings = {place: plan(self.secret, self.site_id, self.rule, one) for place, one in wanted.items()}
        persons = [asking.person for asking in askings.values()]
        whose = await find_whose(tx, self.secret, self.site_id, persons)
        recorded = await orders.get_orders(tx, [asking.owner(self.secret) for asking in askings.values()])
        stops = await self._find_stops(tx, wanted, askings, whose, recorded)
        return [
            self._try(one, askings[place], whose[askings[place].person], recorded, stops)
            if isinstance(one, Wanted)
            else _pass_over(one)
            for place, one in enumerate(readings)
        ]

    async def _find_stops(
        self,
        tx: Transaction,
        wanted: dict[int, Wanted],
        askings: dict[int, Asking],
        whose: dict[Person, Whose],
        recorded: Collection[str],
    ) -> dict[str, Verdict]:
        by_owner = {asking.owner(self.secret): place for place, asking in askings.items()}
        limit = RuleLimit(
            self.rule,
            {owner: wanted[place] for owner, place in by_owner.items()},
            self.secret,
            self.now,
            shadow=False,
        )
        new = [
            (askings[place], whose[askings[place].person])
            for owner, place in by_owner.items()
            if owner not in recorded and whose[askings[place].person].fault is None
        ]
        _, stops = await limit.judge_all(tx, new)
        return stops

    def _try(
        self,
        wanted: Wanted,
        asking: Asking,
        whose: Whose,
        recorded: Collection[str],
        stops: dict[str, Verdict],
    ) -> Tried:
        owner = asking.owner(self.secret)
        steps = list_steps(asking.person, whose, asking.request)
        about = Tried(
            Outcome.EARNED,
            points=wanted.points,
            customer=describe(asking.person),
            account=whose.account_id,
            key=asking.key,
        )
        if owner in recorded:
            return replace(about, outcome=Outcome.REPEATED, why="It came before, and was recorded then.")
        if fault := asking.fault() or whose.fault or (steps if isinstance(steps, str) else None):
            return replace(about, outcome=Outcome.UNREAD, why=fault)
        if owner in stops:
            return replace(about, outcome=Outcome.LIMITED, why=stops[owner].sentence)
        return replace(about, steps=tuple(step.kind for step in steps if not isinstance(step, str)))


def _pass_over(reading: Unneeded | Unread) -> Tried:
    return Tried(Outcome.UNNEEDED if isinstance(reading, Unneeded) else Outcome.UNREAD, reading.why)


def try_unknown(rule: EarnRule, readings: Sequence[Reading]) -> list[Tried]:
    """What would become of each event in a database that nobody has made yet: nobody is known in it."""
    return [
        Tried(
            Outcome.EARNED, points=one.points, customer=describe(one.person), steps=_list_unknown_steps(rule)
        )
        if isinstance(one, Wanted)
        else _pass_over(one)
        for one in readings
    ]


def _list_unknown_steps(rule: EarnRule) -> tuple[str, ...]:
    assert rule.event is not None, "a claim has no events"
    return ("points",) if rule.event.create is Create.NOTHING else ("contact", "account", "points")


def describe(person: Person) -> str:
    """Who is meant, as the event names them. Whoever tries a rule out may see it."""
    return person.email or person.contact_id or person.account_id
