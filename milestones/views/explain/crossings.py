"""Whether an account reached a milestone, recomputed from its history, and if not, why not."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from milestones.config.values import duration_text
from milestones.domain.account import AccountState, Version, find_owed_under, history_for
from milestones.domain.crossing import Crossing, find_owed, is_armed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.mute import Mute
from milestones.domain.observation import START, Point, Run
from milestones.domain.verdict import Verdict
from milestones.views.explain.records import Records
from milestones.views.explain.values import ExplainedCrossing, Story
from milestones.views.times import time_of_stamp


def describe_rule(milestone: Milestone) -> str:
    """When a milestone is reached, in one line."""
    points, rearm = f"{milestone.threshold:,}", milestone.rearm_below
    rules = {
        Repeat.ONCE: f"{milestone.measure} at {points} or more, once",
        Repeat.EVERY: f"{milestone.measure} at {points} or more, again after falling below {rearm}",
        Repeat.LADDER: f"{milestone.measure}, at every {points}",
    }
    kept = f", if kept for {duration_text(milestone.settle_for)}" if milestone.settle_for else ""
    return rules[milestone.repeat] + kept


def with_crossings(story: Story, records: Records, version: Version) -> Story:
    """The story of a milestone with what the account's history says of it."""
    milestone = version.milestone
    points = history_for(records.state, records.runs, version, records.mutes)
    given = records.given.get((records.account.id, milestone.key), ())
    open_ones = find_owed_under(version, points, given)
    missing = {(crossing.revision, crossing.at, crossing.value) for crossing in open_ones}
    crossings = tuple(
        _explain(crossing, points, granted=(crossing.revision, crossing.at, crossing.value) not in missing)
        for crossing in find_owed(milestone, points, [])
    )
    value = next(iter(_values(milestone, reversed(points))), None)
    state, because = _state(records, version, points, grants=len(given), crossings=crossings)
    return replace(
        story,
        version=version.number,
        since=version.activated_at,
        looks_from=_looks_from(records.state, version, points),
        value=value,
        target=milestone.target(value) if value is not None else None,
        standing=state,
        because=because,
        crossings=crossings,
        following=(*story.following, *_next_steps(milestone, points, given=bool(given))),
    )


def _values(milestone: Milestone, points: Iterable[Point]) -> list[int]:
    """The values of the measure, where it was told."""
    return [value for point in points if (value := point.measures.of(milestone.measure)) is not None]


def _explain(crossing: Crossing, points: Sequence[Point], *, granted: bool) -> ExplainedCrossing:
    milestone = crossing.milestone
    place = (crossing.revision, crossing.at)
    before = _values(milestone, (point for point in points if point.stamp.when < place))
    return ExplainedCrossing(
        threshold=crossing.occurrence if milestone.repeat is Repeat.LADDER else milestone.threshold,
        before=before[-1] if before else 0,
        value=crossing.value,
        revision=crossing.revision,
        at=time_of_stamp(crossing.at),
        granted=granted,
    )


def _looks_from(state: AccountState, version: Version, points: Sequence[Point]) -> str:
    if points and points[0] == START:
        return "from the creation of the account, which began with 0"
    if version.milestone.key in state.bases:
        revision = state.bases[version.milestone.key].stamp.revision
        return f"from revision {revision}, the newest known when this definition came into force"
    return (
        f"from revision {points[0].stamp.revision}, the first that was seen" if points else "from nothing yet"
    )


def _state(
    records: Records,
    version: Version,
    points: Sequence[Point],
    *,
    grants: int,
    crossings: Sequence[ExplainedCrossing],
) -> tuple[str, str]:
    """In one word and in one sentence."""
    milestone = version.milestone
    if any(not crossing.granted for crossing in crossings):
        return "owed", "The history shows a crossing that was not recorded. Please report it, with --json."
    if grants:
        return "given", "Given once." if grants == 1 else f"Given {grants:,} times."
    values = _values(milestone, points)
    if not values:
        return Verdict.NOT_TOLD.value, Verdict.NOT_TOLD.sentence
    earlier = _find_earlier(records.state, records.runs, version, records.mutes)
    given_by = f"`milestones backfill {milestone.key}` gives it to everybody who was above."
    if earlier is not None:
        was = f"It was reached with {earlier.value:,} at revision {earlier.revision}"
        return "reached_before", f"{was}, before this definition came into force. {given_by}"
    missing = milestone.target(values[-1]) - values[-1]
    if find_owed(milestone, [point._replace(is_ours=False) for point in points], []):
        return (
            "imported",
            f"It is at {values[-1]:,} since points were imported, which reaches nothing. {given_by}",
        )
    if milestone.repeat is not Repeat.LADDER and missing <= 0:
        known = f"{Verdict.NOT_KNOWN_BELOW.sentence} It was at {values[0]:,} when first seen."
        return Verdict.NOT_KNOWN_BELOW.value, f"{known} {given_by}"
    return "not_reached", f"{missing:,} are missing: {values[-1]:,} of {milestone.target(values[-1]):,}."


def _find_earlier(
    state: AccountState, runs: Sequence[Run], version: Version, mutes: Sequence[Mute]
) -> Crossing | None:
    """A crossing that lies before the point from which this version looks."""
    if version.milestone.key not in state.bases:
        return None
    bases = {key: base for key, base in state.bases.items() if key != version.milestone.key}
    whole = history_for(replace(state, bases=bases), runs, version, mutes)
    return next(iter(find_owed(version.milestone, whole, [])), None)


def _next_steps(milestone: Milestone, points: Sequence[Point], *, given: bool) -> list[str]:
    """What has to happen for the next grant."""
    match milestone.repeat:
        case Repeat.ONCE:
            return ["It is given once, so nothing follows."] if given else []
        case Repeat.EVERY if given and not is_armed(milestone, points):
            return [f"It can be reached anew after a fall below {milestone.rearm_below:,}."]
        case Repeat.LADDER if values := _values(milestone, points):
            target = milestone.target(values[-1])
            if milestone.ends_before(target):
                return [Verdict.LADDER_END.sentence]
            return [f"The next step is at {target:,}; {target - values[-1]:,} are missing."] if given else []
        case _:
            return []
