"""What of an account's history may be forgotten without changing any later answer."""

from collections.abc import Sequence
from dataclasses import replace

from milestones.domain.account import AccountState, Version, looks_from_first
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Point, Run


def first_needed(runs: Sequence[Run], milestones: Sequence[Milestone], young: int) -> int:
    """The place of the first run that must stay; everything before it may go.

    young: the place of the first run that is not old, or how many runs there are.

    The newest old run stays, since what comes after it is judged against it. History must begin where it is plain
    to every milestone how things stand; where there is no such run, all of it stays. A measure that nothing old
    tells is not waited for (tiers may be off for years): that a young account began with 0 of it is forgotten.
    """
    place = max(young - 1, 0)
    old = runs[: place + 1]
    asked = [m for m in milestones if any(run.measures.of(m.measure) is not None for run in old)]
    # A place that suits one milestone must suit the others as well, so it moves back until it suits all.
    while place > 0 and not all(_plain(runs[place], milestone) for milestone in asked):
        place -= 1
    return place


def _plain(run: Run, milestone: Milestone) -> bool:
    """Whether history may begin here: the measure is told, and of EVERY it is certain whether it is armed."""
    value = run.measures.of(milestone.measure)
    if value is None or milestone.repeat is not Repeat.EVERY:
        return value is not None
    assert milestone.rearm_below is not None, "an EVERY has one"
    return value < milestone.rearm_below or value >= milestone.threshold


def without(state: AccountState, versions: Sequence[Version], kept: Point) -> AccountState:
    """The account without what came before ``kept``. Every version looks from there at the earliest, so that the forgotten
    part is not taken for a start at 0; none looks further back than it did.
    """
    bases = dict(state.bases)
    for version in versions:
        key = version.milestone.key
        if not looks_from_first(state, version) or state.first.when <= kept.stamp.when:
            bases[key] = max(state.bases.get(key, kept), kept, key=lambda point: point.order)
    first = max(state.first, kept.stamp, key=lambda stamp: stamp.when)
    return replace(state, bases=bases, first=first)
