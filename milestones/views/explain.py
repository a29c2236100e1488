"""Recomputes, from what is stored, why an account did or did not get something. Asks nobody and changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from milestones.config.settings import Settings, SiteSettings
from milestones.domain.account import AccountState, Version
from milestones.domain.actions import State
from milestones.domain.keys import grant_key, reminder_key
from milestones.domain.milestone import Milestone
from milestones.domain.observation import Run
from milestones.domain.verdict import Verdict
from milestones.errors import StoreError, UsageError
from milestones.store import accounts, sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.outbox.reminders import PersonReminders, of_people
from milestones.store.tables import Account, Action, Grant, ObservationRun, Reminder, Site, Trace
from milestones.store.views import lookup
from milestones.views.approach import Surroundings, reminder_now
from milestones.views.notices import rest_notices
from milestones.views.person import Mailable, mailable, person
from milestones.views.reached import judged, rule_of
from milestones.views.sentences import MOVED_ON_BY, NEEDS, reason, subject
from milestones.views.times import moment_of
from milestones.views.trace import (
    Answered,
    Effect,
    Explanation,
    Granted,
    Seen,
    Story,
    Told,
)


@dataclass(frozen=True, slots=True)
class Records:
    """All rows about one account, and what holds for its site."""

    site: Site
    account: Account
    state: AccountState
    runs: Sequence[Run]
    rows: Sequence[ObservationRun]
    versions: Mapping[str, Version]
    grants: Sequence[Grant]
    reminders: Sequence[Reminder]
    told: PersonReminders
    traces: Sequence[Trace]
    actions: Mapping[str, Sequence[Action]]
    paused: frozenset[str]
    mail: Mailable


async def explain(
    tx: Transaction, settings: Settings, account: Account, now: datetime, only: str | None = None
) -> Explanation:
    """The whole trace of an account. only: one milestone, by its key. Raises UsageError for one that never was."""
    rules = settings.for_site(account.site_id)
    records = await _records(tx, rules, account)
    keys = [milestone.key for milestone in rules.milestones]
    former = {row.milestone for row in records.grants} | {row.milestone for row in records.reminders}
    keys += sorted(former - set(keys))
    if only is not None and only not in keys:
        raise UsageError(f"There is no milestone {only!r} here; the keys are {', '.join(keys) or 'none'}.")
    stories = [_story(records, rules, key, now) for key in keys if only in {None, key}]
    resting = await rest_notices(tx, settings, now, site_id=account.site_id)
    return Explanation(
        person=person(records.site, account, records.mail),
        history=tuple(map(_seen, records.rows)),
        stories=tuple(stories),
        notes=(*_notes(records, settings, await heartbeat.held(tx), only), *resting),
    )


async def _records(tx: Transaction, rules: SiteSettings, account: Account) -> Records:
    site = await sites.named(tx, account.site_id)
    assert site is not None, "an account belongs to a known site"
    state = (await accounts.load(tx, site.id, [account.id])).get(account.id)
    if state is None:
        raise StoreError("The history of this account is missing; `milestones db check` says more.")
    histories = await accounts.histories(tx, site.id, [account.id])
    versions = await sites.versions(tx, site.id, rules.milestones)
    paused = await sites.paused_milestones(tx, site.id)
    by_owner: dict[str, list[Action]] = {}
    for action in reversed(await lookup.actions(tx, lookup.Which(site=site.id, account=account.id))):
        by_owner.setdefault(action.owner, []).append(action)
    return Records(
        site=site,
        account=account,
        state=_as_versions_stand(state, versions),
        runs=histories[account.id],
        rows=await lookup.runs(tx, site.id, account.id),
        versions={version.milestone.key: version for version in versions},
        grants=await lookup.grants_of(tx, site.id, account.id),
        reminders=await lookup.reminders_of(tx, site.id, account.id),
        told=(await of_people(tx, site.id, [account.id]))[account.id],
        traces=await lookup.traces_of(tx, site.id, account.id),
        actions=by_owner,
        paused=frozenset(milestone.key for milestone in rules.milestones if site.paused) | paused,
        mail=await mailable(tx, rules, site, account),
    )


def _as_versions_stand(state: AccountState, versions: Sequence[Version]) -> AccountState:
    """Versions that came since the account was last decided start from what was known then."""
    base = state.last.last
    later = {version.milestone.key: base for version in versions if version.number > state.definitions}
    return replace(state, bases={**state.bases, **later})


def _story(records: Records, rules: SiteSettings, key: str, now: datetime) -> Story:
    milestone = rules.milestone(key)
    grants = tuple(_granted(records, row) for row in records.grants if row.milestone == key)
    reminders = tuple(_told(records, row) for row in records.reminders if row.milestone == key)
    answers = tuple(
        Answered(row.stage, row.verdict, reason(row.verdict), row.first_at, row.last_at, row.times)
        for row in records.traces
        if row.milestone == key
    )
    if milestone is None:
        return _former(key, grants, reminders, answers)
    version = records.versions.get(key)
    if version is None:
        return _unknown(milestone, answers)
    given = [row for row in records.grants if row.milestone == key]
    found = judged(records.state, records.runs, version, given)
    around = Surroundings(
        rules=rules,
        site=records.site,
        state=records.state,
        runs=records.runs,
        versions=list(records.versions.values()),
        grants=records.grants,
        reminders=records.reminders,
        told=records.told,
        paused=records.paused,
        mail=records.mail,
    )
    reminder, because, following = reminder_now(around, milestone, now)
    return Story(
        key=key,
        title=milestone.title,
        rule=rule_of(milestone),
        version=version.number,
        since=version.activated_at,
        looks_from=found.looks_from,
        value=found.value,
        target=found.target,
        standing=found.standing,
        because=found.because,
        crossings=found.crossings,
        grants=grants,
        reminders=reminders,
        answers=answers,
        reminder=reminder,
        reminder_because=because,
        following=(*found.following, *following),
    )


def _former(
    key: str, grants: tuple[Granted, ...], reminders: tuple[Told, ...], answers: tuple[Answered, ...]
) -> Story:
    return Story(
        key=key,
        title=key,
        rule="no longer in the configuration",
        version=None,
        since=None,
        looks_from="",
        value=None,
        target=None,
        standing="retired",
        because="The configuration no longer has it: what was given stays, and nothing more is.",
        grants=grants,
        reminders=reminders,
        answers=answers,
    )


def _unknown(milestone: Milestone, answers: tuple[Answered, ...]) -> Story:
    return Story(
        key=milestone.key,
        title=milestone.title,
        rule=rule_of(milestone),
        version=None,
        since=None,
        looks_from="",
        value=None,
        target=None,
        standing="not in force",
        because="It is in config.toml, and no daemon has run with it yet. Start it, or `milestones reload`.",
        answers=answers,
    )


def _granted(records: Records, row: Grant) -> Granted:
    owner = grant_key(row.site_id, row.account_id, row.milestone, row.occurrence)
    if row.verdict == Verdict.INHERITED:
        # What it owed came along, under the key of the account that was given it.
        same = ["grant", *owner.split("/")[-2:]]
        owner = next(
            (key for key in records.actions if [*key.split("/")[:1], *key.split("/")[-2:]] == same), owner
        )
    return Granted(
        occurrence=row.occurrence,
        version=row.version,
        value=row.value,
        revision=row.revision,
        source=row.source,
        configuration=row.configuration,
        recorded_at=row.recorded_at,
        verdict=row.verdict,
        reason=reason(row.verdict),
        effects=_effects(records, owner),
    )


def _told(records: Records, row: Reminder) -> Told:
    owner = reminder_key(row.site_id, row.account_id, row.milestone, row.approach, row.number)
    return Told(
        approach=row.approach,
        number=row.number,
        value=row.value,
        recorded_at=row.recorded_at,
        configuration=row.configuration,
        effects=_effects(records, owner),
    )


def _effects(records: Records, owner: str) -> tuple[Effect, ...]:
    siblings = records.actions.get(owner, [])
    numbers = {action.key: action.id or 0 for action in siblings}
    return tuple(
        Effect(
            id=action.id or 0,
            kind=action.kind,
            state=action.state,
            subject=subject(action),
            verdict=action.verdict,
            reason=reason(action.verdict),
            waits_because=NEEDS.get(action.needs) if action.needs else None,
            waits_for=tuple(numbers[key] for key in action.waits_for if key in numbers),
            moved_on_by=MOVED_ON_BY[State(action.state)],
            at=action.settled_at or action.recorded_at,
            due=action.available_at if action.state == State.AVAILABLE else None,
            attempts=action.attempts,
            error=action.error,
        )
        for action in siblings
    )


def _seen(row: ObservationRun) -> Seen:
    first, last = row.stamps[0], row.stamps[-1]
    return Seen(
        first_revision=int(first[0]),
        last_revision=int(last[0]),
        first_at=moment_of(first[1]),
        last_at=moment_of(last[1]),
        times=len(row.stamps),
        balance=row.balance,
        earned=row.earned,
        tier_points=row.tier_points,
        source=row.source,
        recorded_at=row.recorded_at,
    )


def _notes(records: Records, settings: Settings, hold: str | None, only: str | None) -> list[str]:
    site = records.site
    notes = [] if hold is None else [f"Nothing is sent or given until `milestones resume`. {hold}"]
    if settings.daemon.mode == "shadow":
        notes.append("Shadow mode: everything is decided and recorded, and nothing is sent.")
    if site.state != "active":
        notes.append(f"The site is {site.state}: its accounts are not looked at, and nothing is given.")
    elif site.baseline_done_at is None:
        notes.append("The first reading of all accounts (baseline) is not complete.")
    if site.paused:
        notes.append("The site is paused: nothing is sent until `milestones resume`.")
    else:
        notes += [
            f"The milestone {key} is paused: nothing of it is sent or given until `milestones resume {key}`."
            for key in sorted(records.paused)
            if only in {None, key}
        ]
    if site.program_status not in {None, "ACTIVE"}:
        notes.append(f"The loyalty program is {site.program_status} in Wix: mails wait until it is active.")
    if not records.site.accounts and site.state == "active":
        notes.append(
            "No full reading of the accounts is finished, so the breaker lets only its floor through."
        )
    return notes
