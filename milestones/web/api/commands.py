"""A route for every command on the local socket: its fields in, its answer out.

An answer is one document of JSON. Whoever asks for ``application/jsonl`` is told meanwhile how far it is, in lines, of
which the last is the answer or the problem. Whoever leaves is not waited for, and the command is carried out all the same.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from milestones.commands.models.command import Command
from milestones.commands.models.problem import LINES
from milestones.commands.running import Running
from milestones.web.api.problems import problem_of, problem_response
from milestones.web.api.routes import Answering, AnyCommand, add_route


def command_routes(running: Running) -> APIRouter:
    """The routes of all commands that ``running`` carries out."""
    router = APIRouter()
    for kind in running.commands:
        add_route(router, kind, _answering(running, kind))
    return router


def _answering(running: Running, kind: AnyCommand) -> Answering:
    async def answer(request: Request, fields: Mapping[str, Any]) -> Response:
        return await _answer(request, running, kind.model_validate(fields))

    return answer


async def _answer(request: Request, running: Running, command: Command[Any, Any]) -> Response:
    reports: asyncio.Queue[BaseModel | None] = asyncio.Queue()
    task = running.begin(command, reports.put_nowait)
    task.add_done_callback(lambda _task: reports.put_nowait(None))
    if LINES not in request.headers.get("accept", ""):
        await asyncio.wait([task])
        return _whole(task)
    first = await reports.get()
    if first is None and task.exception() is not None:
        return _whole(task)
    return StreamingResponse(_lines(task, first, reports), media_type=LINES)


def _whole(task: asyncio.Task[Any]) -> Response:
    error = task.exception()
    if error is not None:
        return problem_response(problem_of(error))
    return Response(task.result().model_dump_json(), media_type="application/json")


async def _lines(
    task: asyncio.Task[Any], first: BaseModel | None, reports: "asyncio.Queue[BaseModel | None]"
) -> AsyncIterator[bytes]:
    report = first
    while report is not None:
        yield _line("progress", report)
        report = await reports.get()
    error = task.exception()
    yield _line("result", task.result()) if error is None else _line("problem", problem_of(error))


def _line(name: str, told: BaseModel) -> bytes:
    return f'{{"{name}":{told.model_dump_json()}}}\n'.encode()
