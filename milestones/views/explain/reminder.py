"""Whether a customer would be reminded now, by the same judgement as a scan's, and from when if not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from milestones.domain.milestone import Milestone, Near
from milestones.domain.reminder import APART
from milestones.domain.verdict import Verdict
from milestones.pipeline.selection import Prospect, gather, select_reminders
from milestones.store.views import lookup
from milestones.views.explain.records import Records
from milestones.views.explain.values import Story
from milestones.views.person import get_mailable
from milestones.views.times import spell_time


async def find_verdicts(records: Records, now: datetime) -> Mapping[str, Verdict]:
    """What a scan would answer now, by milestone. It sees all accounts of the person, since one of them may be nearer."""
    facts, site, rules = records.facts, records.site, records.rules
    states = await facts.get_states(records.person.accounts)
    prospects = {key: Prospect(state, state.measures, state.customer) for key, state in states.items()}
    refusals = {
        account.id: refusal
        for account in await lookup.accounts_by_id(facts.tx, site.id, states)
        if (refusal := (await get_mailable(facts.tx, rules, site, account)).refusal) is not None
    }
    background = await gather(
        facts.tx,
        facts,
        site.id,
        rules.milestones,
        prospects,
        at_most=rules.policy.at_most,
        program_active=site.program_status in {None, "ACTIVE"},
        now=now,
    )
    answers = select_reminders(rules.milestones, prospects, background, refusals)
    return next(dict(answer.verdicts) for answer in answers if answer.account_id == records.account.id)


def with_reminder(
    story: Story, records: Records, milestone: Milestone, verdict: Verdict, now: datetime
) -> Story:
    """The story of a milestone with what a scan would answer now, and what may follow."""
    if milestone.near is None:
        return story
    return replace(
        story,
        reminder=verdict.value,
        reminder_because=verdict.sentence,
        following=(*story.following, *_next_steps(records, milestone, milestone.near, verdict, now)),
    )


def _next_steps(
    records: Records, milestone: Milestone, near: Near, verdict: Verdict, now: datetime
) -> list[str]:
    """From when, or from how many points on, a reminder is possible."""
    zone = records.rules.timezone
    value = records.state.measures.of(milestone.measure)
    of_milestone = [row.recorded_at for row in records.reminders if row.milestone == milestone.key]
    match verdict:
        case Verdict.NEAR:
            quiet = records.rules.policy.quiet_hours
            ends = quiet.ends(now, zone) if quiet is not None else None
            later = f" Its mail leaves when the quiet hours end, {spell_time(ends, zone)}." if ends else ""
            return [f"The next scan for near customers records a reminder.{later}"]
        case Verdict.NOT_NEAR if value is not None and value < milestone.target(value):
            start = milestone.target(value) - near.within
            return [f"A reminder is possible from {start:,} on; {start - value:,} are missing for that."]
        case Verdict.TOO_SOON:
            return [
                f"The next reminder is possible from {spell_time(max(of_milestone) + near.remind_every, zone)}."
            ]
        case Verdict.AT_MOST if (at_most := records.rules.policy.at_most) is not None:
            past = [*(row.recorded_at for row in records.reminders), *records.person.others]
            free = at_most.next_allowed(past, now)
            return [f"The next reminder is possible from {spell_time(free, zone)} (policy.at_most)."]
        case Verdict.ONE_AT_A_TIME if records.person.waiting:
            return ["A reminder is possible a day after the one that is under way has left."]
        case Verdict.ONE_AT_A_TIME:
            past = [*(row.recorded_at for row in records.reminders), *records.person.others]
            past += [at for _, at in records.person.list_left(records.state.account_id)]
            return [f"The next reminder is possible from {spell_time(max(past) + APART, zone)}."]
        case Verdict.NEARER_ONE:
            return ["A scan tells of this one a day after the other reminder has left."]
        case Verdict.ENOUGH_REMINDERS:
            return [f"All {near.max_reminders} reminders of this approach were sent; no more follow."]
        case _:
            return []
