"""Badges, API v4 (docs/wix-api.md, 2.13)."""

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field as Limited

from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import InvalidError, not_found
from wixsandbox.events import BADGE, BADGE_ASSIGNMENT, Caller
from wixsandbox.ledger import next_revision
from wixsandbox.paging import CursorRequest, Sorting, cursor_page
from wixsandbox.query import Fields, at
from wixsandbox.wire import Document, Guid, Wire
from wixsandbox.world import World

FIELDS: Fields[Document] = {
    "id": at("id", "id"),
    "title": at("title", "text"),
    "description": at("description", "text"),
    "permissionsEnabled": at("permissionsEnabled", "flag"),
    "slug": at("slug", "text"),
}
Colour = Annotated[str, Limited(pattern=r"^#[0-9A-F]{6}$")]


class _Changes(Wire):
    title: str | None = Limited(default=None, min_length=1, max_length=50)
    background_color: Colour | None = None
    text_color: Colour | None = None
    description: str | None = Limited(default=None, max_length=1500)
    icon: str | None = None
    permissions_enabled: bool | None = None
    revision: str | int | None = None


class _Badge(_Changes):
    title: str = Limited(min_length=1, max_length=50)
    background_color: Colour
    text_color: Colour


class _Create(Wire):
    badge: _Badge


class _Update(Wire):
    badge: _Changes


def create_badge(world: World, call: Call) -> Document:
    """A badge at the end of the order."""
    wanted = call.parse(_Create).badge.document()
    now = world.stamp
    badge = {
        "id": world.new_id("badge"),
        "permissionsEnabled": False,
        **wanted,
        "slug": _slug(world, wanted["title"]),
        "revision": "1",
        "createdDate": now,
        "updatedDate": now,
    }
    world.badges.put(badge, world.write_visible)
    world.badge_order.append(badge["id"])
    world.emit_created(BADGE, badge, call.caller)
    return {"badge": badge}


def get_badge(world: World, call: Call) -> Document:
    """One badge."""
    return {"badge": the_badge(world, call.path["badgeId"])}


def query_badges(world: World, call: Call) -> Document:
    """Badges by title and others; ascending only, 100 by default; lags behind writes."""
    query = call.parse(CursorRequest).query
    if any(one.order == "DESC" for one in query.sort):
        raise InvalidError("query.sort", "badges can only be sorted in ascending order", "VALIDATION")
    page = cursor_page(
        "queryBadges",
        world.badges.visible(world.now),
        FIELDS,
        query,
        id_of=lambda one: str(one["id"]),
        default_sort=(Sorting(field_name="id"),),
        default_limit=100,
        logical=world.switches.logical_filters,
    )
    return {"badges": page.records, "pagingMetadata": page.metadata()}


def update_badge(world: World, call: Call) -> Document:
    """Partial; the slug follows the title."""
    badge = the_badge(world, call.path["badgeId"])
    wanted = call.parse(_Update).badge.document()
    revision = next_revision(badge, wanted.pop("revision", None))
    changed = {**badge, **wanted, "revision": str(revision), "updatedDate": world.stamp}
    if changed["title"] != badge["title"]:
        changed["slug"] = _slug(world, changed["title"])
    world.badges.put(changed, world.write_visible)
    world.emit_updated(BADGE, changed, call.caller)
    return {"badge": changed}


def delete_badge(world: World, call: Call) -> Document:
    """Takes the badge from all members too."""
    key = the_badge(world, call.path["badgeId"])["id"]
    for assignment in [one for one in world.assignments if one["badgeId"] == key]:
        remove_assignment(world, assignment, call.caller)
    world.badges.delete(key, world.write_visible)
    world.badge_order.remove(key)
    world.emit_deleted(BADGE, key, call.caller)
    return {}


class _Move(Wire):
    position: Literal["LAST", "FIRST", "AFTER"]
    move_after_badge_id: Guid | None = None


def move_badge(world: World, call: Call) -> Document:
    """Changes the order in which badges are shown."""
    key = the_badge(world, call.path["badgeId"])["id"]
    wanted = call.parse(_Move)
    order = [one for one in world.badge_order if one != key]
    if wanted.position == "AFTER":
        if wanted.move_after_badge_id not in order:
            raise InvalidError("moveAfterBadgeId", "is not a badge", "VALIDATION")
        order.insert(order.index(wanted.move_after_badge_id) + 1, key)
    else:
        order.insert(0 if wanted.position == "FIRST" else len(order), key)
    world.badge_order = order
    world.changes += 1
    return {}


class _Order(Wire):
    ids: list[Guid] = Limited(min_length=1, max_length=100)


def order_badges(world: World, call: Call) -> Document:
    """Deprecated: the named badges first, in that order."""
    ids = [the_badge(world, key)["id"] for key in call.parse(_Order).ids]
    world.badge_order = ids + [one for one in world.badge_order if one not in ids]
    world.changes += 1
    return {"badges": [the_badge(world, key) for key in world.badge_order]}


def the_badge(world: World, key: str) -> Document:
    """The badge, or 404."""
    badge = world.badges.get(key)
    if badge is None:
        raise not_found("Badge", key)
    return badge


def remove_assignment(world: World, assignment: Document, caller: Caller) -> None:
    """Take a badge from a member; the event carries what was taken."""
    world.assignments.delete(assignment["id"], world.write_visible)
    content = {"deletedEvent": {"deletedEntity": assignment}}
    world.emit(BADGE_ASSIGNMENT, "deleted", assignment["id"], lambda: content, caller)


def _slug(world: World, title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "badge"
    taken = {badge["slug"] for badge in world.badges}
    slug, number = base, 1
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


_ROOT = "/badges/v4/badges"
OPERATIONS = (
    Operation("createBadge", "POST", _ROOT, create_badge),
    Operation("queryBadges", "POST", f"{_ROOT}/query", query_badges),
    Operation("updateBadgesDisplayOrder", "POST", f"{_ROOT}/order", order_badges),
    Operation("getBadge", "GET", f"{_ROOT}/{{badgeId}}", get_badge),
    Operation("updateBadge", "PATCH", f"{_ROOT}/{{badgeId}}", update_badge),
    Operation("deleteBadge", "DELETE", f"{_ROOT}/{{badgeId}}", delete_badge),
    Operation("moveBadge", "POST", f"{_ROOT}/{{badgeId}}/move", move_badge),
)
