"""Badges and their assignments."""

from tests.wixsandbox.builders import LOYALTY_APP, Shop
from tests.wixsandbox.samples.sample import Sample, cursor_query

BADGE = {
    "title": "Star",
    "backgroundColor": "#796EFF",
    "textColor": "#FFFFFF",
    "description": "Shines",
    "icon": "star",
    "permissionsEnabled": True,
}

TAGS = {"assignTags": {"tags": {"tagIds": ["a"]}}, "unassignTags": {"tags": {"tagIds": ["b"]}}}


def samples(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    badge = next(iter(world.badges))["id"]
    first, second, *_ = world.members
    held = world.assignments.put({"id": LOYALTY_APP, "badgeId": badge, "memberId": first.id})["id"]
    pair = {"badgeId": badge, "memberId": second.id}
    by_pair = {"badgeId": badge, "memberId": {"$in": [first.id]}}
    return {
        "createBadge": Sample(body={"badge": BADGE}),
        "queryBadges": Sample(
            body={"query": cursor_query({"title": {"$startsWith": "x"}}, "permissionsEnabled")}
        ),
        "updateBadgesDisplayOrder": Sample(body={"ids": [badge]}),
        "getBadge": Sample(path={"badgeId": badge}),
        "updateBadge": Sample(path={"badgeId": badge}, body={"badge": {**BADGE, "revision": "1"}}),
        "deleteBadge": Sample(path={"badgeId": badge}),
        "moveBadge": Sample(path={"badgeId": badge}, body={"position": "FIRST", "moveAfterBadgeId": badge}),
        "createBadgeAssignment": Sample(body={"badgeAssignment": pair}),
        "queryBadgeAssignments": Sample(body={"query": cursor_query(by_pair, "memberId")}),
        "deleteBadgeAssignment": Sample(path={"badgeAssignmentId": held}),
        "bulkCreateBadgeAssignments": Sample(body={"badgeAssignments": [pair], "returnEntity": True}),
        "bulkDeleteBadgeAssignments": Sample(body={"badgeAssignmentIds": [held]}),
        "bulkUpdateBadgeAssignmentTags": Sample(body={"ids": [held], **TAGS}),
        "bulkUpdateBadgeAssignmentTagsByFilter": Sample(body={"filter": by_pair, **TAGS}),
    }
