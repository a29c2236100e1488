"""Who is reminded and why the others are not: facts are gathered in batches, the answer is ``domain.reminder.select``'s.

It writes nothing and asks nobody but the facts: whether a customer may be mailed is told by whoever asks.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from milestones.domain.account import AccountState, Definitions, history_for, with_bases
from milestones.domain.crossing import is_armed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Customer, Measures, Observation
from milestones.domain.policy import Rate
from milestones.domain.reminder import (
    APART,
    Candidate,
    Circumstances,
    Reader,
    Reminded,
    Selected,
    nearest_first,
    select,
)
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.pipeline.context import Chosen
from milestones.pipeline.facts import Facts
from milestones.store import sites
from milestones.store.database.store import Transaction
from milestones.store.outbox.reminders import PersonReminders
from milestones.store.tables import SiteState


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided of one account: a verdict for each milestone, and at most one reminder."""

    account_id: str
    measures: Measures
    verdicts: tuple[tuple[str, Verdict], ...]
    reminder: Selected | None

    @property
    def chosen(self) -> Chosen | None:
        """The reminder, as it is recorded."""
        if (selected := self.reminder) is None:
            return None
        return Chosen(
            self.account_id,
            selected.milestone,
            approach=selected.approach,
            number=selected.number,
            value=selected.value,
        )


@dataclass(frozen=True, slots=True)
class Prospect:
    """An account that may be reminded, as it is now. state: None where only a read tells of it."""

    state: AccountState | None
    measures: Measures
    customer: Customer

    @property
    def is_erased(self) -> bool:
        """Whether who it was is forgotten."""
        return self.state is not None and self.state.erased_at is not None


@dataclass(frozen=True, slots=True)
class History:
    """What was given to an account and told to its person before. unarmed: as in ``domain.reminder.Candidate``."""

    reminders: Sequence[Reminded]
    person: PersonReminders
    granted: Mapping[str, Collection[int]]
    unarmed: Collection[str]


async def find_near(
    facts: Facts, milestones: Iterable[Milestone], seen: Sequence[Observation]
) -> dict[str, Prospect]:
    """Those of the accounts that were read to which any milestone is near."""
    known = await facts.get_states([item.account_id for item in seen])
    wanted = list(milestones)
    found = {item.account_id: _prospect(item, known.get(item.account_id)) for item in seen}
    return {key: prospect for key, prospect in found.items() if _is_near(wanted, prospect.measures)}


def _prospect(item: Observation, state: AccountState | None) -> Prospect:
    """The account as it is now: a read may be older than what an event told."""
    measures, customer = item.point.measures, item.customer
    if state is not None:
        if state.last.last.order >= item.point.order:
            measures = state.measures
        customer = customer if state.erased_at is None else state.customer
    return Prospect(state, measures, customer)


def _is_near(milestones: Iterable[Milestone], measures: Measures) -> bool:
    return any(
        (value := measures.of(milestone.measure)) is not None and milestone.missing(value) is not None
        for milestone in milestones
    )


@dataclass(frozen=True, slots=True)
class Background:
    """What the gates look at beside the accounts themselves."""

    circumstances: Circumstances
    histories: Mapping[str, History]


async def gather(
    tx: Transaction,
    facts: Facts,
    site_id: str,
    milestones: Sequence[Milestone],
    prospects: Mapping[str, Prospect],
    *,
    at_most: Rate | None,
    program_active: bool,
    now: datetime,
) -> Background:
    """Read what came before, for each of these accounts, and what holds for all of them."""
    site = await sites.find_site(tx, site_id)
    paused = await sites.list_paused_milestones(tx, site_id)
    if site is not None and site.paused:
        paused = {milestone.key for milestone in milestones}
    circumstances = Circumstances(
        now=now,
        at_most=at_most,
        site_active=site is None or site.state == SiteState.ACTIVE,
        program_active=program_active,
        paused=paused,
    )
    definitions = Definitions.in_force(await sites.get_versions(tx, site_id, milestones))
    return Background(circumstances, await _get_histories(facts, definitions, prospects))


async def _get_histories(
    facts: Facts, definitions: Definitions, prospects: Mapping[str, Prospect]
) -> dict[str, History]:
    reminded = await facts.get_reminders(prospects)
    given = await facts.get_grants(prospects)
    people = await facts.get_people(prospects)
    unarmed = await _find_unarmed(facts, definitions, prospects)
    granted: dict[str, dict[str, list[int]]] = {}
    for (account_id, key), grants in given.items():
        granted.setdefault(account_id, {})[key] = [grant.occurrence for grant in grants]
    return {
        account_id: History(
            reminders=reminded.get(account_id, ()),
            person=people[account_id],
            granted=granted.get(account_id, {}),
            unarmed=unarmed.get(account_id, ()),
        )
        for account_id in prospects
    }


async def _find_unarmed(
    facts: Facts, definitions: Definitions, prospects: Mapping[str, Prospect]
) -> dict[str, set[str]]:
    """The repeating milestones that an account must first fall back for."""
    repeating = [one for one in definitions.versions.values() if one.milestone.repeat is Repeat.EVERY]
    if not repeating:
        return {}
    histories = await facts.get_histories(prospects)
    return {
        account_id: {
            version.milestone.key
            for version in repeating
            if not is_armed(version.milestone, history_for(state, histories[account_id], version))
        }
        for account_id, prospect in prospects.items()
        if (known := prospect.state) is not None
        # A definition that came since the account was last decided looks from what was known then.
        for state in [with_bases(known, definitions)]
    }


def select_reminders(
    milestones: Sequence[Milestone],
    prospects: Mapping[str, Prospect],
    background: Background,
    refusals: Mapping[str, Verdict],
) -> list[Answer]:
    """Decide for these accounts, of which two may be one person's. refusals: why accounts cannot be mailed."""
    answers = [
        _answer(milestones, account_id, prospect, background, refusals.get(account_id))
        for account_id, prospect in prospects.items()
    ]
    return _one_for_each_person(answers, prospects, background.histories)


def _answer(
    milestones: Sequence[Milestone],
    account_id: str,
    prospect: Prospect,
    background: Background,
    refusal: Verdict | None,
) -> Answer:
    history = background.histories[account_id]
    candidate = Candidate(
        measures=prospect.measures,
        reader=_reader(refusal, erased=prospect.is_erased),
        reminded=history.reminders,
        others=history.person.others,
        left=history.person.list_left(account_id),
        waiting=history.person.waiting,
        granted=history.granted,
        unarmed=history.unarmed,
    )
    selection = select(milestones, candidate, background.circumstances)
    verdicts, reminder = selection.verdicts, selection.reminder
    if refusal is Verdict.ONLY_TO:
        # A reminder that cannot leave must not use up the customer's approach.
        verdicts = tuple((key, refusal if v is Verdict.NEAR else v) for key, v in verdicts)
        reminder = None
    return Answer(account_id, prospect.measures, verdicts, reminder)


def _reader(refusal: Verdict | None, *, erased: bool) -> Reader:
    return Reader(
        has_address=refusal is not Verdict.NO_ADDRESS,
        usable_address=refusal is not Verdict.UNUSABLE_ADDRESS,
        subscribed=refusal is not Verdict.NOT_SUBSCRIBED,
        deliverable=refusal is not Verdict.UNDELIVERABLE,
        suppressed=refusal is Verdict.SUPPRESSED,
        deleted=erased,
    )


def _one_for_each_person(
    answers: Sequence[Answer],
    prospects: Mapping[str, Prospect],
    histories: Mapping[str, History],
) -> list[Answer]:
    """Of the accounts of one contact or mail address, the one that misses least is reminded."""
    taken: set[str] = set()
    found: dict[str, Answer] = {}
    for answer in sorted(answers, key=_nearest_first):
        customer = prospects[answer.account_id].customer
        names = {
            *histories[answer.account_id].person.accounts,
            customer.contact_id or "",
            address_form(customer.email or ""),
        } - {""}
        if answer.reminder is None or taken.isdisjoint(names):
            taken |= names if answer.reminder is not None else set()
            found[answer.account_id] = answer
            continue
        verdicts = tuple((k, Verdict.NEARER_ONE if v is Verdict.NEAR else v) for k, v in answer.verdicts)
        found[answer.account_id] = replace(answer, verdicts=verdicts, reminder=None)
    return [found[answer.account_id] for answer in answers]


def _nearest_first(answer: Answer) -> tuple[bool, tuple[int, str], str]:
    reminder = answer.reminder
    return reminder is None, nearest_first(reminder) if reminder else (0, ""), answer.account_id


async def find_still_due(
    facts: Facts, definitions: Definitions, chosen: Sequence[Chosen], now: datetime
) -> list[Chosen]:
    """Those of the chosen reminders that may be recorded now: another one of the same person may have come first since
    they were chosen, or the configuration have been reloaded.
    """
    ids = [item.account_id for item in chosen]
    past = await facts.get_reminders(ids)
    people = await facts.get_people(ids)
    due: list[Chosen] = []
    taken = set[str]()
    for item in chosen:
        version = definitions.versions.get(item.milestone)
        if version is None or version.milestone.missing(item.value) is None:
            continue
        occasion = item.milestone, item.approach, item.number
        if any(
            (one.milestone, one.approach, one.number) == occasion for one in past.get(item.account_id, ())
        ):
            continue
        person = people[item.account_id]
        just_told = any(now < at + APART for at in person.others)
        if person.waiting or just_told or not taken.isdisjoint(person.accounts):
            continue
        taken |= person.accounts
        due.append(item)
    return due
