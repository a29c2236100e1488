"""The route of a command: where it is served, what it takes, and the answer that it is known to give."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, WrapValidator, create_model
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from milestones.commands.models.command import Command

AnyCommand = type[Command[Any, Any]]

Answering = Callable[[Request, Mapping[str, Any]], Awaitable[Response]]
"""Takes a request and the fields of its command, as they were told in the path and in the query or the body."""


def add_route(
    router: APIRouter, kind: AnyCommand, answer: Answering, *, apart: bool = False, **described: Any
) -> None:
    """Serve a command. apart: what its ``told_apart`` names is not among its fields. described: more for the document."""

    async def endpoint(request: Request, **told: Any) -> Response:
        fields: dict[str, Any] = {}
        for name, value in told.items():
            fields |= _fields_of(value) if isinstance(value, BaseModel) else {name: value}
        return await answer(request, fields)

    endpoint.__signature__ = _signature(kind, apart=apart)  # type: ignore[attr-defined]  # read by FastAPI
    router.add_api_route(
        kind.path,
        endpoint,
        methods=[kind.method],
        name=kind.__name__,
        description=inspect.getdoc(kind),
        tags=[kind.path.split("/")[1]],
        response_model=kind.answer_type(),
        **described,
    )


def _fields_of(model: BaseModel) -> dict[str, Any]:
    """Not dict(model): a field may be called keys."""
    return {name: getattr(model, name) for name in type(model).model_fields}


def _signature(kind: AnyCommand, *, apart: bool) -> inspect.Signature:
    """What FastAPI reads: the request, the fields of the path, and all others as one model."""
    in_path = kind.path_fields()
    elsewhere = {*in_path, *(kind.told_apart if apart else ())}
    told: dict[str, Any] = {"request": Request}
    for name in in_path:
        field = kind.model_fields[name]
        told[name] = Annotated[field.annotation, *field.metadata, Path()]
    others = kind if not elsewhere else _others(kind, elsewhere)
    if kind.method == "POST":
        told["command"] = Annotated[others, WrapValidator(partial(_read_strictly, others)), Body()]
    elif others.model_fields:
        told["query"] = Annotated[others, Query()]
    return inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
            for name, annotation in told.items()
        ]
    )


def _read_strictly(model: type[BaseModel], told: Any, _read: Any) -> BaseModel:
    """A body as JSON has it: a number is no truth value, and a text no number. Raises ValidationError."""
    return model.model_validate_json(to_json(told), strict=True)


def _others(kind: AnyCommand, elsewhere: set[str]) -> type[BaseModel]:
    """The command without the fields that are told elsewhere."""
    kept: dict[str, Any] = {
        name: (field.annotation, field) for name, field in kind.model_fields.items() if name not in elsewhere
    }
    model = create_model(kind.__name__, __config__=ConfigDict(extra="forbid", frozen=True), **kept)
    model.__doc__ = kind.__doc__
    return model
