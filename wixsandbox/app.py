"""The way of a request: fault, identity, rate limit, operation, answer."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from wixsandbox import strict_json
from wixsandbox.access import OAuthError
from wixsandbox.api.call import Call
from wixsandbox.errors import InvalidCursorError, InvalidError, RefusedError
from wixsandbox.external.app import PREFIX as EXTERNAL
from wixsandbox.faults import Fault
from wixsandbox.routes import route
from wixsandbox.simulator import Logged, Sandbox
from wixsandbox.wire import Document, stamp
from wixsandbox.world import World

KEPT_BODY = 4_000  # characters


async def serve_api(sandbox: Sandbox, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request to the Wix API."""
    request = Request(scope, receive)
    text = await request.body()
    sandbox.request_count += 1
    number = sandbox.request_count
    request_id = f"{sandbox.world.identity.instance_id[:8]}.{sandbox.world.run}.{number}"
    fault = sandbox.faults.take(request.method, request.url.path)
    if fault is not None and fault.effect == "delay":
        await asyncio.sleep(fault.seconds)
    prevented = fault is not None and fault.prevents
    operation, answer = _prevent(request) if prevented else _answer(sandbox, request, text)
    dropped = fault is not None and fault.effect in {"drop_before", "drop_after"}
    if fault is not None and fault.effect in {"status", "status_after"}:
        answer = _faulty(fault)
    if fault is not None and fault.effect == "malformed":
        answer = Response(b'{"' + answer.body[2 : len(answer.body) // 2], 200, media_type="application/json")
    answer.headers["X-Wix-Request-Id"] = request_id
    logged = Logged(
        number=number,
        at=stamp(sandbox.world.now),
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        operation=operation,
        status=None if dropped else answer.status_code,
        fault=fault.effect if fault else None,
        request_id=request_id,
        body=_kept_body(request.url.path, text),
    )
    sandbox.requests.append(logged)
    if fault is not None and fault.effect == "delay_after":
        await asyncio.sleep(fault.seconds)
    if dropped:
        await _close(sandbox, scope, receive)
        return
    if fault is not None and fault.effect == "truncate":
        await _send_half(answer, send)
        await _close(sandbox, scope, receive)
        return
    await answer(scope, receive, send)


def _prevent(request: Request) -> tuple[str | None, Response]:
    found = route(request.method, request.url.path)
    return found[0].name if found else None, Response(status_code=500)


def _answer(sandbox: Sandbox, request: Request, text: bytes) -> tuple[str | None, Response]:
    """The operation's name and its answer; everything between is one step for the world."""
    sandbox.advance()
    world = sandbox.world
    path = request.url.path
    if path.startswith(EXTERNAL):
        return None, sandbox.programs.answer(request, text)
    if path.startswith("/oauth2/"):
        return _oauth(sandbox, request.method, path, text)
    found = route(request.method, path)
    if found is None and world.switches.unprefixed_paths:
        found = route(request.method, f"/_api{path}")
    if found is None:
        return None, Response("Not Found", 404, media_type="text/plain")
    operation, parameters = found
    try:
        caller = sandbox.access.caller(world, request.headers)
        wait = sandbox.limit.wait(world.now, world.switches, reads=operation.reads)
        if wait is not None:
            return operation.name, _throttle(world, wait)
        call = Call(parameters, nest(request.query_params.multi_items()), _json_body(text), caller)
        return operation.name, JSONResponse(operation.handler(world, call))
    except InvalidCursorError as error:
        return operation.name, JSONResponse(error.body(), world.switches.bad_cursor_status)
    except (RefusedError, InvalidError) as error:
        return operation.name, JSONResponse(error.body(), error.status)


def nest(items: list[tuple[str, str]]) -> Document:
    """Query parameters as a document: dots nest, repeats make lists (docs/wix-api.md, 0)."""
    document: Document = {}
    for key, value in items:
        *parents, name = key.split(".")
        place = document
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise InvalidError(key, "is given twice", "OTHER")
            place = inner
        if name not in place:
            place[name] = value
        elif isinstance(place[name], list):
            place[name].append(value)
        else:
            place[name] = [place[name], value]
    return document


def _json_body(text: bytes) -> Document:
    if not text:
        return {}
    try:
        body = strict_json.read(text)
    except ValueError as error:
        raise InvalidError("body", "is not valid JSON", "FORMAT") from error
    if not isinstance(body, dict):
        raise InvalidError("body", "must be a JSON object", "FORMAT")
    return body


def _oauth(sandbox: Sandbox, method: str, path: str, text: bytes) -> tuple[str | None, Response]:
    world = sandbox.world
    answers = {
        "/oauth2/token": ("token", sandbox.access.issue),
        "/oauth2/token-info": ("tokenInfo", sandbox.access.describe),
    }
    if method == "POST" and path in answers:
        operation, answer = answers[path]
        try:
            return operation, JSONResponse(answer(world, _json_body(text)))
        except OAuthError as error:
            return operation, JSONResponse(error.body, error.status)
        except InvalidError as error:
            refusal = {"error": "invalid_request", "error_description": str(error)}
            return operation, JSONResponse(refusal, 400)
    if (method, path) == ("GET", "/oauth2/jwks"):
        return "jwks", JSONResponse({"keys": []})
    if (method, path) == ("GET", "/oauth2/user-info"):
        refused = RefusedError(403, "PERMISSION_DENIED", "This operation needs the token of a user")
        return "userInfo", JSONResponse(refused.body(), refused.status)
    return None, Response("Not Found", 404, media_type="text/plain")


def _throttle(world: World, wait: int) -> Response:
    refused = RefusedError(429, "RESOURCE_EXHAUSTED", "Too many requests")
    headers = {"Retry-After": str(wait)} if world.switches.rate_limit_retry_after else None
    return JSONResponse(refused.body(), refused.status, headers)


def _faulty(fault: Fault) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status, media_type=fault.content_type)
    if not 400 <= fault.status < 500:
        return Response(status_code=fault.status)  # system errors have an empty body on purpose
    codes = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
    refused = RefusedError(fault.status, codes.get(fault.status, "FAILED_PRECONDITION"), "An ordered fault")
    return JSONResponse(refused.body(), fault.status)


async def _send_half(answer: Response, send: Send) -> None:
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.01)  # the half must be on its way before the connection is cut


async def _close(sandbox: Sandbox, scope: Scope, receive: Receive) -> None:
    if sandbox.drop is None:
        raise ConnectionAbortedError("the sandbox dropped this request on order")
    sandbox.drop(scope)
    # the server must have noticed before this returns, else it takes the silence for a mistake and logs it
    while (await receive())["type"] != "http.disconnect":
        pass


def _kept_body(path: str, text: bytes) -> Any:
    if path.startswith("/oauth2") or not text:
        return None
    if len(text) > KEPT_BODY:
        return text[:KEPT_BODY].decode(errors="replace")
    try:
        return strict_json.read(text)
    except ValueError:
        return text.decode(errors="replace")
