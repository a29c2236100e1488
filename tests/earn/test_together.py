"""Bodies that arrive while a commit is under way share the next one, and no one pays for another."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from milestones.domain.earn import EarnRule
from milestones.earn import together
from milestones.earn.reading import Reading, Unneeded
from milestones.earn.record import Outcome, Result
from milestones.earn.together import Together
from milestones.errors import IngestError, StoreUnavailableError
from tests.builders import NOW
from tests.earn.samples import a_rule

ONE, OTHER = a_rule('email = "mail"'), a_rule('email = "mail"', name="other")


class Recorder:
    """Takes a turn of the loop for each commit, and fails where an event is bad."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    async def record(
        self, _site_id: str, rule: EarnRule, readings: Sequence[Reading], _now: datetime
    ) -> list[Result]:
        words = [reading.why for reading in readings if isinstance(reading, Unneeded)]
        self.groups.append([rule.name, *words])
        await asyncio.sleep(0)
        if "bad" in words:
            raise StoreUnavailableError("The disk is full.")
        return [Result(Outcome.UNNEEDED, word) for word in words]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def queue(recorder: Recorder) -> Together:
    return Together(recorder.record, lambda: NOW)


async def send(queue: Together, *words: str, rule: EarnRule = ONE) -> list[str]:
    return [result.why for result in await queue.record("site", rule, [Unneeded(word) for word in words])]


async def test_what_arrives_meanwhile_shares_a_commit_and_each_has_its_own(
    queue: Together, recorder: Recorder
) -> None:
    answers = tuple(
        await asyncio.gather(send(queue, "a"), send(queue, "b", "c"), send(queue), send(queue, "d"))
    )
    assert answers == (["a"], ["b", "c"], [], ["d"])
    assert recorder.groups == [["rule", "a", "b", "c", "d"]]
    assert await send(queue, "e") == ["e"]


async def test_each_rule_has_its_own_commit(queue: Together, recorder: Recorder) -> None:
    await asyncio.gather(send(queue, "a"), send(queue, "b", rule=OTHER), send(queue, "c"))
    assert recorder.groups == [["rule", "a", "c"], ["other", "b"]]


async def test_one_that_fails_takes_no_other_along(queue: Together) -> None:
    answers = await asyncio.gather(
        *(send(queue, word) for word in ("a", "b", "bad", "c", "d")), return_exceptions=True
    )
    assert [answer for answer in answers if isinstance(answer, list)] == [["a"], ["b"], ["c"], ["d"]]
    assert isinstance(answers[2], StoreUnavailableError)


async def test_who_gives_up_keeps_nobody_waiting(queue: Together, recorder: Recorder) -> None:
    waiting = [asyncio.create_task(send(queue, word)) for word in ("a", "b", "c")]
    await asyncio.sleep(0)
    waiting[1].cancel()
    assert await waiting[0] == ["a"]
    assert await waiting[2] == ["c"]
    assert [word for group in recorder.groups for word in group[1:]] == ["a", "c"]


async def test_a_commit_takes_no_more_than_it_can(
    queue: Together, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "LARGEST_GROUP", 3)
    await asyncio.gather(send(queue, "a", "b"), send(queue, "c", "d"), send(queue, "e"))
    assert sorted(len(group) - 1 for group in recorder.groups) == [2, 3]
    monkeypatch.setattr(together, "CAPACITY", 0)
    with pytest.raises(IngestError, match="Too many events wait"):
        await send(queue, "f")
