"""``/e/{token}``: a link by which a customer earns points for what no network tells, such as a follow.

GET changes nothing, since mail scanners follow every link. POST earns once and goes on to the network; again it only goes on.
No page shows a name or an address: the link may be forwarded.
"""

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from milestones.earn.claims import Opened, Standing
from milestones.errors import StoreError
from milestones.web.assets import PAGE_POLICY, Pages
from milestones.web.services import WebServices

_STATUS = {Standing.OPEN: 200, Standing.OVER: 410, Standing.UNKNOWN: 404}

_POLICY = PAGE_POLICY.replace("form-action 'self'", "form-action 'self' https: http:")
"""A browser holds the way of a form to this, redirects included, and the networks' own lead anywhere."""


def routes(services: WebServices, pages: Pages) -> APIRouter:
    """Both methods answer what is no link of ours alike, so that nobody learns anything by trying."""
    router = APIRouter()

    def show(opened: Opened, status: int, step: str) -> Response:
        page = pages.page("claim.html", status, step=step, title=opened.title, points=opened.points)
        page.headers["content-security-policy"] = _POLICY
        return page

    @router.api_route("/e/{token:path}", methods=["GET", "HEAD"])
    async def look(token: str) -> Response:
        opened = services.look_at_claim(token)
        return show(opened, _STATUS[opened.standing], opened.standing)

    @router.post("/e/{token:path}")
    async def claim(token: str) -> Response:
        try:
            opened = await services.claim(token)
        except StoreError:
            return show(services.look_at_claim(token), 503, "later")
        if opened.standing is Standing.OPEN:
            return RedirectResponse(opened.url, 303)
        return show(opened, _STATUS[opened.standing], opened.standing)

    return router
