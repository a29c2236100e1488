"""Which member has which badge (docs/wix-api.md, 2.14). Members have badges, contacts never do."""

from collections.abc import Sequence
from typing import Any

from milestones.wix.answers import Call
from milestones.wix.errors import WixError, says_duplicate
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, Text
from milestones.wix.paging import Page, cursor_page, cursor_request, one, paged
from milestones.wix.transport import WixClient

_ROOT = "/badges/v4/assignments"
_CREATE = Call("POST", _ROOT, reads=False)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_DELETE = Call("DELETE", _ROOT + "/{badgeAssignmentId}", reads=False)


class Assignment(Entity):
    """One badge on one member. Its own id is what ``delete`` takes."""

    id: Text
    badge_id: MaybeText = None
    member_id: MaybeText = None
    created_date: MaybeInstant = None


async def create(client: WixClient, badge_id: str, member_id: str) -> Assignment:
    """Gives the badge to the member. See ``is_already_assigned``."""
    body = {"badgeAssignment": {"badgeId": badge_id, "memberId": member_id}}
    return one(await client.send(_CREATE, body=body), "badgeAssignment", Assignment, _CREATE)


def is_already_assigned(error: WixError) -> bool:
    """Whether ``create`` was refused because the member has the badge: success.

    Whether Wix refuses at all, or answers the existing assignment, is unverified (docs/wix-api.md, 8).
    """
    return says_duplicate(error)


async def query(
    client: WixClient,
    *,
    badge_ids: Sequence[str] = (),
    member_ids: Sequence[str] = (),
    limit: int = 100,
    cursor: str | None = None,
) -> Page[Assignment]:
    """Assignments of any of these badges to any of these members; an empty sequence means all. At most 100 a page."""
    wanted: dict[str, Any] = {}
    if badge_ids:
        wanted["badgeId"] = {"$in": list(badge_ids)}
    if member_ids:
        wanted["memberId"] = {"$in": list(member_ids)}
    answer = await client.send(_QUERY, body={"query": cursor_request(wanted, (), limit, cursor)})
    return cursor_page(answer, "badgeAssignments", Assignment, _QUERY)


query_all = paged(query)
"""All pages of a query."""


async def find(client: WixClient, badge_id: str, member_id: str) -> Assignment | None:
    """The assignment of this badge to this member, if it shows yet."""
    page = await query(client, badge_ids=[badge_id], member_ids=[member_id], limit=10)
    return next((a for a in page.items if (a.badge_id, a.member_id) == (badge_id, member_id)), None)


async def delete(client: WixClient, assignment_id: str) -> None:
    """Takes the badge from the member. Raises WixNotFoundError."""
    await client.send(_DELETE, ids={"badgeAssignmentId": assignment_id})
