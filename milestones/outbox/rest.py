"""A channel that failed as a whole rests: nothing is begun over it until its rest is over.

What may pass by itself is tried again soon, however often it fails. What a person must mend, such as a wrong password,
is tried more and more seldom. A success ends either; so does a person, whose order or reload has it tried at once
(``store.rests.forget``). What rests is kept in the database, so that every process that looks there can tell of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from milestones.errors import ChannelError
from milestones.kinds.registry import NAMES
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests
from milestones.store.outbox.rests import Rest

log = structlog.get_logger()

REST = timedelta(seconds=30)
"""How long a channel rests after a fault that is of the channel and not of one action."""

LONGEST_REST = timedelta(hours=1)
"""What rests of a fault that only a person can mend grow to, doubling each time."""


Kept = Mapping[str, Rest | None]
"""What was written, by kind; None of what works again."""


@dataclass(slots=True)
class Rests:
    """Which channels of one site rest. ``recall`` and ``keep`` read and write what other processes know of it.

    pauses: since when and until when channels wait without being at fault; known here only.
    """

    site_id: str
    _faults: dict[str, Rest] = field(default_factory=dict)
    _pauses: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)

    def begin(self, kind: str, error: ChannelError, now: datetime) -> datetime:
        """Let a channel rest; returns until when."""
        if error.untried:
            until = error.retry_at or now + REST
            self._pauses[kind] = now, until
            return until
        before = self._faults.get(kind)
        if before is not None and _holds(before.begun_at, before.until, now):
            # Of those that were under way together, each tells of the same fault.
            return before.until
        failures = before.failures + 1 if before is not None else 1
        until = max(now + length(failures, for_good=error.permanent), error.retry_at or now)
        since = before.since if before is not None else now
        self._faults[kind] = Rest(since, now, until, failures, str(error))
        self._changed.add(kind)
        log.warning(
            "channel_rests",
            site=self.site_id,
            kind=kind,
            until=until.isoformat(),
            failures=failures,
            error=str(error),
        )
        return until

    def end(self, kind: str) -> None:
        """Note that the channel has worked: it rests no longer."""
        if self._faults.pop(kind, None) is not None:
            self._changed.add(kind)
            log.info("channel_works_again", site=self.site_id, kind=kind)

    def covers(self, kind: str, now: datetime) -> bool:
        """Whether a channel rests. A rest that begins later than now is over: the clock was set back."""
        return any(_holds(begun, until, now) for begun, until in self._spans([kind]))

    def ends(self, now: datetime) -> list[datetime]:
        """When the rests of now are over."""
        return [until for begun, until in self._spans(NAMES) if _holds(begun, until, now)]

    async def recall(self, tx: Transaction) -> None:
        """Learn what was kept: another process may have drained the site, or a person ended its rests."""
        kept = await rests.get_rests(tx, self.site_id)
        unsaved = {kind: rest for kind, rest in self._faults.items() if kind in self._changed}
        self._faults = {kind: rest for kind, rest in kept.items() if kind not in self._changed} | unsaved

    async def keep(self, tx: Transaction) -> Kept:
        """Write what has changed; ``confirm`` takes the answer when that is committed."""
        changed = {kind: self._faults.get(kind) for kind in self._changed}
        if changed:
            await rests.save_rests(tx, self.site_id, changed)
        return changed

    def confirm(self, written: Kept) -> None:
        """Note that this is committed. Until then, what ``recall`` reads is older than what is known here."""
        self._changed -= {kind for kind, rest in written.items() if self._faults.get(kind) is rest}

    def _spans(self, kinds: Sequence[str]) -> list[tuple[datetime, datetime]]:
        faults = [(rest.begun_at, rest.until) for kind in kinds if (rest := self._faults.get(kind))]
        return faults + [self._pauses[kind] for kind in kinds if kind in self._pauses]


def length(failures: int, *, for_good: bool) -> timedelta:
    """How long to rest after so many failures in a row, 1 and up."""
    # The exponent is bounded first: a channel that fails for years must not overflow a timedelta.
    return min(LONGEST_REST, REST * int(2 ** min(failures - 1, 20))) if for_good else REST


def _holds(begun: datetime, until: datetime, now: datetime) -> bool:
    return begun <= now < until
