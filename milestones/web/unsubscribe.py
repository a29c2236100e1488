"""``/u/{token}``: how a customer says no more.

GET changes nothing, since mail scanners follow every link. POST is the one click of RFC 8058: whoever sends it, with
whatever body, without login or redirect, today or in ten years; also where a mail program has taken the full stop behind
the link for a part of it. No page shows an address: the link may be forwarded.
"""

from fastapi import APIRouter
from starlette.responses import Response

from milestones.errors import StoreError
from milestones.web.assets import Pages
from milestones.web.services import WebServices


def routes(services: WebServices, pages: Pages) -> APIRouter:
    """Both methods answer an unknown token alike, so that nobody learns anything by trying."""
    router = APIRouter()

    @router.api_route("/u/{token:path}", methods=["GET", "HEAD"])
    async def ask(token: str) -> Response:
        if not services.recognise(token):
            return pages.page("unsubscribe.html", 404, step="unknown")
        return pages.page("unsubscribe.html", step="ask")

    @router.post("/u/{token:path}")
    async def unsubscribe(token: str) -> Response:
        try:
            known = await services.unsubscribe(token)
        except StoreError:
            return pages.page("unsubscribe.html", 503, step="later")
        if not known:
            return pages.page("unsubscribe.html", 404, step="unknown")
        return pages.page("unsubscribe.html", step="done")

    return router
