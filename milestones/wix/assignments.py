"""Which member has which badge (docs/wix-api.md, 2.14). Members have badges, contacts never do."""

from collections.abc import Sequence
from typing import Any

from milestones.wix.answers import Call
from milestones.wix.errors import WixError, says_duplicate
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, Text
from milestones.wix.paging import one
from milestones.wix.query import CursorQuery
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


query = CursorQuery(_QUERY, "badgeAssignments", Assignment)
"""Assignments by ``of_any``; only ascending orders."""
query_all = query.pages


def of_any(*, badge_ids: Sequence[str] = (), member_ids: Sequence[str] = ()) -> dict[str, Any]:
    """The filter for assignments of any of these badges to any of these members; an empty sequence means all."""
    wanted = {"badgeId": list(badge_ids), "memberId": list(member_ids)}
    return {name: {"$in": ids} for name, ids in wanted.items() if ids}


async def find(client: WixClient, badge_id: str, member_id: str) -> Assignment | None:
    """The assignment of this badge to this member, if it shows yet."""
    page = await query(client, of_any(badge_ids=[badge_id], member_ids=[member_id]), limit=10)
    return next((a for a in page.items if (a.badge_id, a.member_id) == (badge_id, member_id)), None)


async def delete(client: WixClient, assignment_id: str) -> None:
    """Takes the badge from the member. Raises WixNotFoundError."""
    await client.send(_DELETE, ids={"badgeAssignmentId": assignment_id})
