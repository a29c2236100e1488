"""The attempts of an action, as an operator reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from milestones.store.tables import Attempt
from milestones.views.sentences import reason


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt. ended_at: None where the program ended in between. state: where the action went. sentence: how it ended."""

    number: int
    began_at: datetime
    ended_at: datetime | None
    state: str
    verdict: str
    sentence: str

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()


def attempt_lines(attempts: Iterable[Attempt]) -> tuple[AttemptLine, ...]:
    """The attempts of one action, in their order."""
    return tuple(
        AttemptLine(
            number=one.number,
            began_at=one.began_at,
            ended_at=one.ended_at,
            state=one.state,
            verdict=one.verdict,
            sentence=one.error or reason(one.verdict) or "It was done.",
        )
        for one in attempts
    )
