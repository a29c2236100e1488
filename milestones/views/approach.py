"""Whether a customer would be reminded now, by the same gates as a scan, and from when if not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from milestones.config.settings import SiteSettings
from milestones.domain.account import AccountState, Version, history_for
from milestones.domain.crossing import armed
from milestones.domain.milestone import Milestone, Near, Repeat
from milestones.domain.observation import Run
from milestones.domain.reminder import APART, Candidate, Circumstances, Reader, Reminded, select
from milestones.domain.verdict import Verdict
from milestones.store.outbox.reminders import PersonReminders
from milestones.store.tables import Grant, Reminder, Site
from milestones.views.person import Mailable
from milestones.views.times import said


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gates of a reminder look at."""

    rules: SiteSettings
    site: Site
    state: AccountState
    runs: Sequence[Run]
    versions: Sequence[Version]
    grants: Sequence[Grant]
    reminders: Sequence[Reminder]
    told: PersonReminders
    paused: frozenset[str]
    mail: Mailable


def reminder_now(
    around: Surroundings, milestone: Milestone, now: datetime
) -> tuple[str | None, str | None, list[str]]:
    """The verdict, its sentence, and what may follow; nothing for a milestone without a near window."""
    if milestone.near is None:
        return None, None, []
    circumstances = Circumstances(
        now=now,
        at_most=around.rules.policy.at_most,
        site_active=around.site.state == "active",
        program_active=around.site.program_status in {None, "ACTIVE"},
        paused=around.paused,
    )
    verdicts = dict(select(around.rules.milestones, _candidate(around), circumstances).verdicts)
    verdict = verdicts[milestone.key]
    if verdict is Verdict.NEAR and around.mail.refusal is Verdict.ONLY_TO:
        verdict = Verdict.ONLY_TO
    return verdict.value, verdict.sentence, _following(around, milestone, milestone.near, verdict, now)


def _candidate(around: Surroundings) -> Candidate:
    refusal = around.mail.refusal
    granted: dict[str, list[int]] = {}
    for row in around.grants:
        granted.setdefault(row.milestone, []).append(row.occurrence)
    return Candidate(
        measures=around.state.measures,
        reader=Reader(
            has_address=refusal is not Verdict.NO_ADDRESS,
            usable_address=refusal is not Verdict.UNUSABLE_ADDRESS,
            subscribed=None if not around.mail.asked else refusal is not Verdict.NOT_SUBSCRIBED,
            deliverable=refusal is not Verdict.UNDELIVERABLE,
            suppressed=refusal is Verdict.SUPPRESSED,
            deleted=refusal is Verdict.DELETED,
        ),
        reminded=[_reminded(row) for row in around.reminders],
        others=around.told.others,
        left=around.told.left(around.state.account_id),
        waiting=around.told.waiting,
        granted=granted,
        unarmed={
            version.milestone.key
            for version in around.versions
            if version.milestone.repeat is Repeat.EVERY
            and not armed(version.milestone, history_for(around.state, around.runs, version))
        },
    )


def _reminded(row: Reminder) -> Reminded:
    return Reminded(row.milestone, row.approach, row.number, row.recorded_at)


def _following(
    around: Surroundings, milestone: Milestone, near: Near, verdict: Verdict, now: datetime
) -> list[str]:
    """From when, or from how many points on, a reminder is possible."""
    zone = around.rules.timezone
    value = around.state.measures.of(milestone.measure)
    of_milestone = [row.recorded_at for row in around.reminders if row.milestone == milestone.key]
    match verdict:
        case Verdict.NEAR:
            quiet = around.rules.policy.quiet_hours
            ends = quiet.ends(now, zone) if quiet is not None else None
            later = f" Its mail leaves when the quiet hours end, {said(ends, zone)}." if ends else ""
            return [f"The next scan for near customers records a reminder.{later}"]
        case Verdict.NOT_NEAR if value is not None and value < milestone.target(value):
            start = milestone.target(value) - near.within
            return [f"A reminder is possible from {start:,} on; {start - value:,} are missing for that."]
        case Verdict.TOO_SOON:
            return [
                f"The next reminder is possible from {said(max(of_milestone) + near.remind_every, zone)}."
            ]
        case Verdict.AT_MOST if (at_most := around.rules.policy.at_most) is not None:
            past = [*(row.recorded_at for row in around.reminders), *around.told.others]
            free = at_most.next_allowed(past, now)
            return [f"The next reminder is possible from {said(free, zone)} (policy.at_most)."]
        case Verdict.ONE_AT_A_TIME if around.told.waiting:
            return ["A reminder is possible a day after the one that is under way has left."]
        case Verdict.ONE_AT_A_TIME:
            past = [*(row.recorded_at for row in around.reminders), *around.told.others]
            past += [at for _, at in around.told.left(around.state.account_id)]
            return [f"The next reminder is possible from {said(max(past) + APART, zone)}."]
        case Verdict.NEARER_ONE:
            return ["A scan tells of this one a day after the other reminder has left."]
        case Verdict.ENOUGH_REMINDERS:
            return [f"All {near.max_reminders} reminders of this approach were sent; no more follow."]
        case _:
            return []
