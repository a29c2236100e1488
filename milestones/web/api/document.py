"""The OpenAPI document: beside what FastAPI reads from the commands, how one signs in, what may go wrong, and the key."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Depends, FastAPI
from starlette.requests import Request

from milestones.commands.models.command import Answer
from milestones.commands.models.orders import Keyed, OrderAnswer
from milestones.commands.models.problem import MEDIA_TYPE, ApiProblem
from milestones.domain.token import Scope
from milestones.web.api.network import KEY, require_scope
from milestones.web.api.routes import AnyCommand

TITLE = "Milestones"
VERSION = "1"

_ABOUT = """\
Accounts, points and rewards of a loyalty program, for a shop's own programs. What changes something is an order or a
command that is carried out once for each `Idempotency-Key`, whatever dies in between. Errors are `application/problem+json`.
"""

_SIGN_IN = """\
A token of `milestones token create NAME --scope ...`, as `Authorization: Bearer TOKEN`. Each operation says for which scope
the token must be good: {scopes}. `admin` is good for all of them.
"""

_ALWAYS = {
    400: "The request cannot be read, or what it asks for cannot be done; nothing was changed.",
    401: "No token, or one that is not in force.",
    403: "The token is good for other things, or the daemon is not known by the name in Host.",
    404: "There is no such thing.",
    422: "A field is not as described here; `errors` has each with its place.",
    429: "The token has no more calls at the moment.",
    500: "A fault of the program.",
    502: "Wix did not do its part.",
    503: "The database cannot serve now.",
}
_OF_POST = {
    408: "The body did not arrive in time.",
    409: "The same call is being carried out; or it cannot be done as things stand.",
    413: "The body is too large.",
    415: "The body is not declared as JSON in UTF-8.",
}
_KEY_PARAMETER = {
    "name": KEY,
    "in": "header",
    "required": True,
    "description": "1 to 200 visible characters of ASCII, such as a UUID. The same key and the same call again get the same "
    "answer; another call under a used key is refused with 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_TEXT = {"schema": {"type": "string"}}
_SECONDS = {"schema": {"type": "integer", "minimum": 0}}


def describe_route(kind: AnyCommand) -> dict[str, Any]:
    """What the route of a command says beside its fields and its answer; and that it asks for its scope."""

    async def scope_is_held(request: Request) -> None:
        require_scope(request, kind)

    extra: dict[str, Any] = {"security": [{"token": sorted(kind.scopes)}]}
    if kind.method == "POST":
        extra["parameters"] = [_KEY_PARAMETER]
    return {
        "dependencies": [Depends(scope_is_held)],
        "responses": _responses(kind),
        "openapi_extra": extra,
        "summary": (kind.__doc__ or "").strip().split(". ")[0].rstrip("."),
        "operation_id": kind.__name__,
    }


def _responses(kind: AnyCommand) -> dict[int | str, dict[str, Any]]:
    problems = _ALWAYS | (_OF_POST if kind.method == "POST" else {})
    found: dict[int | str, dict[str, Any]] = {
        status: {
            "description": sentence,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ApiProblem"}}},
            "headers": _headers(status),
        }
        for status, sentence in sorted(problems.items())
    }
    found[200] = {"description": "It is done; the body tells what came of it.", "headers": _headers(200)}
    if issubclass(kind, Keyed):
        found[202] = {
            "model": OrderAnswer,
            "description": "It is recorded and not done yet; Location names where to look.",
            "headers": {"Location": _TEXT, **_headers(202)},
        }
    return found


def _headers(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if status not in {401, 503}:
        told |= {"RateLimit": _TEXT, "RateLimit-Policy": _TEXT}
    if status in {401, 403}:
        told["WWW-Authenticate"] = _TEXT
    if status in {409, 429, 502, 503}:
        told["Retry-After"] = _SECONDS
    return told


def document(site: FastAPI) -> dict[str, Any]:
    """The whole document."""
    site.version, site.description = VERSION, _ABOUT
    told = site.openapi()
    components = told.setdefault("components", {})
    components.setdefault("schemas", {}).update(_schemas([ApiProblem]))
    scopes = ", ".join(f"`{scope}`" for scope in Scope)
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": _SIGN_IN.format(scopes=scopes)}
    }
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    return told


def _schemas(models: Iterable[type[Answer]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found
