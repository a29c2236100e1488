"""Faults on order: what a test or a person wants to go wrong (``/_sandbox/faults``)."""

import random
import re
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wixsandbox.settings import LONGEST, Header

Effect = Literal[
    "status", "status_after", "delay", "delay_after", "drop_before", "drop_after", "malformed", "truncate"
]


class Match(BaseModel):
    """Which calls a fault is for. ``path`` is a prefix, or a regular expression if it begins with ``^``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str | None = None
    path: str = "/"

    @field_validator("path")
    @classmethod
    def _compiles(cls, path: str) -> str:
        if path.startswith("^"):
            try:
                re.compile(path)
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from error
        return path

    def fits(self, method: str, path: str) -> bool:
        """Whether a call is meant."""
        if self.method is not None and self.method.upper() != method:
            return False
        if self.path.startswith("^"):
            return re.search(self.path, path) is not None
        return path.startswith(self.path)


class Fault(BaseModel):
    """One fault.

    ========================  ====================================================================================
    ``status``                answers ``status`` (with ``body`` as ``content_type`` if given); nothing took effect
    ``status_after``          the call takes effect, then the same answer
    ``delay``                 waits ``seconds``, then the call takes effect and is answered
    ``delay_after``           the call takes effect at once, the answer waits ``seconds``
    ``drop_before``           closes the connection without an answer; nothing took effect
    ``drop_after``            the call takes effect, then the connection is closed without an answer
    ``malformed``             the call takes effect; status 200, but the JSON breaks off
    ``truncate``              the call takes effect; the connection is closed in the middle of the body
    ========================  ====================================================================================

    times: how often it happens; 0 is until it is deleted. skip: so many matching calls pass first.
    probability: the chance for each matching call, from a seeded generator.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Match = Match()
    effect: Effect
    status: int = Field(default=500, ge=200, le=599)
    seconds: float = Field(default=0.0, ge=0, le=LONGEST)
    times: int = Field(default=1, ge=0)
    skip: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    body: str | None = None
    content_type: Header = "text/html"

    @model_validator(mode="after")
    def _can_be_sent(self) -> "Fault":
        if self.body and self.status in {204, 304}:
            raise ValueError(f"an answer with status {self.status} has no body")
        return self

    @property
    def prevents(self) -> bool:
        """Whether the call takes no effect."""
        return self.effect in {"status", "drop_before"}


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    happened: int = 0


@dataclass
class Faults:
    """The faults that are armed; the first that fits a call happens to it."""

    seed: int
    _armed: list[_Armed] = field(default_factory=list)
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(f"{self.seed}:faults")  # noqa: S311 - repeatable on purpose

    def add(self, fault: Fault) -> None:
        """Arm one more."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def list_armed(self) -> list[dict[str, object]]:
        """The armed faults and how often each has happened."""
        return [{**armed.fault.model_dump(mode="json"), "happened": armed.happened} for armed in self._armed]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that happens to this call, if any."""
        for armed in self._armed:
            fault = armed.fault
            if not fault.match.fits(method, path):
                continue
            armed.seen += 1
            if armed.seen <= fault.skip or self._rng.random() >= fault.probability:
                continue
            armed.happened += 1
            if fault.times and armed.happened >= fault.times:
                self._armed.remove(armed)
            return fault
        return None
