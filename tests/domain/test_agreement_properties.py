"""Two programs that lose answers, and a process that dies between any two of its commits: both end equal, and every change
is counted once.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from milestones.domain.agreement import Agreed, Agreement, Fate, Limits, Merge, Side, decide, settle
from tests.examples import of_examples

pytestmark = pytest.mark.examples

FREE = Limits(None, None, 10**9)


class LostError(Exception):
    """No answer came."""


@dataclass
class Wix:
    """Books an adjustment if the account has the revision that is named, and tells of every change, sooner or later."""

    balance: int
    revision: int = 1
    events: list[tuple[int, int]] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    def change(self, by: int) -> None:
        self.balance += by
        self.revision += 1
        self.events.append((self.revision, self.balance))

    def adjust(self, by: int, mark: str, revision: int) -> None:
        self.calls += 1
        if revision == self.revision:
            self.change(by)
            self.marks[mark] = self.revision


@dataclass
class Other:
    """Books whatever it is told, as often as it is told, and keeps the text that stood beside it."""

    balance: int
    history: list[str] = field(default_factory=list)
    calls: int = 0

    def change(self, by: int) -> None:
        self.balance += by

    def adjust(self, by: int, mark: str) -> None:
        self.calls += 1
        self.balance += by
        self.history.append(mark)


@dataclass
class Owed:
    """An action of the outbox: committed before each step, so that a death loses nothing but the answer."""

    by: int
    mark: str
    fate: Fate = Fate.OPEN
    begun: bool = False
    revision: int = 0


class TwoPrograms(RuleBasedStateMachine):
    """What is kept by the store: agreed, open, owed, seen, written. What the world does: everything else."""

    merge = Merge.SUM

    @initialize(balance=st.integers(0, 1_000))
    def start(self, balance: int) -> None:
        self.here, self.there = Wix(balance), Other(balance)
        self.agreed = Agreed(1, balance, balance)
        self.open: Agreement | None = None
        self.owed: dict[Side, Owed] = {}
        self.seen, self.written = (1, balance), 0
        self.first, self.changes = balance, [0]

    @rule(by=st.integers(-50, 50).filter(bool))
    def change_here(self, by: int) -> None:
        self.here.change(by)
        self.changes.append(by)

    @rule(by=st.integers(-50, 50).filter(bool))
    def change_there(self, by: int) -> None:
        self.there.change(by)
        self.changes.append(by)

    @rule(data=st.data())
    def hear(self, data: Any) -> None:
        """Any event, however old and however often."""
        if self.here.events:
            self.seen = max(self.seen, data.draw(st.sampled_from(self.here.events)))

    @rule(dies=st.booleans())
    def look(self, dies: bool) -> None:
        revision, balance = self.seen
        if self.open is not None or revision <= self.written:
            return
        found = decide(self.agreed, balance, self.there.balance, self.merge, (FREE, FREE))
        if isinstance(found, Agreement) and not dies:
            self.open = found
            mark = f"mark {found.number}"
            self.owed = {Side.OURS: Owed(found.to_ours, mark), Side.THEIRS: Owed(found.to_theirs, mark)}
            for one in self.owed.values():
                one.fate = Fate.OPEN if one.by else Fate.DONE

    @rule(side=st.sampled_from(Side), lost=st.sampled_from(["", "before", "after"]))
    def act(self, side: Side, lost: str = "") -> None:
        one = self.owed.get(side)
        if one is None or one.fate is not Fate.OPEN:
            return
        step = self.act_here if side is Side.OURS else self.act_there
        try:
            step(one, lost)
        except LostError:
            return
        one.fate = Fate.DONE

    def act_here(self, one: Owed, lost: str) -> None:
        if one.begun and self.here.revision != one.revision and one.mark in self.here.marks:
            return
        one.begun, one.revision = True, self.here.revision
        self.written = one.revision
        if lost != "before":
            self.here.adjust(one.by, one.mark, one.revision)
        if lost:
            raise LostError

    def act_there(self, one: Owed, lost: str) -> None:
        if one.begun and one.mark in self.there.history:
            return
        one.begun = True
        if lost != "before":
            self.there.adjust(one.by, one.mark)
        if lost:
            raise LostError

    @rule()
    def close(self) -> None:
        if self.open is None:
            return
        after = settle(self.open, (self.owed[Side.OURS].fate, self.owed[Side.THEIRS].fate))
        if after is not None:
            assert not after.broken
            self.agreed, self.open, self.owed = after.agreed, None, {}

    @invariant()
    def counts_each_once(self) -> None:
        if hasattr(self, "here"):
            assert len(self.there.history) == len(set(self.there.history))

    def teardown(self) -> None:
        if not hasattr(self, "here"):
            return
        self.finish()
        before = self.here.calls + self.there.calls
        self.finish()
        assert self.here.calls + self.there.calls == before, "what is in step is left alone"
        assert self.here.balance == self.there.balance
        self.assert_sum()
        assert before <= 6 * len(self.changes) + 6 * self.agreed.number

    def assert_sum(self) -> None:
        assert self.here.balance == self.first + sum(self.changes)

    def finish(self) -> None:
        """The world stands still, everything is told, and nobody dies: a few rounds are enough."""
        for _ in range(3):
            self.seen = max([self.seen, *self.here.events])
            self.look(dies=False)
            for side in Side:
                self.act(side)
            self.close()
        assert self.open is None


class Ours(TwoPrograms):
    merge = Merge.OURS

    def assert_sum(self) -> None:
        """A winner's balance counts, so a change of the other may be lost."""


class Theirs(Ours):
    merge = Merge.THEIRS


for machine in (TwoPrograms, Ours, Theirs):
    machine.TestCase.settings = settings(max_examples=of_examples(2), stateful_step_count=30, deadline=None)

TestSum = TwoPrograms.TestCase
TestOurs = Ours.TestCase
TestTheirs = Theirs.TestCase
