"""``POST /webhooks/sync/{program}``: events of other loyalty programs. Answered after the commit."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from milestones.errors import IngestError, StoreError
from milestones.web.bodies import Bodies
from milestones.web.services import WebServices

PREFIX = "/webhooks/sync/"


def routes(services: WebServices) -> APIRouter:
    """The one route."""
    router, bodies = APIRouter(), Bodies()

    @router.post(PREFIX + "{program}")
    async def hear(program: str, request: Request) -> Response:
        try:
            async with bodies.reading(request) as body:
                await services.hear_program(program, _headers(request), body)
        except IngestError as error:
            return PlainTextResponse(f"{error}\n", error.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except StoreError:
            return PlainTextResponse("It cannot be stored at the moment; send it again later.\n", 503)
        return Response(status_code=200)

    return router


def _headers(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
