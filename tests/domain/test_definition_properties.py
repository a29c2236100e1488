"""Definitions that come, change and go while observations arrive in any order: what is given is what a reference says that
is written in another way, from the words of the design.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from milestones.domain.account import (
    AccountState,
    Definitions,
    Version,
    find_owed_under,
    history_for,
    is_late,
    news,
    take,
)
from milestones.domain.crossing import Given
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure, Measures, Observation, Point, Run, Stamp
from tests.builders import GO_LIVE, a_milestone, an_observation

HOUR = timedelta(hours=1)
TENS = range(0, 101, 10)
"""No rung of a ladder is the ordinal of a cycle: of one key, those are taken for one another."""
LIVES = 3000
"""Seeds that are tried. Each of the defects that this test has found spoiled ten of them."""
Configuration = tuple[Milestone, ...]
Step = Configuration | list[Observation]


def a_configuration(dice: Random) -> Configuration:
    return tuple(_a_definition(key, dice) for key in ("a", "b") if dice.random() < 0.8)


def _a_definition(key: str, dice: Random) -> Milestone:
    threshold, repeat, measure = dice.choice(TENS[2:8]), dice.choice(list(Repeat)), dice.choice(list(Measure))
    rearm_below = dice.randint(1, threshold) if repeat is Repeat.EVERY else None
    return a_milestone(threshold, key=key, measure=measure, repeat=repeat, rearm_below=rearm_below)


def life(dice: Random) -> list[Step]:
    """Batches of what is told of one account, and configurations that are put into force in between.

    At one stamp only tier points may differ (docs/wix-api.md, 8), and some sources are silent about them.
    """
    created_at = GO_LIVE + dice.choice([-9, 1, 3, 6]) * HOUR
    states: dict[Stamp, tuple[int, int]] = {}
    told, revision = [], 1
    for i in range(dice.randint(1, 9)):
        revision += dice.randint(0, 2)
        stamp = Stamp(revision, dice.choice([0, i]))
        balance, earned = states.setdefault(stamp, (dice.choice(TENS), dice.choice(TENS)))
        measures = Measures(balance, earned, dice.choice([None, -1, dice.choice(TENS)]))
        knows = dice.random() < 0.7
        told.append(an_observation(point=Point(stamp, measures), created_at=created_at if knows else None))
    told += [item for item in told if dice.random() < 0.3]
    if dice.random() < 0.7:
        dice.shuffle(told)
    steps: list[Step] = [a_configuration(dice)]
    while told:
        if dice.random() < 0.25:
            steps.append(a_configuration(dice))
        size = dice.randint(1, 3)
        steps.append(told[:size])
        told = told[size:]
    return steps


@dataclass
class Product:
    """The account as the pipeline keeps it."""

    state: AccountState | None = None
    runs: dict[int, Run] = field(default_factory=dict)
    grants: dict[str, list[Given]] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    numbers: int = 0

    def define(self, milestones: Configuration, now: datetime) -> None:
        before, self.versions = self.versions, {}
        for milestone in milestones:
            version = before.get(milestone.key)
            if version is None or version.milestone.rule != milestone.rule:
                self.numbers += 1
                version = Version(milestone, self.numbers, now)
            self.versions[milestone.key] = version

    def hear(self, batch: Sequence[Observation]) -> None:
        fresh = news(self.state, batch)
        if not fresh:
            return
        past = [run for _, run in sorted(self.runs.items())] if is_late(self.state, fresh) else []
        newest = max((version.number for version in self.versions.values()), default=0)
        taken = take(self.state, fresh, past, Definitions.of(newest, list(self.versions.values())))
        self.state = taken.state
        self.runs = dict(taken.runs) if taken.rewritten else {**self.runs, **taken.runs}
        for key in taken.crossed:
            version, kept = self.versions[key], self.grants.setdefault(key, [])
            points = history_for(taken.state, [run for _, run in sorted(self.runs.items())], version)
            kept += [
                Given(one.occurrence, one.revision, one.at, one.value, version=version.number)
                for one in find_owed_under(version, points, kept)
            ]

    def summary(self) -> dict[str, int]:
        return {key: len({one.occurrence for one in grants}) for key, grants in self.grants.items() if grants}


def order(point: Point) -> tuple[int, ...]:
    balance, earned, tier_points = point.measures
    silent = tier_points is None
    return (*point.stamp[:2], balance, earned, 0 if silent else 1, 0 if tier_points is None else tier_points)


@dataclass
class InForce:
    """A version: since when, and the newest point that was known then. ``given``: cycles of an EVERY."""

    milestone: Milestone
    since: datetime
    base: tuple[int, ...] | None
    given: int = 0


@dataclass
class Reference:
    """A set of points, and questions about the whole of it."""

    points: dict[tuple[int, ...], Point] = field(default_factory=dict)
    first: tuple[int, ...] | None = None
    created_at: datetime | None = None
    versions: dict[str, InForce] = field(default_factory=dict)
    occasions: dict[str, set[str]] = field(default_factory=dict)

    def define(self, milestones: Configuration, now: datetime) -> None:
        before = self.versions
        self.versions = {
            one.key: before[one.key]
            if one.key in before and before[one.key].milestone.rule == one.rule
            else InForce(one, now, max(self.points, default=None))
            for one in milestones
        }

    def hear(self, batch: Sequence[Observation]) -> None:
        if self.first is None:
            self.first = min(order(item.point) for item in batch)[:2]
        for item in batch:
            self.points[order(item.point)] = item.point
            self.created_at = self.created_at or item.created_at
        for version in self.versions.values():
            self._judge(version)

    def _judge(self, version: InForce) -> None:
        milestone, had = version.milestone, self.occasions.setdefault(version.milestone.key, set())
        values = self._values(version)
        match milestone.repeat:
            case Repeat.ONCE:
                if not had and _crosses(values, milestone.threshold):
                    had.add("once")
            case Repeat.LADDER:
                rungs = range(milestone.threshold, 101, milestone.threshold)
                had |= {f"rung {rung}" for rung in rungs if _crosses(values, rung)}
            case Repeat.EVERY:
                spent = _spent(values, milestone.threshold, milestone.rearm_below or 0)
                had |= {f"since {version.since}: {number}" for number in range(version.given, spent)}
                version.given = max(version.given, spent)

    def _values(self, version: InForce) -> list[int]:
        young = version.base is None and self.created_at is not None and self.created_at > version.since
        start = version.base
        if start is None and version.milestone.repeat is Repeat.EVERY and not young:
            start = self.first
        found, value = [0] if young else [], None
        for place in sorted(self.points):
            told = self.points[place].measures.of(version.milestone.measure)
            value = value if told is None else told
            if value is not None and (start is None or place >= start):
                found.append(value)
        return found

    def summary(self) -> dict[str, int]:
        return {key: len(occasions) for key, occasions in self.occasions.items() if occasions}


def _crosses(values: Sequence[int], threshold: int) -> bool:
    return any(a < threshold <= b for i, a in enumerate(values) for b in values[i + 1 :])


def _spent(values: Sequence[int], threshold: int, rearm_below: int) -> int:
    """How many values are the first at the threshold since one that armed it."""
    number = 0
    for i, value in enumerate(values):
        arming = [a for a in range(i) if values[a] < rearm_below or (a == 0 and values[0] < threshold)]
        number += value >= threshold and bool(arming) and max(values[arming[-1] : i]) < threshold
    return number


def test_whatever_becomes_of_the_definitions_each_gives_what_its_own_time_shows() -> None:
    for seed in range(LIVES):
        product, reference = Product(), Reference()
        for hour, step in enumerate(life(Random(seed))):
            for one in (product, reference):
                if isinstance(step, list):
                    one.hear(step)
                else:
                    one.define(step, GO_LIVE + hour * HOUR)
            assert product.summary() == reference.summary(), f"seed {seed}, hour {hour}"
