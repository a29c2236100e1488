"""``/healthz``, ``/readyz``, ``/metrics``: for supervisors, load balancers and Prometheus. Nothing personal."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from milestones.web.services import WebServices


def routes(services: WebServices) -> APIRouter:
    """Liveness says that this process answers; readiness, that it can do its work."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        return PlainTextResponse("alive\n")

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        readiness = await services.readiness()
        return JSONResponse(
            {
                "ready": readiness.ok,
                "configuration": readiness.configuration,
                "checks": {
                    check.name: {"ok": check.ok, "detail": check.detail} for check in readiness.checks
                },
            },
            200 if readiness.ok else 503,
        )

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
