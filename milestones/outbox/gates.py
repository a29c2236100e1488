"""The gates that every action passes before its channel is asked, in one visible list.

A gate looks at facts that the claim read in its own transaction and answers with a stop, or with nothing. What
must be asked of Wix (consent, program status) is asked by the channel, for a whole batch at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from milestones.domain.actions import Need, State
from milestones.domain.keys import grant_key
from milestones.domain.milestone import Consent, Repeat
from milestones.domain.observation import Measure
from milestones.domain.policy import QuietHours
from milestones.domain.verdict import Verdict
from milestones.kinds.channel import Stop
from milestones.kinds.registry import KINDS
from milestones.store.outbox.facts import Claimed
from milestones.store.tables import Grant


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration says about when mail may leave."""

    quiet_hours: QuietHours | None
    timezone: ZoneInfo


Gate = Callable[[Claimed, Policy, datetime], Stop | None]


def not_erased(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """Nobody is written to whose data was erased. Coupons and badges of theirs have no use either."""
    return Stop(State.CANCELLED, Verdict.DELETED) if claimed.erased else None


def newest_cycle(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """With ``settle_for``, of an EVERY: what fell back and was reached anew is one reward, that of the newest cycle.

    What was kept for its whole return period before the next cycle came stays a reward of its own.
    """
    action, settle = claimed.action, claimed.action.payload.get("settle")
    if settle is None or settle["repeat"] != Repeat.EVERY:
        return None
    mine = next((grant for grant in claimed.grants if _key(grant) == action.owner), None)
    if mine is None:
        return None
    fell_back = action.verdict == Verdict.FELL_BACK
    kept_until = mine.recorded_at + timedelta(seconds=settle["seconds"])
    for other in claimed.grants:
        if _place(other) > _place(mine) and (fell_back or other.recorded_at < kept_until):
            return Stop(State.CANCELLED, Verdict.SUPERSEDED)
    return None


def _key(grant: Grant) -> str:
    return grant_key(grant.site_id, grant.account_id, grant.milestone, grant.occurrence)


def _place(grant: Grant) -> tuple[int, int, int]:
    """Where a grant stands in the account's history, whenever it was recorded."""
    return grant.revision, grant.stamped_at, grant.value


def still_reached(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """With ``settle_for``: the threshold must still be reached when the return period is over."""
    settle = claimed.action.payload.get("settle")
    if settle is None or claimed.measures is None:
        return None
    value = claimed.measures.of(Measure(settle["measure"]))
    if value is not None and value < settle["threshold"]:
        return Stop(State.WAITING, Verdict.FELL_BACK, needs=Need.THRESHOLD)
    return None


def still_near(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """A reminder that is late is wrong: the customer may have arrived, or spent the points."""
    near = claimed.action.payload.get("near")
    if near is None or claimed.measures is None:
        return None
    value = claimed.measures.of(Measure(near["measure"]))
    if value is None or not near["from"] <= value < near["below"]:
        return Stop(State.CANCELLED, Verdict.NOT_NEAR)
    return None


def not_given(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """A reminder promises a reward; who was given it and then spent the points is near again, and promised nothing."""
    near = claimed.action.payload.get("near")
    if near is None or near["approach"] not in {grant.occurrence for grant in claimed.grants}:
        return None
    return Stop(State.CANCELLED, Verdict.ALREADY_GIVEN)


def still_announced(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """A reminder announces a milestone; one that was taken out of the configuration, or that is another one by now, will
    never give what was promised.
    """
    payload, definition = claimed.action.payload, claimed.definition
    if "near" not in payload:
        return None
    if definition is not None and definition["measure"] == payload["near"]["measure"]:
        target = payload["milestone"]["threshold"]
        rung = definition["repeat"] == Repeat.LADDER and target % definition["threshold"] == 0
        if rung or definition["threshold"] == target:
            return None
    return Stop(State.CANCELLED, Verdict.MILESTONE_ENDED)


def one_at_a_time(claimed: Claimed, _policy: Policy, _now: datetime) -> Stop | None:
    """Reminders that were recorded apart may become due at once, after a night, a pause or a merge, or be of accounts that
    turned out to share a mail address.
    """
    return Stop(State.AVAILABLE, Verdict.ONE_AT_A_TIME, until=claimed.free_at) if claimed.free_at else None


def coupon_lasts(claimed: Claimed, _policy: Policy, now: datetime) -> Stop | None:
    """A mail that waited, for the morning, a pause, a breaker or a mail server, may show a coupon that is over by then.
    Its customer earned it, so a person is told.
    """
    if not KINDS[claimed.action.kind].is_message:
        return None
    ends = [shown["expires"] for shown in claimed.inputs.values() if shown.get("expires")]
    if all(now + HAND_OVER < datetime.fromisoformat(end) for end in ends):
        return None
    return Stop(State.HELD, Verdict.COUPON_OVER)


def awake(claimed: Claimed, policy: Policy, now: datetime) -> Stop | None:
    """Mails that advertise wait until the quiet hours end."""
    if not KINDS[claimed.action.kind].is_message or policy.quiet_hours is None:
        return None
    if claimed.action.payload.get("consent") == Consent.SERVICE:
        return None
    ends = policy.quiet_hours.ends(now, policy.timezone)
    return Stop(State.AVAILABLE, Verdict.QUIET_HOURS, until=ends) if ends is not None else None


GATES: tuple[Gate, ...] = (
    not_erased,
    newest_cycle,
    still_reached,
    still_announced,
    still_near,
    not_given,
    coupon_lasts,
    awake,
    one_at_a_time,
)

FRESH = timedelta(seconds=45)
"""How long what waits relies on its gates; then they are asked again."""

OLDEST = timedelta(seconds=60)
"""How old they may be when an effect begins: the contract for consent."""

HAND_OVER = timedelta(seconds=60)
"""How long after its gates a mail may still be handed over: that is refused once consent is older."""


def stop_for(claimed: Claimed, policy: Policy, now: datetime) -> Stop | None:
    """The first no, or None."""
    return next((stop for gate in GATES if (stop := gate(claimed, policy, now)) is not None), None)
