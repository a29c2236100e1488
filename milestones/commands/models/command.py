"""What every command is: a frozen model, the path under which it is served, and the types of its answer and reports."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What a command came to, or how far it is. What a newer version adds is passed over."""

    model_config = ConfigDict(frozen=True)


class NoReport(Answer):
    """A command that is done before anybody asks how far it is reports nothing."""


class UnderWay(Answer):
    """How much that has begun a command waits for."""

    under_way: int


A = TypeVar("A", bound=Answer)
P = TypeVar("P", bound=Answer)

Report = Callable[[P], None]
"""Is told how far a command is, as often as it likes."""


class Command(BaseModel, Generic[A, P]):
    """What an operator commands; its docstring says what it does, and ``A`` is its answer, ``P`` a report.

    path: where it is served, under whatever the routes are mounted at. method: GET for what changes nothing and has no
    fields. local: only on the daemon's own socket, whoever may call the routes elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: ClassVar[str]
    method: ClassVar[Literal["GET", "POST"]] = "POST"
    local: ClassVar[bool] = False

    @classmethod
    def answer_type(cls) -> type[A]:
        """The model of its answer."""
        result: type[A] = cls._arguments()[0]
        return result

    @classmethod
    def report_type(cls) -> type[P]:
        """The model of what it reports meanwhile."""
        result: type[P] = cls._arguments()[1]
        return result

    @classmethod
    def _arguments(cls) -> tuple[Any, ...]:
        """A and P of the ``Command[A, P]`` that it is made from."""
        bases = (one.__pydantic_generic_metadata__ for one in cls.__mro__ if issubclass(one, Command))
        result: tuple[Any, ...] = next(base["args"] for base in bases if base["args"])
        return result
