"""The account as the pipeline keeps it: news, take, and ``owed`` only for what was crossed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.account import AccountState, Definitions, Version, history_for, is_late, news, take
from milestones.domain.crossing import Given, find_owed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measures, Observation, Point, Run, Stamp, compress
from tests.builders import GO_LIVE, a_ladder, a_milestone, a_repeating, an_observation

CREATED = GO_LIVE + timedelta(days=1)
MILESTONES = [a_milestone(5), a_ladder(3), a_repeating(6, 3), a_repeating(4, 4, key="at once")]
DEFINITIONS = Definitions.of(1, [Version(milestone, 1, GO_LIVE) for milestone in MILESTONES])


@dataclass
class Recorder:
    """The store's part, in memory: one account, its runs by their place, and its grants."""

    state: AccountState | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    grants: dict[str, list[Given]] = field(default_factory=dict)
    histories_read: int = 0

    def hear(self, batch: Sequence[Observation]) -> None:
        fresh = news(self.state, batch)
        if not fresh:
            return
        late = is_late(self.state, fresh)
        taken = take(self.state, fresh, list(self.runs.values()) if late else [], DEFINITIONS)
        self.state = taken.state
        self.runs = dict(taken.runs) if taken.rewritten else {**self.runs, **taken.runs}
        for key in taken.crossed:
            self.histories_read += 1
            kept = self.grants.setdefault(key, [])
            version = DEFINITIONS.versions[key]
            points = history_for(taken.state, list(self.runs.values()), version)
            kept += [
                Given(crossing.occurrence, crossing.revision, crossing.at, crossing.value)
                for crossing in find_owed(version.milestone, points, kept)
            ]

    def summary(self) -> dict[str, list[int]]:
        return {
            key: sorted(grant.occurrence for grant in grants) for key, grants in self.grants.items() if grants
        }


@st.composite
def observed(draw: st.DrawFn) -> list[Observation]:
    """One balance for each revision; some sources do not tell when the account was created."""
    balances = draw(st.lists(st.integers(0, 9), min_size=1, max_size=8))
    return [
        an_observation(
            point=Point(Stamp(revision, sequence=draw(st.integers(0, 2))), Measures(balance, balance)),
            created_at=draw(st.sampled_from([CREATED, None])),
        )
        for revision, balance in enumerate(balances, start=1)
    ]


def reference(milestone: Milestone, balances: Sequence[int]) -> list[int]:
    """By hand, for an account that began with 0: everything up to its highest balance was passed."""
    highest = max(balances)
    match milestone.repeat:
        case Repeat.ONCE:
            return [1] if highest >= milestone.threshold else []
        case Repeat.LADDER:
            return list(range(milestone.threshold, highest + 1, milestone.threshold))
        case Repeat.EVERY:
            return list(range(1, _times_reached(milestone, balances) + 1))


def _times_reached(milestone: Milestone, balances: Sequence[int]) -> int:
    times, armed = 0, True
    for balance in balances:
        if armed and balance >= milestone.threshold:
            times, armed = times + 1, False
        armed = armed or balance < (milestone.rearm_below or 0)
    return times


def batches(seen: Sequence[Observation], random: Random) -> list[list[Observation]]:
    shuffled = [*seen, *(item for item in seen if random.random() < 0.3)]
    random.shuffle(shuffled)
    found: list[list[Observation]] = [[]]
    for item in shuffled:
        if random.random() < 0.6:
            found.append([])
        found[-1].append(item)
    return found


def expected(seen: Sequence[Observation]) -> dict[str, list[int]]:
    balances = [item.point.measures.balance for item in sorted(seen, key=lambda item: item.point.order)]
    return {m.key: found for m in MILESTONES if (found := reference(m, balances))}


@given(observed(), st.randoms(use_true_random=False))
def test_any_order_repetition_and_batching_gives_the_same_grants_and_the_same_log(
    seen: list[Observation], random: Random
) -> None:
    recorder = Recorder()
    for batch in batches(seen, random):
        recorder.hear(batch)
    # Whenever it is learned when the account was created, at the latest now.
    recorder.hear([an_observation(point=seen[0].point, created_at=CREATED)])
    assert recorder.summary() == expected(seen)
    runs = [run for _, run in sorted(recorder.runs.items())]
    assert [(run.measures, [stamp.when for stamp in run.stamps]) for run in runs] == [
        (run.measures, [stamp.when for stamp in run.stamps]) for run in compress(item.point for item in seen)
    ]
    assert recorder.state is not None
    assert recorder.state.last == runs[-1]
    assert recorder.state.ordinal == len(runs) - 1


@given(observed(), st.randoms(use_true_random=False))
def test_hearing_everything_again_changes_nothing(seen: list[Observation], random: Random) -> None:
    recorder = Recorder()
    for batch in [seen, *batches(seen, random)]:
        recorder.hear(batch)
    state, runs, summary = recorder.state, recorder.runs, recorder.summary()
    for batch in batches(seen, random):
        recorder.hear(batch)
    assert (recorder.state, recorder.runs, recorder.summary()) == (state, runs, summary)


@given(observed())
def test_in_order_a_history_is_read_only_where_a_threshold_was_crossed(seen: list[Observation]) -> None:
    told = [an_observation(point=item.point, created_at=CREATED) for item in seen]
    recorder = Recorder()
    for item in told:
        recorder.hear([item])
    assert recorder.summary() == expected(seen)
    steps = list(pairwise([0, *(item.point.measures.balance for item in seen)]))
    # A ladder of 3 is crossed where the third changes; the others where their threshold lies between.
    crossed = sum(low // 3 < high // 3 for low, high in steps)
    crossed += sum(low < threshold <= high for low, high in steps for threshold in (5, 6, 4))
    assert recorder.histories_read == crossed
