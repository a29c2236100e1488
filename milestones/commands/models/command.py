"""What every command is: a frozen model, the path under which it is served, and the types of its answer and reports."""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from milestones.domain.token import Scope

RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""The number of a row, as any database can hold it."""

WixId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{3,99}$")]
"""An account, contact or member id, or its beginning: what may stand in a path, where an address must not."""

_NAMED = re.compile(r"\{(\w+)\}")


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

    path: where it is served, under whatever the routes are mounted at; a field may stand in it, as ``/orders/{order}``.
    method: GET for what changes nothing; its other fields stand in the query.
    changes: whether it does; what does not is simply carried out again where it is asked for again.
    scopes: a token of any one of these may give it over the network; without any, it is served on the daemon's own
    socket alone. told_apart: fields that the network tells otherwise than in the body.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: ClassVar[str]
    method: ClassVar[Literal["GET", "POST"]] = "POST"
    changes: ClassVar[bool] = True
    scopes: ClassVar[frozenset[Scope]] = frozenset()
    told_apart: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def path_fields(cls) -> tuple[str, ...]:
        """The fields that stand in its path."""
        return tuple(_NAMED.findall(cls.path))

    def address(self) -> tuple[str, dict[str, str]]:
        """Where it is asked for: the path with its fields, and what stands in the query of a GET."""
        fields = self.model_dump(mode="json", exclude_none=True) if self.method == "GET" else {}
        named = {name: fields.pop(name) for name in self.path_fields()}
        path = _NAMED.sub(lambda found: quote(str(named[found[1]]), safe=""), self.path)
        return path, {name: str(value) for name, value in fields.items()}

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


class Question(Command[A, P], Generic[A, P]):
    """Changes nothing, and a token that may read may ask it."""

    method: ClassVar[Literal["GET", "POST"]] = "GET"
    changes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.READ})
