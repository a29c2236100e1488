"""Badges, API v4 (docs/wix-api.md, 2.13): what members show beside their name. See ``assignments`` for who has one."""

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, Revision, Text
from milestones.wix.paging import one
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

BACKGROUND_COLOR = "#796EFF"
TEXT_COLOR = "#FFFFFF"

_ROOT = "/badges/v4/badges"
_CREATE = Call("POST", _ROOT, reads=False)
_GET = Call("GET", _ROOT + "/{badgeId}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_UPDATE = Call("PATCH", _ROOT + "/{badgeId}", reads=False)
_DELETE = Call("DELETE", _ROOT + "/{badgeId}", reads=False)


class Badge(Entity):
    """A badge of the site. The title need not be unique; the slug, which Wix derives from it, is."""

    id: Text
    title: str = ""
    description: MaybeText = None
    slug: MaybeText = None
    background_color: MaybeText = None
    text_color: MaybeText = None
    permissions_enabled: bool = False
    revision: Revision = 0
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None


async def get(client: WixClient, badge_id: str) -> Badge:
    """The badge. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"badgeId": badge_id}), "badge", Badge, _GET)


query = CursorQuery(_QUERY, "badges", Badge)
"""Badges by id, title, description or slug; only ascending orders."""
query_all = query.pages


async def find_by_title(client: WixClient, title: str) -> Badge | None:
    """The badge with exactly this title, if it shows yet; the one with the lowest id where several have it."""
    page = await query(client, {"title": {"$eq": title}})
    return min(
        (found for found in page.items if found.title == title), key=lambda badge: badge.id, default=None
    )


async def create(
    client: WixClient,
    title: str,
    *,
    description: str | None = None,
    background_color: str = BACKGROUND_COLOR,
    text_color: str = TEXT_COLOR,
) -> Badge:
    """Makes a badge: title of 1 to 50 characters, colours as ``#RRGGBB`` in upper case.

    Nothing makes a repetition harmless: after a lost answer look with ``find_by_title``.
    """
    badge = {"title": title, "backgroundColor": background_color, "textColor": text_color}
    if description:
        badge["description"] = description
    return one(await client.send(_CREATE, body={"badge": badge}), "badge", Badge, _CREATE)


async def update(
    client: WixClient,
    badge: Badge,
    *,
    title: str | None = None,
    description: str | None = None,
    background_color: str | None = None,
    text_color: str | None = None,
) -> Badge:
    """Changes what is given, on condition of the badge's revision. Raises WixConflictError if it has changed."""
    said = {
        "title": title,
        "description": description,
        "backgroundColor": background_color,
        "textColor": text_color,
    }
    changes = {name: value for name, value in said.items() if value is not None}
    body = {"badge": {"id": badge.id, **changes, "revision": str(badge.revision)}}
    return one(await client.send(_UPDATE, ids={"badgeId": badge.id}, body=body), "badge", Badge, _UPDATE)


async def delete(client: WixClient, badge_id: str) -> None:
    """Removes the badge, from all members too. Raises WixNotFoundError."""
    await client.send(_DELETE, ids={"badgeId": badge_id})
