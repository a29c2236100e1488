"""Every exception that this program raises on purpose.

::

    MilestonesError                 a sentence for a person: what is wrong, where, what to do
    ├── UsageError                  a command was called wrongly; exit 2
    │   ├── ConfigurationError      config.toml, the environment or a template is faulty; lists every fault
    │   ├── KeyTakenError           an order's key was used before, for something else
    │   ├── NotFoundError           what was named by its number or its id is not there
    │   └── SeveralError            what was named may be several; its words say whose they are
    ├── StoreError                  the database cannot serve
    │   ├── StoreBusyError          another daemon holds it
    │   ├── StoreNewerError         it was written by a newer version of this program
    │   ├── StoreRefusedError       what was to be written is to blame; to try again is of no use
    │   └── StoreUnavailableError   it cannot be read or written now: disk full, read-only, connection lost
    │       └── StoreRaceError      two writers met; what was tried is to be tried again
    ├── FencedError                 this worker's generation is over; its result must not be written
    ├── WithdrawnError              an effect that has not begun must not begin any more
    ├── IngestError                 a request that cannot be taken; carries the HTTP status to answer
    ├── ingest.reading.UnreadableError    a genuine webhook that this version does not understand
    ├── cli.client.NotRunningError  nobody listens on the daemon's socket
    ├── cli.client.RefusedError     the daemon refused a command; carries its exit code
    └── ChannelError                an effect did not happen, or nobody knows; "is this permanent?"
        ├── PendingError            the other side has begun it and has not finished
        ├── wix.errors.WixError     the Wix API refused, throttled, failed or did not answer
        └── MailError               the mail server refused, failed or did not answer

A ``ChannelError`` answers the caller's only question, so that the outbox needs no knowledge of any vendor.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


class MilestonesError(Exception):
    """The root: ``str(error)`` is a sentence that a person can act on."""

    exit_code = 1


class UsageError(MilestonesError):
    """A command was called in a way that cannot work."""

    exit_code = 2


class ConfigurationError(UsageError):
    """The configuration or a template is faulty. ``faults`` holds one sentence for each fault, with its place."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class KeyTakenError(UsageError):
    """An order's key was used before, for something else."""


class NotFoundError(UsageError):
    """What was named by its number or its id is not there."""


class SeveralError(UsageError):
    """What was named may be several. Its words say whose they are."""


class StoreError(MilestonesError):
    """The database cannot serve."""


class StoreBusyError(StoreError):
    """Another daemon holds the database."""


class StoreNewerError(StoreError):
    """The database was written by a newer version of this program."""


class StoreRefusedError(StoreError):
    """What was to be written cannot be: a value that no column takes, or one that breaks a rule between rows."""


class StoreUnavailableError(StoreError):
    """The database cannot be read or written at the moment; nothing of the transaction was kept."""


class StoreRaceError(StoreUnavailableError):
    """Two writers met over the same rows on PostgreSQL. Nothing of this transaction was kept; it can be repeated."""


class FencedError(MilestonesError):
    """The site is drained by a newer generation: what this worker learned must not be written by it."""


class WithdrawnError(MilestonesError):
    """An effect that had not begun must not begin any more: what it rested on has changed, or somebody stopped it."""


class IngestError(MilestonesError):
    """A request that cannot be taken; ``status`` is the HTTP status to answer with."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)


class ChannelError(MilestonesError):
    """An effect did not happen, or its fate is unknown.

    permanent: trying again cannot help until a person has mended something; the action is discarded, or if the fault
        is ``connection_wide``, the channel rests longer each time.
    lost: the effect may have happened although no answer came; recovery must look before it repeats.
    retry_at: the peer named a time (UTC) before which a new attempt is pointless.
    connection_wide: the fault is of the channel, not of this item (login refused, host unreachable); the
        item's attempts must not be used up by it.
    untried: nothing was attempted, since something must show first at ``retry_at``; it uses up no attempt either, and
        nothing is at fault.
    """

    def __init__(
        self,
        sentence: str,
        *,
        permanent: bool = False,
        lost: bool = False,
        retry_at: datetime | None = None,
        connection_wide: bool = False,
        untried: bool = False,
    ) -> None:
        self.permanent = permanent
        self.lost = lost
        self.retry_at = retry_at
        self.connection_wide = connection_wide
        self.untried = untried
        super().__init__(sentence)


class PendingError(ChannelError):
    """The other side has begun the effect and not finished it: what became of it is asked at ``retry_at``, by
    ``Channel.recover``, and nothing is repeated meanwhile.

    known: what whoever asks must know, such as the id that it was given; it takes the place of the intent.
    """

    def __init__(self, sentence: str, *, retry_at: datetime, known: Mapping[str, Any]) -> None:
        self.known = known
        super().__init__(sentence, lost=True, untried=True, retry_at=retry_at)


class MailError(ChannelError):
    """The mail server refused the message, failed, or did not answer."""


def blame(error: BaseException) -> str:
    """The kind of an exception that nobody foresaw, and where it arose. Its own words may quote a person's data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "unknown"
    return f"{type(error).__name__} at {place}"
