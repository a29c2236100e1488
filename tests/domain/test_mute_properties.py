"""Points that this program brings reach nothing, and hide nothing that the customer reached before or after."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.account import AccountState, Definitions, Version, history_for, is_late, news, take
from milestones.domain.crossing import Given, find_owed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.mute import Mute, mark_ours
from milestones.domain.observation import Measure, Measures, Observation, Point, Run, Stamp
from tests.builders import GO_LIVE, a_ladder, a_milestone, a_point, a_repeating, an_observation

MILESTONES = [a_milestone(5), a_ladder(3), a_repeating(6, 3), a_repeating(4, 4, key="at once")]
DEFINITIONS = Definitions.of(1, [Version(milestone, 1, GO_LIVE) for milestone in MILESTONES])


@dataclass
class Books:
    """The store's part, in memory: one account, its runs, its grants, and the mutes by the key of their action."""

    state: AccountState | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    grants: dict[str, list[Given]] = field(default_factory=dict)
    mutes: dict[int, Mute] = field(default_factory=dict)

    def hear(self, batch: Sequence[Observation]) -> None:
        if not (fresh := news(self.state, batch)):
            return
        late = is_late(self.state, fresh)
        taken = take(self.state, fresh, list(self.runs.values()) if late else [], DEFINITIONS)
        self.state = taken.state
        self.runs = dict(taken.runs) if taken.rewritten else {**self.runs, **taken.runs}
        self.decide(taken.crossed)

    def decide(self, keys: frozenset[str]) -> None:
        assert self.state is not None
        for key in keys:
            kept = self.grants.setdefault(key, [])
            version = DEFINITIONS.versions[key]
            points = history_for(self.state, list(self.runs.values()), version, list(self.mutes.values()))
            kept += [
                Given(one.occurrence, one.revision, one.at, one.value)
                for one in find_owed(version.milestone, points, kept)
            ]

    def close(self, key: int, *, happened: bool) -> None:
        mute = self.mutes.pop(key)
        if happened:
            self.mutes[key] = Mute(mute.before, mute.balance)
            self.hear([an_observation(point=point) for point in (mute.before, mute.after)])
        if self.state is not None:
            self.decide(frozenset(DEFINITIONS.versions))

    def count(self) -> dict[str, int]:
        return {key: len(grants) for key, grants in self.grants.items() if grants}


@dataclass(frozen=True)
class Life:
    """What was true of an account at each revision from 1, which of them are our own, and where we were refused."""

    points: list[Point]
    ours: set[int]
    refused: set[int]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    balances = draw(st.lists(st.integers(0, 9), min_size=2, max_size=8))
    revisions = range(2, len(balances) + 1)
    ours = {
        revision
        for revision in revisions
        if balances[revision - 1] != balances[revision - 2] and draw(st.booleans())
    }
    refused = {revision for revision in revisions if revision not in ours and draw(st.booleans())}
    earned, points = balances[0], []
    for revision, balance in enumerate(balances, start=1):
        earned += 0 if revision in ours else max(0, balance - balances[max(0, revision - 2)])
        points.append(Point(Stamp(revision), Measures(balance, earned)))
    return Life(points, ours, refused)


def expected(life: Life) -> dict[str, int]:
    """By hand: what the customer's own steps reach."""
    return {m.key: number for m in MILESTONES if (number := _reached(m, life))}


def _reached(milestone: Milestone, life: Life) -> int:
    balances = [point.measures.balance for point in life.points]
    found: set[int] = set()
    armed, times = balances[0] < milestone.threshold, 0
    for revision, (low, high) in enumerate(pairwise(balances), start=2):
        own = revision not in life.ours
        if milestone.repeat is Repeat.EVERY:
            armed = armed or low < (milestone.rearm_below or 0)
            if armed and high >= milestone.threshold:
                armed, times = False, times + own
        elif own:
            rungs = milestone.rungs(low, high) if milestone.repeat is Repeat.LADDER else ()
            found |= {*rungs} or ({1} if low < milestone.threshold <= high and not rungs else set())
    return times or len(found)


@dataclass(frozen=True)
class Step:
    """What comes next: Wix tells of a point; we are about to take a step from it; or it is told what became of that."""

    kind: str
    revision: int
    leads_to: int = 0


def schedule(life: Life, random: Random, *, seen: set[int]) -> list[Step]:
    """Any order in which it can come: what was seen is told, some of it twice, and nobody hears of our own step before it
    is about to be taken.
    """
    told = [revision for revision in range(2, len(life.points) + 1) if revision in seen]
    told += [revision for revision in told if random.random() < 0.3]
    random.shuffle(told)
    ahead, under_way = sorted(life.ours | life.refused), list[int]()
    # What the account was at first is known: else there is nothing below which it was.
    steps = [Step("hear", 1)]
    while told or ahead or under_way:
        until = ahead[0] if ahead else len(life.points) + 1
        ready = [revision for revision in told if revision < until]
        choice = random.random()
        if under_way and (choice < 0.3 or not (ready or ahead)):
            steps.append(Step("end", under_way.pop(random.randrange(len(under_way)))))
        elif ready and (choice < 0.8 or not ahead):
            told.remove(ready[0])
            steps.append(Step("hear", ready[0]))
        elif ahead:
            under_way.append(ahead.pop(0))
            after = life.points[until - 1].measures.balance
            steps.append(Step("begin", until, after if until in life.ours else random.randrange(10)))
    return steps


def run(life: Life, random: Random, *, seen: set[int]) -> Books:
    """What is written down of a life."""
    books = Books()
    for step in schedule(life, random, seen=seen):
        match step.kind:
            case "hear":
                books.hear([an_observation(point=life.points[step.revision - 1])])
            case "begin":
                before = life.points[step.revision - 2]
                books.mutes[step.revision] = Mute(before, step.leads_to, is_open=True)
            case "end":
                books.close(step.revision, happened=step.revision in life.ours)
    return books


@given(lives(), st.integers(0, 1_000_000))
def test_in_any_order_the_customer_s_own_crossings_are_given_and_no_others(life: Life, seed: int) -> None:
    books = run(life, Random(seed), seen={point.stamp.revision for point in life.points})
    assert books.count() == expected(life)


@given(lives(), st.integers(0, 1_000_000))
def test_a_step_of_ours_of_which_wix_told_nothing_is_known_from_both_ends(life: Life, seed: int) -> None:
    ends = {revision + offset for revision in life.ours for offset in (-1, 0)}
    books = run(life, Random(seed), seen={p.stamp.revision for p in life.points} - ends)
    assert books.count() == expected(life)


def test_what_comes_after_an_open_step_is_not_decided_and_what_came_before_is() -> None:
    points = [a_point(1, 1), a_point(7, 2), a_point(1, 3), a_point(9, 4)]
    assert mark_ours(points, [Mute(points[1], 9, is_open=True)]) == points[:2]


def test_earned_points_are_the_customer_s_whatever_the_balance_became() -> None:
    earned = a_milestone(5, measure=Measure.EARNED)
    before, ours, after = a_point(0, 1, earned=4), a_point(9, 2, earned=4), a_point(11, 3, earned=6)
    points = mark_ours([before, ours, after], [Mute(before, 9)])
    assert [one.revision for one in find_owed(earned, points, ())] == [3]


@pytest.mark.parametrize("told_at", [2, 3])
def test_tier_points_are_recalculated_after_our_step_and_reach_nothing_by_it(told_at: int) -> None:
    tiers = a_milestone(5, measure=Measure.TIER_POINTS)
    before = a_point(0, 1, earned=0, tier_points=0)
    ours = Point(Stamp(2), Measures(9, 0))
    recalculated = a_point(9, told_at, earned=0, tier_points=9, at=1)
    fallen, again = a_point(9, 5, earned=0, tier_points=1), a_point(9, 6, earned=0, tier_points=6)
    points = mark_ours([before, ours, recalculated, fallen, again], [Mute(before, 9)])
    assert [one.revision for one in find_owed(tiers, points, ())] == [6]
