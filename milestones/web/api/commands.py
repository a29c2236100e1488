"""A route for every command: its fields in, its answer out.

An answer is one document of JSON. Whoever asks for ``application/jsonl`` is told meanwhile how far it is, in lines, of
which the last is the answer or the problem. Whoever leaves is not waited for, and the command is carried out all the same.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from milestones.commands.models.command import Command
from milestones.commands.models.problem import LINES, Problem
from milestones.commands.running import Running
from milestones.web.api.problems import problem_of, problem_response


def command_routes(running: Running, *, local: bool = False) -> APIRouter:
    """The routes of all commands that ``running`` carries out; with ``local`` also of those for this machine alone."""
    router = APIRouter()
    for kind in running.commands:
        if local or not kind.local:
            _add(router, running, kind)
    return router


def _add(router: APIRouter, running: Running, kind: type[Command[Any, Any]]) -> None:
    async def get(request: Request) -> Response:
        return await _answer(request, running, kind())

    async def post(request: Request, command: kind) -> Response:  # type: ignore[valid-type]  # known at run time
        return await _answer(request, running, command)

    router.add_api_route(
        kind.path,
        get if kind.method == "GET" else post,
        methods=[kind.method],
        name=kind.__name__,
        description=kind.__doc__,
        tags=[kind.path.split("/")[1]],
        response_model=kind.answer_type(),
        responses={"default": {"model": Problem, "description": "Why it was not carried out."}},
    )


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
