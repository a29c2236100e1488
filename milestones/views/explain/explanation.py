"""The whole explanation of one account, put together from what is stored."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from milestones.config.settings import Settings
from milestones.domain.actions import State
from milestones.domain.keys import grant_key, reminder_key
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Grant, ObservationRun, Order, Reminder, SiteState
from milestones.views.attempts import attempt_lines
from milestones.views.explain.crossings import describe_rule, with_crossings
from milestones.views.explain.records import Records, get_records
from milestones.views.explain.reminder import find_verdicts, with_reminder
from milestones.views.explain.values import (
    Effect,
    ExplainedGrant,
    ExplainedOrder,
    ExplainedReminder,
    Explanation,
    GateAnswer,
    Story,
    Stretch,
)
from milestones.views.notices import list_rest_notices
from milestones.views.person import describe_person
from milestones.views.sentences import MOVED_ON_BY, NEEDS, reason, subject
from milestones.views.times import time_of_stamp


async def explain(
    tx: Transaction, settings: Settings, account: Account, now: datetime, only: str | None = None
) -> Explanation:
    """The whole trace of an account. only: one milestone, by its key. Raises UsageError for one that never was."""
    rules = settings.for_site(account.site_id)
    records = await get_records(tx, rules, account)
    keys = [milestone.key for milestone in rules.milestones]
    former = {row.milestone for row in records.grants} | {row.milestone for row in records.reminders}
    keys += sorted(former - set(keys))
    if only is not None and only not in keys:
        raise UsageError(f"There is no milestone {only!r} here; the keys are {', '.join(keys) or 'none'}.")
    verdicts = await find_verdicts(records, now)
    stories = [_explain_milestone(records, key, verdicts, now) for key in keys if only in {None, key}]
    resting = await list_rest_notices(tx, settings, now, site_id=account.site_id)
    return Explanation(
        person=describe_person(records.site, account, records.mail),
        history=tuple(map(_stretch, records.rows)),
        stories=tuple(stories),
        orders=tuple(_order(records, row) for row in records.orders) if only is None else (),
        answers=_answers(records, "") if only is None else (),
        notes=(*_notes(records, settings, await heartbeat.get_hold(tx), only), *resting),
    )


def _explain_milestone(records: Records, key: str, verdicts: Mapping[str, Verdict], now: datetime) -> Story:
    milestone, version = records.rules.milestone(key), records.versions.get(key)
    story = Story(
        key=key,
        title=milestone.title if milestone is not None else key,
        rule=describe_rule(milestone) if milestone is not None else "no longer in the configuration",
        standing="retired",
        because="The configuration no longer has it: what was given stays, and nothing more is.",
        grants=tuple(_grant(records, row) for row in records.grants if row.milestone == key),
        reminders=tuple(_reminder(records, row) for row in records.reminders if row.milestone == key),
        answers=_answers(records, key),
    )
    if milestone is None:
        return story
    if version is None:
        because = "It is in config.toml, and no daemon has run with it yet. Start it, or `milestones reload`."
        return replace(story, standing="not in force", because=because)
    story = with_crossings(story, records, version)
    return with_reminder(story, records, milestone, verdicts[key], now) if key in verdicts else story


def _answers(records: Records, milestone: str) -> tuple[GateAnswer, ...]:
    """milestone: its key; empty for what orders owe."""
    return tuple(
        GateAnswer(row.stage, row.verdict, reason(row.verdict), row.first_at, row.last_at, row.times)
        for row in records.traces
        if row.milestone == milestone
    )


def _grant(records: Records, row: Grant) -> ExplainedGrant:
    owner = grant_key(row.site_id, row.account_id, row.milestone, row.occurrence)
    if row.verdict == Verdict.INHERITED:
        # What it owed came along, under the key of the account that was given it.
        same = ["grant", *owner.split("/")[-2:]]
        owner = next(
            (key for key in records.actions if [*key.split("/")[:1], *key.split("/")[-2:]] == same), owner
        )
    return ExplainedGrant(
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


def _reminder(records: Records, row: Reminder) -> ExplainedReminder:
    owner = reminder_key(row.site_id, row.account_id, row.milestone, row.approach, row.number)
    return ExplainedReminder(
        approach=row.approach,
        number=row.number,
        value=row.value,
        recorded_at=row.recorded_at,
        configuration=row.configuration,
        effects=_effects(records, owner),
    )


def _order(records: Records, row: Order) -> ExplainedOrder:
    return ExplainedOrder(
        source=row.source,
        key=row.key,
        kind=row.kind,
        recorded_at=row.recorded_at,
        configuration=row.configuration,
        verdict=row.verdict,
        reason=reason(row.verdict),
        effects=_effects(records, row.owner),
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
            tries=attempt_lines(records.attempts.get(action.id or 0, [])),
        )
        for action in siblings
    )


def _stretch(row: ObservationRun) -> Stretch:
    first, last = row.stamps[0], row.stamps[-1]
    return Stretch(
        first_revision=int(first[0]),
        last_revision=int(last[0]),
        first_at=time_of_stamp(first[1]),
        last_at=time_of_stamp(last[1]),
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
    if site.state != SiteState.ACTIVE:
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
    if not records.site.accounts and site.state == SiteState.ACTIVE:
        notes.append(
            "No full reading of the accounts is finished, so the breaker lets only its floor through."
        )
    return notes
