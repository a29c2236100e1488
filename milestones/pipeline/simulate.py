"""The pipeline's judgement without its recording: what observations would lead to, over what is known, and nothing is
written.

A simulation holds what it was told over what the database has, and asks the same functions in the same order as
``observe`` and a scan do: ``judge`` for what is owed, ``selection`` for who is reminded, ``record.Stops`` for what the
breaker or shadow mode keeps back. What it answers is therefore what would happen, as long as nobody else is told anything
meanwhile. Merges are carried out by recording alone (``store.people.merges``): an account whose contact is first heard of
here inherits nothing from contacts that were merged into it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from milestones.domain.account import AccountState, Definitions, Taken
from milestones.domain.actions import PlannedAction, State
from milestones.domain.crossing import Given
from milestones.domain.mute import Mute
from milestones.domain.observation import Observation, Run
from milestones.domain.reminder import Reminded
from milestones.domain.verdict import Verdict
from milestones.pipeline import judge
from milestones.pipeline.context import Chosen, Reached, Rules
from milestones.pipeline.facts import Facts, Grants, StoredFacts
from milestones.pipeline.record import get_recent, plan_for_grant, plan_for_reminder, start_stops
from milestones.pipeline.selection import find_still_due
from milestones.store import accounts, sites
from milestones.store.database.store import Transaction
from milestones.store.outbox import reminders
from milestones.store.outbox.reminders import PersonReminders
from milestones.store.tables import Site, SiteState


@dataclass(frozen=True, slots=True)
class SimulatedGrant:
    """A grant that would be recorded, and the actions it would owe. stop: what would keep these back, or None."""

    reached: Reached
    stop: Verdict | None
    actions: Sequence[PlannedAction]


@dataclass(frozen=True, slots=True)
class SimulatedReminder:
    """A reminder that would be recorded, and its mail. stop: what would keep that back when its scan is complete."""

    chosen: Chosen
    stop: Verdict | None
    actions: Sequence[PlannedAction]


@dataclass(slots=True)
class _Layer:
    """What was simulated so far, by account."""

    states: dict[str, AccountState] = field(default_factory=dict)
    histories: dict[str, Sequence[Run]] = field(default_factory=dict)
    grants: dict[tuple[str, str], list[Given]] = field(default_factory=dict)
    reminders: dict[str, list[Reminded]] = field(default_factory=dict)
    mails: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


class Simulation:
    """A site as it would be after what this was told. ``look`` shows it, with what the database knows below it."""

    def __init__(self, site_id: str, rules: Rules) -> None:
        self._site_id = site_id
        self._rules = rules
        self._layer = _Layer()

    def look(self, tx: Transaction) -> Facts:
        """What would be known of the accounts."""
        return _SimulatedFacts(StoredFacts(tx, self._site_id, self._rules.secret), self._layer)

    async def observe(
        self, tx: Transaction, observations: Sequence[Observation], now: datetime
    ) -> list[SimulatedGrant]:
        """What ``pipeline.observe`` would give for these, all at once."""
        site = await sites.find_site(tx, self._site_id)
        if site is None or site.state != SiteState.ACTIVE:
            return []
        assert site.go_live_at is not None, "an active site has gone live"
        by_account, _ = judge.group_by_account(observations, site.go_live_at, now)
        if not by_account:
            return []
        facts = self.look(tx)
        definitions = await self._get_definitions(tx)
        known = await facts.get_states(by_account)
        placed = await judge.place_observations(facts, definitions, by_account, known)
        await self._keep(facts, placed, known)
        owed = await judge.find_owed(facts, definitions, [item for item in placed if item.crossed])
        return await self._grant(tx, site, owed.grants, now)

    async def remind(
        self, tx: Transaction, chosen: Sequence[Chosen], now: datetime
    ) -> list[SimulatedReminder]:
        """What ``pipeline.remind`` would record of these, all at once."""
        site = await sites.find_site(tx, self._site_id)
        assert site is not None, "its accounts were chosen from"
        stops = start_stops(self._rules, site, await self._get_recent(tx, now))
        definitions = await self._get_definitions(tx)
        found = []
        for item in await find_still_due(self.look(tx), definitions, chosen, now):
            _, planned = plan_for_reminder(self._rules, site.id, item, definitions, now)
            stop = stops.next(item.milestone)
            found.append(SimulatedReminder(item, stop, planned))
            self._remember(item, planned, stop, now)
        return found

    async def find_held(self, tx: Transaction, now: datetime) -> set[str]:
        """The milestones of which no reminder would go when the scan is complete, since they are too many."""
        site = await sites.find_site(tx, self._site_id)
        assert site is not None, "its accounts were chosen from"
        limit = self._rules.site(site.id).breaker.limit(site.accounts)
        recent = await self._get_recent(tx, now)
        return {milestone for milestone, number in recent.items() if number > limit}

    async def _get_definitions(self, tx: Transaction) -> Definitions:
        milestones = self._rules.site(self._site_id).milestones
        return Definitions.in_force(await sites.get_versions(tx, self._site_id, milestones))

    async def _get_recent(self, tx: Transaction, now: datetime) -> Counter[str]:
        return Counter(await get_recent(tx, self._site_id, now)) + self._layer.counts

    async def _keep(self, facts: Facts, placed: Iterable[Taken], known: Mapping[str, AccountState]) -> None:
        by_account = {item.state.account_id: item for item in placed}
        histories = await facts.get_histories(by_account)
        for account_id, item in by_account.items():
            past = histories.get(account_id, ())
            self._layer.histories[account_id] = _history_after(past, known.get(account_id), item)
            self._layer.states[account_id] = self._as_kept(item.state)

    def _as_kept(self, state: AccountState) -> AccountState:
        """As the store gives it back: of who is gone, only the key of the contact."""
        of_contact, _ = accounts.person_keys(self._site_id, self._rules.secret, state)
        told = state.customer.contact_id if state.erased_at is None else None
        return replace(state, customer=replace(state.customer, contact_id=told), contact_key=of_contact)

    async def _grant(
        self, tx: Transaction, site: Site, owed: Sequence[Reached], now: datetime
    ) -> list[SimulatedGrant]:
        stops = start_stops(self._rules, site, await self._get_recent(tx, now))
        found = []
        for item in owed:
            _, planned = plan_for_grant(self._rules, site.id, item, now)
            crossing, key = item.crossing, item.version.milestone.key
            found.append(SimulatedGrant(item, self._stop(item, stops.next(key)), planned))
            given = Given(
                crossing.occurrence, crossing.revision, crossing.at, crossing.value, item.version.number
            )
            self._layer.grants.setdefault((item.account_id, key), []).append(given)
            self._layer.counts[key] += 1
        return found

    def _stop(self, item: Reached, stop: Verdict | None) -> Verdict | None:
        """What would keep a grant back: of who is gone, recording cancels what is owed (``people.reconcile``)."""
        is_erased = self._layer.states[item.account_id].erased_at is not None
        return Verdict.DELETED if is_erased and stop is not Verdict.SHADOW else stop

    def _remember(
        self, item: Chosen, planned: Sequence[PlannedAction], stop: Verdict | None, now: datetime
    ) -> None:
        reminded = Reminded(item.milestone, item.approach, item.number, now)
        self._layer.reminders.setdefault(item.account_id, []).append(reminded)
        self._layer.counts[item.milestone] += 1
        state = State.CANCELLED if stop is Verdict.SHADOW else State.HELD
        self._layer.mails.setdefault(item.account_id, []).extend(
            {
                "id": None,
                "account_id": item.account_id,
                "milestone": item.milestone,
                "state": state,
                "settled_at": now if stop is Verdict.SHADOW else None,
                "payload": action.payload,
            }
            for action in planned
        )


def _history_after(past: Sequence[Run], known: AccountState | None, item: Taken) -> Sequence[Run]:
    """The whole history with the runs that an observation wrote, each at its place."""
    written = [run for _, run in sorted(item.runs.items())]
    if item.rewritten or known is None:
        return written
    if not written:
        return past
    kept = min(item.runs) - (known.ordinal - len(past) + 1)
    return [*past[:kept], *written]


@dataclass(frozen=True, slots=True)
class _SimulatedFacts:
    """``Facts`` of the database with what was simulated over them."""

    stored: StoredFacts
    layer: _Layer

    async def get_states(self, account_ids: Collection[str], /) -> Mapping[str, AccountState]:
        own = {key: state for key in account_ids if (state := self.layer.states.get(key)) is not None}
        return {**await self.stored.get_states([key for key in account_ids if key not in own]), **own}

    async def get_histories(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Run]]:
        own = {key: runs for key in account_ids if (runs := self.layer.histories.get(key)) is not None}
        return {**await self.stored.get_histories([key for key in account_ids if key not in own]), **own}

    async def get_mutes(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Mute]]:
        return await self.stored.get_mutes(account_ids)

    async def get_grants(self, account_ids: Collection[str], /) -> Grants:
        wanted = set(account_ids)
        found = {key: list(grants) for key, grants in (await self.stored.get_grants(account_ids)).items()}
        for key, grants in self.layer.grants.items():
            if key[0] in wanted:
                found[key] = [*found.get(key, []), *grants]
        return found

    async def get_reminders(self, account_ids: Collection[str], /) -> Mapping[str, Sequence[Reminded]]:
        found = await self.stored.get_reminders(account_ids)
        return {key: [*found.get(key, ()), *self.layer.reminders.get(key, ())] for key in account_ids}

    async def get_people(self, account_ids: Collection[str], /) -> Mapping[str, PersonReminders]:
        stored = self.stored
        keys = {
            account_id: accounts.person_keys(stored.site_id, stored.secret, state)
            for account_id, state in self.layer.states.items()
        }
        people = await reminders.get_by_person(stored.tx, stored.site_id, account_ids, keys)
        return {account_id: self._add_simulated(account_id, one) for account_id, one in people.items()}

    def _add_simulated(self, account_id: str, person: PersonReminders) -> PersonReminders:
        others = [
            reminded.at
            for other in person.accounts
            if other != account_id
            for reminded in self.layer.reminders.get(other, ())
        ]
        mails = [mail for other in person.accounts for mail in self.layer.mails.get(other, ())]
        return replace(person, others=[*person.others, *others], mails=[*person.mails, *mails])

    async def find_gone(self, contact_ids: Collection[str], /) -> Mapping[str, datetime]:
        return await self.stored.find_gone(contact_ids)
