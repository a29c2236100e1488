"""What the API refuses, and how: each kind of problem with its name, its status and its title (RFC 9457)."""

from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from starlette.responses import Response

from milestones.commands.calls import UnderWayError
from milestones.commands.models.problem import MEDIA_TYPE, ApiProblem, Fault
from milestones.commands.running import CutShortError, FaultError
from milestones.errors import (
    ChannelError,
    KeyTakenError,
    MilestonesError,
    NotFoundError,
    SeveralError,
    StoreError,
    StoreRefusedError,
    UsageError,
)
from milestones.views.customers import NobodyError

NAMESPACE = "urn:milestones:problem:"

TRY_AGAIN_SECONDS = 5
"""After which a call that could not be served now is worth another try."""


class Kind(Enum):
    """A kind of problem that a program may want to tell from others of its status."""

    MALFORMED = ("malformed", 400, "The body is no JSON that can be read")
    KEY_MISSING = ("key-missing", 400, "An Idempotency-Key is needed")
    REFUSED = ("refused", 400, "What was asked for cannot be done")
    UNAUTHENTICATED = ("unauthenticated", 401, "A token is needed")
    SCOPE = ("scope", 403, "The token is good for other things")
    HOST = ("host", 403, "The daemon is not known by this name")
    NOT_FOUND = ("not-found", 404, "There is no such thing")
    UNDER_WAY = ("under-way", 409, "The same call is being carried out")
    CONFLICT = ("conflict", 409, "It cannot be done as things stand")
    INVALID = ("invalid", 422, "A field is not as described")
    KEY_REUSED = ("key-reused", 422, "The Idempotency-Key stands for another call")
    TOO_MANY = ("too-many-requests", 429, "Too many requests")
    UPSTREAM = ("upstream", 502, "Wix does not do its part")
    UNAVAILABLE = ("unavailable", 503, "The daemon cannot serve now")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.value[1])

    @property
    def uri(self) -> str:
        """Its name, as the ``type`` of a problem."""
        return NAMESPACE + str(self.value[0])


class RefusedError(Exception):
    """A call that is not served: the problem, and headers that go with it."""

    def __init__(self, problem: ApiProblem, headers: Mapping[str, str] | None = None) -> None:
        self.problem = problem
        self.headers = dict(headers or {})
        super().__init__(problem.detail)

    def response(self) -> Response:
        """The answer that tells of it."""
        told = self.problem.model_dump_json(exclude_none=True)
        return Response(told, self.problem.status, self.headers, MEDIA_TYPE)


def refusal(
    kind: Kind, sentence: str, *faults: Fault, headers: Mapping[str, str] | None = None
) -> RefusedError:
    """A problem of one of our kinds."""
    problem = ApiProblem(
        type=kind.uri, title=str(kind.value[2]), status=kind.status, detail=sentence, errors=faults or None
    )
    return RefusedError(problem, headers)


def plain_refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> RefusedError:
    """A problem of which the HTTP status says all."""
    problem = ApiProblem(title=HTTPStatus(status).phrase, status=status, detail=sentence)
    return RefusedError(problem, headers)


def fault_refusal() -> RefusedError:
    """What nobody foresaw; its own words may quote a person."""
    return plain_refusal(500, "This is a fault of the program; the daemon's log has more.")


_KINDS: tuple[tuple[type[MilestonesError], Kind], ...] = (
    (UnderWayError, Kind.UNDER_WAY),
    (CutShortError, Kind.UNAVAILABLE),
    (KeyTakenError, Kind.KEY_REUSED),
    (NotFoundError, Kind.NOT_FOUND),
    (NobodyError, Kind.NOT_FOUND),
    (UsageError, Kind.REFUSED),
    (StoreRefusedError, Kind.REFUSED),
    (StoreError, Kind.UNAVAILABLE),
    (ChannelError, Kind.UPSTREAM),
    (MilestonesError, Kind.CONFLICT),
)
"""The first that fits."""

_PASSING = {Kind.UNAVAILABLE, Kind.UPSTREAM, Kind.UNDER_WAY}

_SEVERAL = (
    "That may mean several. Give an id; POST /api/v1/accounts/find lists them to a token that may read."
)


def refusal_of(error: MilestonesError, *, may_read: bool) -> RefusedError:
    """What an error of a command is to a program. may_read: whether it may learn of other customers."""
    if isinstance(error, FaultError):
        return fault_refusal()
    kind = next(kind for of_type, kind in _KINDS if isinstance(error, of_type))
    sentence = _SEVERAL if isinstance(error, SeveralError) and not may_read else str(error)
    later = {"retry-after": str(TRY_AGAIN_SECONDS)} if kind in _PASSING else None
    return refusal(kind, sentence, headers=later)
