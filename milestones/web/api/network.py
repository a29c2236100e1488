"""The answer to a call over the network: its scope, its key, and what became of it."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from milestones.commands.calls import Calls
from milestones.commands.models.command import Answer
from milestones.commands.models.orders import OrderAnswer
from milestones.commands.models.problem import Fault
from milestones.commands.running import Running
from milestones.domain.actions import FAILED, FINAL, State
from milestones.domain.order import OrderSource, find_key_fault
from milestones.domain.token import Scope
from milestones.errors import MilestonesError
from milestones.web.api.bearer import Bearer, Caller, lacks_scope
from milestones.web.api.refusals import Kind, refusal, refusal_of
from milestones.web.api.routes import Answering, AnyCommand

KEY = "Idempotency-Key"

ORDER = "/api/v1/orders/{}"
"""Where an order tells what becomes of it."""

_log = structlog.get_logger(__name__)

_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


def answering(running: Running, calls: Calls, bearer: Bearer, kind: AnyCommand) -> Answering:
    """What answers the calls of a command."""

    async def answer(request: Request, fields: Mapping[str, Any]) -> Response:
        caller: Caller = request.state.caller
        if kind.method == "GET":
            command = kind.model_validate(fields)
            return _respond(await _result(caller, running.begin(command, _drop)))
        key = read_key(request)
        apart = {"key": key, "source": OrderSource.API}
        told = {name: value for name, value in apart.items() if name in kind.told_apart}
        command = kind.model_validate({**fields, **told})
        _log.info("api_call", token=caller.name, command=kind.path)
        task = running.begin(command, _drop, partial(calls.once, key, command))
        found = await _result(caller, task)
        # It may have waited.
        await bearer.require_still(caller)
        return _respond_accepted(found) if _is_open(found) else _respond(found)

    return answer


def require_scope(request: Request, kind: AnyCommand) -> None:
    """Raise RefusedError where the caller's token is good for other things."""
    caller: Caller = request.state.caller
    if not caller.may(kind.scopes):
        raise lacks_scope(kind.scopes)


def read_key(request: Request) -> str:
    """The key of a call, written as the IETF's draft has it, in quotes, or bare. Raises RefusedError."""
    told = request.headers.getlist(KEY)
    if not told:
        raise refusal(
            Kind.KEY_MISSING,
            f"Send an {KEY} with every POST, such as a UUID: the same one again means the same call.",
            Fault(detail="is missing", header=KEY),
        )
    quoted = _QUOTED.fullmatch(told[0])
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else told[0]
    fault = find_key_fault(key) if len(told) == 1 else f"Send one {KEY}."
    if fault is not None:
        raise refusal(Kind.INVALID, fault, Fault(detail="is no key", header=KEY))
    return key


def _drop(_report: Answer) -> None:
    """How far it is: nobody asks."""


async def _result(caller: Caller, task: asyncio.Task[Any]) -> Answer:
    """What a command came to. Raises RefusedError."""
    await asyncio.wait([task])
    error = task.exception()
    if error is not None:
        assert isinstance(error, MilestonesError), "a command raises nothing else"
        raise refusal_of(error, may_read=caller.may({Scope.READ}))
    found: Answer = task.result()
    return found


def _is_open(found: Answer) -> bool:
    """Whether it is an order of which something may still become. What waits for what failed, waits for ever."""
    if not isinstance(found, OrderAnswer):
        return False
    states = {State(action.state) for action in found.actions}
    failed = found.settled and not states.isdisjoint(FAILED)
    return not failed and not states <= FINAL


def _respond(found: Answer) -> Response:
    return Response(found.model_dump_json(), media_type="application/json")


def _respond_accepted(found: Answer) -> Response:
    assert isinstance(found, OrderAnswer), "nothing else is open"
    where = {"location": ORDER.format(found.order)}
    return Response(found.model_dump_json(), HTTPStatus.ACCEPTED, where, "application/json")
