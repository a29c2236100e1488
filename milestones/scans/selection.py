"""Who of a page is reminded: facts are gathered in batches, the answer is ``domain.reminder.select``'s."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from milestones.domain.account import AccountState, history_for
from milestones.domain.crossing import armed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Customer, Measures, Observation
from milestones.domain.policy import Rate
from milestones.domain.reminder import (
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
from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.consent import Reader as Addressee
from milestones.kinds.email.variables import Program
from milestones.store import accounts, sites
from milestones.store.database.store import Store
from milestones.store.outbox import ledger, reminders


@dataclass(frozen=True, slots=True)
class Selector:
    """What choosing needs of one site.

    program: as it was at most five minutes ago; raises ChannelError.
    """

    site_id: str
    store: Store
    milestones: tuple[Milestone, ...]
    at_most: Rate | None
    gatekeeper: Gatekeeper
    program: Callable[[], Awaitable[Program]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided of one account: a verdict for each milestone, and at most one reminder."""

    account_id: str
    measures: Measures
    verdicts: tuple[tuple[str, Verdict], ...]
    reminder: Selected | None


async def choose(selector: Selector, seen: Sequence[Observation], now: datetime) -> list[Answer]:
    """Decide for the accounts of a page that are near any milestone.

    Raises ChannelError when consent or the program's status cannot be learned: doubt is no consent.
    """
    async with selector.store.read() as tx:
        known = await accounts.load(tx, selector.site_id, [item.account_id for item in seen])
    near = {
        item.account_id: found
        for item in seen
        if (found := _near(selector, item, known.get(item.account_id)))
    }
    if not near:
        return []
    circumstances = await _circumstances(selector, now)
    unarmed = await _unarmed(selector, near, known)
    async with selector.store.read() as tx:
        reminded = await ledger.reminded(tx, selector.site_id, near)
        granted = await ledger.given(tx, selector.site_id, near)
        told = await reminders.of_people(tx, selector.site_id, near)
    order = list(near)
    refusals = await selector.gatekeeper.refusals(
        {number: Addressee(near[account_id].customer.email) for number, account_id in enumerate(order)}
    )
    answers = []
    for number, account_id in enumerate(order):
        refusal = refusals.get(number)
        candidate = Candidate(
            measures=near[account_id].measures,
            reader=_reader(refusal, erased=near[account_id].erased),
            reminded=[
                Reminded(row.milestone, row.approach, row.number, row.recorded_at)
                for row in reminded.get(account_id, [])
            ],
            others=told[account_id].others,
            left=told[account_id].left(account_id),
            waiting=told[account_id].waiting,
            granted={
                milestone.key: [grant.occurrence for grant in granted.get((account_id, milestone.key), [])]
                for milestone in selector.milestones
            },
            unarmed=unarmed.get(account_id, ()),
        )
        selection = select(selector.milestones, candidate, circumstances)
        verdicts, reminder = selection.verdicts, selection.reminder
        if refusal is Verdict.ONLY_TO:
            # A reminder that cannot leave must not use up the customer's approach.
            verdicts = tuple((key, refusal if v is Verdict.NEAR else v) for key, v in verdicts)
            reminder = None
        answers.append(Answer(account_id, candidate.measures, verdicts, reminder))
    return _one_for_each_person(answers, {item: told[item].accounts for item in near}, near)


@dataclass(frozen=True, slots=True)
class _Near:
    measures: Measures
    customer: Customer
    erased: bool


def _one_for_each_person(
    answers: Sequence[Answer], people: Mapping[str, frozenset[str]], near: Mapping[str, _Near]
) -> list[Answer]:
    """Of the accounts of one contact or mail address, the one that misses least is reminded."""
    taken: set[str] = set()
    found: dict[str, Answer] = {}
    for answer in sorted(answers, key=_nearest_first):
        customer = near[answer.account_id].customer
        names = {
            *people[answer.account_id],
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


def _near(selector: Selector, item: Observation, state: AccountState | None) -> _Near | None:
    """The account as it is now, if any milestone is near. A read may be older than what an event told."""
    measures, customer, erased = item.point.measures, item.customer, False
    if state is not None:
        erased = state.erased_at is not None
        if state.last.last.order >= item.point.order:
            measures = state.measures
        customer = customer if not erased else state.customer
    for milestone in selector.milestones:
        value = measures.of(milestone.measure)
        if value is not None and milestone.missing(value) is not None:
            return _Near(measures, customer, erased)
    return None


async def _circumstances(selector: Selector, now: datetime) -> Circumstances:
    program = await selector.program()
    async with selector.store.read() as tx:
        site = await sites.named(tx, selector.site_id)
        paused = await sites.paused_milestones(tx, selector.site_id)
    if site is not None and site.paused:
        paused = {milestone.key for milestone in selector.milestones}
    return Circumstances(
        now=now,
        at_most=selector.at_most,
        site_active=site is None or site.state == "active",
        program_active=program.active,
        paused=paused,
    )


async def _unarmed(
    selector: Selector, near: Mapping[str, _Near], known: Mapping[str, AccountState]
) -> dict[str, set[str]]:
    """The repeating milestones that an account must first fall back for."""
    if not any(milestone.repeat is Repeat.EVERY for milestone in selector.milestones):
        return {}
    async with selector.store.read() as tx:
        versions = await sites.versions(tx, selector.site_id, selector.milestones)
        runs = await accounts.histories(tx, selector.site_id, near)
    return {
        account_id: {
            version.milestone.key
            for version in versions
            if version.milestone.repeat is Repeat.EVERY
            and not armed(version.milestone, history_for(state, runs[account_id], version))
        }
        for account_id in near
        if (state := known.get(account_id)) is not None
    }


def _reader(refusal: Verdict | None, *, erased: bool) -> Reader:
    return Reader(
        has_address=refusal is not Verdict.NO_ADDRESS,
        usable_address=refusal is not Verdict.UNUSABLE_ADDRESS,
        subscribed=refusal is not Verdict.NOT_SUBSCRIBED,
        deliverable=refusal is not Verdict.UNDELIVERABLE,
        suppressed=refusal is Verdict.SUPPRESSED,
        deleted=erased,
    )
