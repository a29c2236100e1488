"""``/webhooks/in/{rule}``: what other services tell. POST brings events, GET a handshake where a service asks for one.

=======  ==========================================================================================
status   when
=======  ==========================================================================================
200      every event of the body is durable, of no interest, came before, or is kept because it cannot be understood
401      not genuine: signature, time, secret
404      no rule has this address, or its site is not active
405      a GET where no service asks for one
413      more than a mebibyte
503      it cannot be stored now; a body that takes too long; too many at once
=======  ==========================================================================================
"""

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from milestones.earn.handshake import Answer
from milestones.errors import IngestError
from milestones.web.bodies import Bodies
from milestones.web.services import WebServices

_PATH = "/webhooks/in/{rule}"


def routes(services: WebServices) -> APIRouter:
    """Both methods answer an unknown rule alike."""
    router, bodies = APIRouter(), Bodies()

    @router.get(_PATH)
    async def greet(rule: str, request: Request) -> Response:
        try:
            return _accept(services, services.greet(rule, request.query_params))
        except IngestError as refusal:
            return _refuse(services, refusal)

    @router.post(_PATH)
    async def receive(rule: str, request: Request) -> Response:
        try:
            async with bodies.reading(request) as body:
                return _accept(services, await services.receive_event(rule, request.headers.raw, body))
        except IngestError as refusal:
            return _refuse(services, refusal)
        except ClientDisconnect:
            # There is nobody to answer.
            return Response(status_code=400)

    return router


def _accept(services: WebServices, answer: Answer) -> Response:
    services.metrics.outside_answers.labels("200").inc()
    return Response(answer.text, media_type=answer.kind)


def _refuse(services: WebServices, refusal: IngestError) -> Response:
    services.metrics.outside_answers.labels(str(refusal.status)).inc()
    headers = {"allow": "POST"} if refusal.status == 405 else None
    return PlainTextResponse(f"{refusal}\n", refusal.status, headers)
