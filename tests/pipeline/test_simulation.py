"""What a simulation answers is what the real path then does."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from milestones.domain.account import AccountState
from milestones.domain.event import ContactDeleted, Heard
from milestones.domain.milestone import Milestone
from milestones.domain.observation import Customer, Observation, Run
from milestones.domain.policy import Breaker, Rate
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.variables import Program
from milestones.pipeline import observe
from milestones.pipeline.facts import StoredFacts
from milestones.pipeline.selection import Answer
from milestones.pipeline.simulate import SimulatedGrant, SimulatedReminder, Simulation
from milestones.scans.selection import Look, Selector, choose
from milestones.store import accounts, scans, sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Account, Action, Grant, Reminder
from tests.builders import (
    GO_LIVE,
    NOW,
    SECRET,
    a_coupon,
    a_ladder,
    a_milestone,
    a_near_window,
    a_repeating,
    an_observation,
)
from tests.examples import of_examples
from tests.store.rules import NO_BREAKER, FixedRules, opened

NEAR = a_near_window(remind_every=timedelta(days=3))
ONCE = a_milestone(1000, near=NEAR, rewards=(a_coupon(),))
AGAIN = a_repeating(500, 200, near=NEAR, rewards=(a_coupon(),))
LADDER = a_ladder(300, near=a_near_window(within=50))

ADA = Customer("contact-ada", "member-ada", "ada@example.com", "Ada")
PEOPLE = (
    ADA,
    replace(ADA, contact_id="contact-twin", member_id=None),  # another contact of the same address
    Customer("contact-bob", None, "bob@example.com", "Bob"),
    Customer("contact-eve", None, "eve@example.com", "Eve"),  # not subscribed
    Customer("contact-mute", None, None, "Mute"),
    Customer("contact-odd", None, "odd@@example.com", "Odd"),
)
ACCOUNTS = ("account-1", "account-2", "account-3", "account-4")

_fresh_site = itertools.count()


@dataclass(frozen=True)
class Step:
    """Something that happens: a page is read, or a contact deleted; then days pass."""

    page: tuple[Observation, ...] = ()
    deleted: str | None = None
    days: int = 0


@dataclass(frozen=True)
class Past:
    """A small shop, and what happened to it. then: pages that are simulated, and then read."""

    milestones: tuple[Milestone, ...]
    steps: tuple[Step, ...]
    then: tuple[tuple[Observation, ...], ...]
    at_most: Rate | None = None
    breaker: Breaker = NO_BREAKER
    shadow: bool = False
    redefined: bool = False
    """Whether the milestones' definitions change before what is simulated."""


@dataclass
class Site:
    """The shop in a database of many."""

    store: Store
    past: Past
    id: str = field(default_factory=lambda: f"site-{next(_fresh_site)}")
    now: datetime = NOW

    @property
    def rules(self) -> FixedRules:
        return FixedRules(self.past.milestones, shadow=self.past.shadow, breaker=self.past.breaker)

    @property
    def selector(self) -> Selector:
        return Selector(
            self.id, self.store, self.rules.milestones, self.past.at_most, self._gatekeeper(), self._program
        )

    def _gatekeeper(self) -> Gatekeeper:
        async def statuses(addresses: Sequence[str], /) -> Mapping[str, Any]:
            return {address: Subscribed() for address in addresses if not address.startswith("eve")}

        async def suppressed(_site_id: str, _addresses: Sequence[Any], /) -> set[Any]:
            return {address_form("bob@example.com")} if self.past.shadow else set()

        return Gatekeeper(self.id, statuses, suppressed)

    async def _program(self) -> Program:
        return Program("Star Club", "Stars", active=True)

    def look(self, tx: Any) -> StoredFacts:
        return StoredFacts(tx, self.id, SECRET)

    async def begin(self) -> None:
        async with self.store.write() as tx:
            await sites.take_on(tx, self.id, "main", GO_LIVE)
            await sites.define(tx, self.id, self.rules.milestones, GO_LIVE)

    async def redefine(self) -> None:
        """Each definition becomes another one, with a threshold a little lower."""
        changed = tuple(
            replace(one, threshold=one.threshold - 20, near=one.near) for one in self.past.milestones
        )
        self.past = replace(self.past, milestones=changed)
        async with self.store.write() as tx:
            await sites.define(tx, self.id, changed, self.now)

    async def live(self) -> None:
        for step in self.past.steps:
            if step.deleted is not None:
                heard = [Heard(self.id, "any", ContactDeleted(step.deleted))]
                await observe.hear(self.store, self.rules, heard, self.now)
            if step.page:
                await self.scan([step.page])
            self.now += timedelta(days=step.days)

    async def scan(self, pages: Sequence[Sequence[Observation]]) -> tuple[list[list[Answer]], set[str]]:
        """The real path: what was answered of each page, and the milestones whose reminders are held in the end."""
        async with self.store.write() as tx:
            scan = await scans.start(tx, self.id, "near", self.now)
        answers = []
        for page in pages:
            await observe.observe(self.store, self.rules, self.id, page, self.now)
            answers.append(await choose(self.selector, self.look, page, self.now))
            chosen = [one for answer in answers[-1] if (one := answer.chosen) is not None]
            await observe.remind(self.store, self.rules, scan, chosen, self.now)
        async with self.store.write() as tx:
            found = await sites.find_site(tx, self.id)
            assert found is not None
            held = await scans.finish(tx, scan, self.past.breaker.limit(found.accounts), self.now)
        return answers, set(held)

    async def rows(self, model: Any) -> list[Mapping[Any, Any]]:
        table = table_of(model)
        async with self.store.read() as tx:
            found = await tx.execute(select(table).where(table.c.site_id == self.id))
            return [dict(row) for row in found.mappings()]


class Subscribed:
    """What Wix says of whoever agreed."""

    subscription_status = "SUBSCRIBED"
    deliverability_status = "VALID"


@dataclass
class Simulated:
    """What a simulation answered."""

    answers: list[list[Answer]] = field(default_factory=list)
    grants: list[SimulatedGrant] = field(default_factory=list)
    reminders: list[SimulatedReminder] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    states: Mapping[str, AccountState] = field(default_factory=dict)
    histories: dict[str, list[Run]] = field(default_factory=dict)


async def simulated(site: Site, pages: Sequence[Sequence[Observation]]) -> Simulated:
    simulation, told = Simulation(site.id, site.rules), Simulated()
    look: Look = simulation.look
    for page in pages:
        async with site.store.read() as tx:
            told.grants += await simulation.observe(tx, page, site.now)
        told.answers.append(await choose(site.selector, look, page, site.now))
        chosen = [one for answer in told.answers[-1] if (one := answer.chosen) is not None]
        async with site.store.read() as tx:
            told.reminders += await simulation.remind(tx, chosen, site.now)
    async with site.store.read() as tx:
        told.held = await simulation.find_held(tx, site.now)
        facts = simulation.look(tx)
        told.states = await facts.get_states(ACCOUNTS)
        histories = await facts.get_histories(ACCOUNTS)
        told.histories = {key: list(runs) for key, runs in histories.items()}
    return told


observations = st.builds(
    lambda account, person, balance, revision, told: an_observation(
        balance,
        revision,
        account_id=account,
        customer=person,
        created_at=GO_LIVE + timedelta(days=told) if told else None,
    ),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(PEOPLE),
    st.sampled_from([0, 150, 260, 290, 320, 430, 470, 505, 560, 610, 905, 960, 985, 1010]),
    st.integers(1, 9),
    st.sampled_from([0, 0, 0, 5]),
)
pages = st.lists(observations, min_size=1, max_size=5, unique_by=lambda item: item.account_id).map(tuple)
steps = st.builds(
    Step,
    pages,
    st.sampled_from([None, None, None, "contact-ada", "contact-bob"]),
    st.integers(0, 4),
)
pasts = st.builds(
    Past,
    milestones=st.lists(
        st.sampled_from([ONCE, AGAIN, LADDER]), min_size=1, unique_by=lambda one: one.key
    ).map(tuple),
    steps=st.lists(steps, max_size=4).map(tuple),
    then=st.lists(pages, min_size=1, max_size=3).map(tuple),
    at_most=st.sampled_from([None, Rate(1, timedelta(days=7))]),
    breaker=st.sampled_from([NO_BREAKER, Breaker(0.01, 1)]),
    shadow=st.sampled_from([False, False, True]),
    redefined=st.booleans(),
)


def the_same(
    site: Site, told: Simulated, before: Mapping[Any, list[Any]], after: Mapping[Any, list[Any]]
) -> None:
    known = {model: {row["id"] for row in rows} for model, rows in before.items()}
    new = {model: [row for row in after[model] if row["id"] not in known[model]] for model in before}
    grants = {(one.reached.account_id, one.reached.version.number, *occasion(one)) for one in told.grants}
    assert grants == {
        (
            row["account_id"],
            row["version"],
            row["milestone"],
            row["occurrence"],
            row["revision"],
            row["value"],
        )
        for row in new[Grant]
    }
    assert {
        (
            one.chosen.account_id,
            one.chosen.milestone,
            one.chosen.approach,
            one.chosen.number,
            one.chosen.value,
        )
        for one in told.reminders
    } == {
        (row["account_id"], row["milestone"], row["approach"], row["number"], row["value"])
        for row in new[Reminder]
    }
    stops = {action.key: one.stop for one in told.grants for action in one.actions}
    for one in told.reminders:
        held = one.chosen.milestone in told.held and one.stop is not Verdict.SHADOW
        stops |= {action.key: Verdict.BREAKER if held else one.stop for action in one.actions}
    # Whom a later page shows to be gone is owed nothing any more, whatever an earlier page gave. In shadow mode it was
    # over as it was written.
    gone = {key for key, state in told.states.items() if state.erased_at is not None}
    owed = [row["key"] for row in new[Action] if row["account_id"] in gone]
    stops |= {key: Verdict.DELETED for key in owed if stops.get(key) is not Verdict.SHADOW}
    assert stops == {row["key"]: row["verdict"] for row in new[Action]}


def occasion(one: SimulatedGrant) -> tuple[str, int, int, int]:
    crossing = one.reached.crossing
    return one.reached.version.milestone.key, crossing.occurrence, crossing.revision, crossing.value


async def check_past(store: Store, past: Past) -> None:
    site = Site(store, past)
    await site.begin()
    await site.live()
    if past.redefined:
        await site.redefine()
    models = (Grant, Reminder, Action, Account)
    before = {model: await site.rows(model) for model in models}
    told = await simulated(site, past.then)
    assert {model: await site.rows(model) for model in models} == before, "it wrote"
    answers, held = await site.scan(past.then)
    assert told.answers == answers
    after = {model: await site.rows(model) for model in models}
    the_same(site, told, {k: before[k] for k in (Grant, Reminder, Action)}, after)
    assert held <= told.held
    async with store.read() as tx:
        assert await accounts.get_states(tx, site.id, ACCOUNTS) == told.states
        assert await accounts.get_histories(tx, site.id, ACCOUNTS) == told.histories


GONE_LATER = Past(
    milestones=(ONCE,),
    steps=(Step((an_observation(610, 1, account_id="account-3", customer=ADA),), deleted="contact-bob"),),
    then=(
        (an_observation(1010, 4, account_id="account-3", customer=ADA),),
        (an_observation(505, 5, account_id="account-3", customer=PEOPLE[2]),),
    ),
)
"""A grant is given on one page, and the next page tells that the account is of a contact who is gone."""

GONE_IN_SHADOW = replace(GONE_LATER, shadow=True)


def test_what_is_simulated_is_what_then_happens(tmp_path: Any) -> None:
    with asyncio.Runner() as runner:
        opening = opened(f"sqlite:///{tmp_path / 'milestones.db'}")
        store = runner.run(opening.__aenter__())

        @settings(
            phases=(Phase.explicit, Phase.generate),
            max_examples=of_examples(1),
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(pasts)
        @example(GONE_LATER)
        @example(GONE_IN_SHADOW)
        def check(past: Past) -> None:
            runner.run(check_past(store, past))

        try:
            check()
        finally:
            runner.run(opening.__aexit__(None, None, None))
