"""``/``: what happened, newest first, with each mail as the customer sees it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from milestones.views.page import Happening, Place
from milestones.web.assets import Pages, asset_response
from milestones.web.mails import FRAME_POLICY, Mail, frame, parse
from milestones.web.services import WebServices

PAGE_SIZE = 50


def routes(services: WebServices, pages: Pages) -> APIRouter:
    """The operator's page and what it loads. Everything but the assets asks who is looking."""

    async def require_operator(request: Request) -> None:
        await services.access().require_operator(request)

    router = APIRouter()
    guarded = APIRouter(dependencies=[Depends(require_operator)])

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in pages.assets:
            raise HTTPException(404)
        return asset_response(pages.assets[name])

    @guarded.get("/")
    async def happenings(before: str | None = None) -> Response:
        return pages.page("happenings.html", **await listing(before), **await top(), first=before is None)

    @guarded.get("/happenings")
    async def fragment() -> Response:
        """The changing parts of the first page, for the script that keeps it fresh."""
        return pages.page("fragment.html", **await listing(None), **await top(), first=True)

    @guarded.get("/mails/{name}")
    async def mail(name: str) -> Response:
        return pages.page("mail.html", name=name, mail=await message(name))

    @guarded.get("/mails/{name}/html")
    async def mail_html(name: str) -> Response:
        return HTMLResponse(frame(await message(name)), headers={"content-security-policy": FRAME_POLICY})

    async def listing(before: str | None) -> dict[str, Any]:
        shown = list(await services.recent(PAGE_SIZE + 1, None if before is None else _place(before)))
        older = _mark(shown[PAGE_SIZE - 1]) if len(shown) > PAGE_SIZE else None
        return {"days": pages.days(shown[:PAGE_SIZE]), "older": older}

    async def top() -> dict[str, Any]:
        return {"overview": await services.overview(), "now": services.clock()}

    async def message(name: str) -> Mail:
        found = await services.mail(name)
        if found is None:
            raise HTTPException(404, "There is no such mail here; it may have been cleared away")
        return parse(found)

    router.include_router(guarded)
    return router


def _mark(happening: Happening) -> str:
    """A place as a query value."""
    return quote(f"{happening.at.astimezone(UTC).isoformat()}~{happening.key}", safe="")


def _place(mark: str) -> Place:
    at, _, key = mark.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or "\0" in key:
            raise ValueError  # noqa: TRY301 (one sentence for all that is no mark)
        return Place(moment.astimezone(UTC), key)
    except (ValueError, OverflowError):
        raise HTTPException(400, "This link to older happenings is damaged") from None
