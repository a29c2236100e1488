"""The outcome of trying something that the configuration names."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """UNTRIED: it could not be tried, so nothing is known."""

    OK = "ok"
    FAILED = "failed"
    UNTRIED = "untried"


class Trial(NamedTuple):
    """What was tried, how it went, and a sentence."""

    what: str
    outcome: Outcome
    sentence: str
