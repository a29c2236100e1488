"""Templates and assets, and the headers that keep a page from being turned against its reader."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from milestones.views.page import Happening

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_KINDS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file that pages load. ``version`` is in its address, so that browsers may keep it."""

    content: bytes
    media_type: str
    version: str


class Day(NamedTuple):
    """The happenings of one day, as the shop counts days."""

    date: datetime
    happenings: list[Happening]


class Pages:
    """The templates, read once. zone: that of the shop, as it is now."""

    def __init__(self, zone: Callable[[], tzinfo]) -> None:
        self._zone = zone
        self.assets = {name: _asset(name, media_type) for name, media_type in _KINDS.items()}
        self._environment = Environment(
            loader=PackageLoader("milestones.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = self._address
        self._environment.filters["local"] = lambda at: at.astimezone(zone())

    def page(self, template: str, status: int = 200, **variables: Any) -> HTMLResponse:
        """A template as a response."""
        return HTMLResponse(self._environment.get_template(template).render(variables), status)

    def days(self, happenings: Iterable[Happening]) -> list[Day]:
        """Happenings, newest first, by the day on which they happened."""
        zone = self._zone()
        days = groupby(happenings, key=lambda happening: happening.at.astimezone(zone).date())
        grouped = [list(group) for _, group in days]
        return [Day(group[0].at.astimezone(zone), group) for group in grouped]

    def _address(self, name: str) -> str:
        return f"/assets/{name}?{self.assets[name].version}"


def _asset(name: str, media_type: str) -> Asset:
    content = files("milestones.web").joinpath("assets", name).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:12])


def asset_response(asset: Asset) -> Response:
    """An asset; its address changes with its content."""
    return Response(
        asset.content,
        media_type=asset.media_type,
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


DEFAULT_HEADERS: Mapping[bytes, bytes] = {
    b"content-security-policy": PAGE_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
"""On every answer that does not say otherwise."""
