"""Errors as answers of the API: problem+json, with the sentence and the exit code that goes with it."""

from http import HTTPStatus

from starlette.responses import Response

from milestones.commands.models.problem import MEDIA_TYPE, Problem
from milestones.errors import ChannelError, KeyTakenError, MilestonesError, StoreError, UsageError

_STATUSES: tuple[tuple[type[BaseException], HTTPStatus], ...] = (
    (KeyTakenError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ChannelError, HTTPStatus.BAD_GATEWAY),
    (MilestonesError, HTTPStatus.CONFLICT),
)
"""The first that fits. ChannelError: whoever is behind this program, such as Wix, does not do its part."""


def problem_of(error: BaseException) -> Problem:
    """What an error of a command is to whoever gave it."""
    status = next((found for kind, found in _STATUSES if isinstance(error, kind)), None)
    assert isinstance(error, MilestonesError), "a command raises nothing else"
    assert status is not None, "every MilestonesError has one"
    return problem(status, str(error), error.exit_code)


def problem(status: HTTPStatus, sentence: str, exit_code: int = 1) -> Problem:
    """A problem with a sentence of its own."""
    return Problem(title=status.phrase, status=status, detail=sentence, exit_code=exit_code)


def problem_response(found: Problem) -> Response:
    """The answer that tells of it."""
    return Response(found.model_dump_json(), found.status, media_type=MEDIA_TYPE)
