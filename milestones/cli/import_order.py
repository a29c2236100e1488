"""What a person asks of an import, and what is counted of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from milestones.commands.models.imports import RowOutcome
from milestones.sync.importing.fields import Field
from milestones.sync.importing.rows import Choices, Entry

SHOWN = 8
"""Rows of the table of the dry run."""


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What a person asked for."""

    file: Path
    columns: Mapping[Field, str]
    choices: Choices
    sheet: str | None
    mode: str | None
    creates: bool
    fires: bool
    name: str
    reason: str
    site: str | None
    rejected: Path | None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What need not be asked. let_pass: whether it may go past the breaker's limit unasked."""

    dry_run: bool
    yes: bool
    let_pass: bool


@dataclass(slots=True)
class Tally:
    """What becomes of the rows, or would."""

    outcomes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    strangers: int = 0
    held: int = 0
    points: int = 0
    room: int = 0
    shadow: bool = False
    works: bool = True
    shown: list[tuple[Entry, RowOutcome]] = field(default_factory=list)

    @property
    def ordered(self) -> int:
        """Rows for which something is to be done."""
        return self.outcomes["new"] + self.outcomes["again"]
