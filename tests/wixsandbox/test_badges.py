import pytest

from tests.wixsandbox.builders import Shop

BADGES = "/badges/v4/badges"
ASSIGNMENTS = "/badges/v4/assignments"
COLOURS = {"backgroundColor": "#112233", "textColor": "#FFFFFF"}


async def create(shop: Shop, title: str = "Star customer") -> dict[str, str]:
    badge: dict[str, str] = (await shop.post(BADGES, {"badge": {"title": title, **COLOURS}}))["badge"]
    return badge


async def assign(shop: Shop, badge: str, member: str) -> dict[str, str]:
    body = {"badgeAssignment": {"badgeId": badge, "memberId": member}}
    assigned: dict[str, str] = (await shop.post(ASSIGNMENTS, body))["badgeAssignment"]
    return assigned


async def test_a_badge_has_a_slug_and_a_revision(shop: Shop) -> None:
    badge = await create(shop)
    assert badge["slug"] == "star-customer"
    assert badge["revision"] == "1"
    assert (await create(shop))["slug"] == "star-customer-1"
    assert shop.told() == ["wix.badges.v4.badge_created"] * 2
    assert (await shop.get(f"{BADGES}/{badge['id']}"))["badge"] == badge


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "x" * 51),
        ("description", "x" * 1501),
        ("textColor", "red"),
        ("textColor", None),
    ],
)
async def test_a_badge_names_the_field_that_breaks_a_limit(shop: Shop, field: str, value: object) -> None:
    body = {"badge": {"title": "Star", **COLOURS, field: value}}
    assert await shop.violated(BADGES, body) == [f"badge.{field}"]


async def test_an_update_needs_the_present_revision_and_moves_the_slug(shop: Shop) -> None:
    badge = await create(shop)
    path = f"{BADGES}/{badge['id']}"
    stale = {"badge": {"title": "Gold", "revision": "2"}}
    assert await shop.refused(path, stale, status=409, method="PATCH") == "INVALID_REVISION"
    changed = (await shop.call("PATCH", path, {"badge": {"title": "Gold", "revision": "1"}}))["badge"]
    assert (changed["slug"], changed["revision"], changed["textColor"]) == ("gold", "2", "#FFFFFF")


async def test_badges_are_found_by_title_and_sorted_ascending_only(shop: Shop) -> None:
    badge = await create(shop)
    answer = await shop.post(f"{BADGES}/query", {"query": {"filter": {"title": "Star customer"}}})
    assert [one["id"] for one in answer["badges"]] == [badge["id"]]
    assert answer["pagingMetadata"]["hasNext"] is False
    assert await shop.violated(f"{BADGES}/query", {"query": {"filter": {"textColor": "x"}}})
    assert await shop.violated(
        f"{BADGES}/query", {"query": {"sort": [{"fieldName": "title", "order": "DESC"}]}}
    )


async def test_badges_can_be_put_in_order(shop: Shop) -> None:
    first, second = await create(shop), await create(shop)
    assert await shop.post(f"{BADGES}/{second['id']}/move", {"position": "FIRST"}) == {}
    body = {"position": "AFTER", "moveAfterBadgeId": second["id"]}
    await shop.post(f"{BADGES}/{first['id']}/move", body)
    assert shop.sandbox.world.badge_order[:2] == [second["id"], first["id"]]
    answer = await shop.post(f"{BADGES}/order", {"ids": [first["id"]]})
    assert answer["badges"][0]["id"] == first["id"]


async def test_a_badge_is_given_to_members_and_to_nobody_else(shop: Shop) -> None:
    badge = await create(shop)
    account = shop.member_account()
    shop.told()
    given = await assign(shop, badge["id"], str(account.member_id))
    assert shop.told() == ["wix.badges.v4.badge_assignment_created"]
    assert set(given) == {"id", "badgeId", "memberId", "createdDate", "updatedDate"}
    body = {"badgeAssignment": {"badgeId": badge["id"], "memberId": account.contact_id}}
    assert await shop.refused(ASSIGNMENTS, body, status=404) == "NOT_FOUND"


async def test_what_a_second_time_answers_is_a_switch(shop: Shop) -> None:
    badge = await create(shop)
    member = str(shop.member_account().member_id)
    given = await assign(shop, badge["id"], member)
    body = {"badgeAssignment": {"badgeId": badge["id"], "memberId": member}}
    assert await shop.refused(ASSIGNMENTS, body, status=409) == "ALREADY_EXISTS"
    shop.switch(badge_assigned_twice="existing")
    assert await assign(shop, badge["id"], member) == given
    assert len(shop.sandbox.world.assignments) == 1
    shop.switch(badge_assigned_twice="kept")
    assert await assign(shop, badge["id"], member) != given
    assert len(shop.sandbox.world.assignments) == 2


async def test_assignments_are_found_by_badge_and_member_and_removed_by_their_own_id(shop: Shop) -> None:
    badge = await create(shop)
    given = await assign(shop, badge["id"], str(shop.member_account().member_id))
    query = {"query": {"filter": {"badgeId": badge["id"], "memberId": {"$in": [given["memberId"]]}}}}
    answer = await shop.post(f"{ASSIGNMENTS}/query", query)
    assert [one["id"] for one in answer["badgeAssignments"]] == [given["id"]]
    assert await shop.violated(f"{ASSIGNMENTS}/query", {"query": {"filter": {"id": given["id"]}}})
    shop.told()
    await shop.call("DELETE", f"{ASSIGNMENTS}/{badge['id']}", status=404)
    assert await shop.call("DELETE", f"{ASSIGNMENTS}/{given['id']}") == {}
    (event,) = shop.events
    assert event.data["deletedEvent"]["deletedEntity"]["memberId"] == given["memberId"]


async def test_bulk_assignments_report_per_item(shop: Shop) -> None:
    badge = await create(shop)
    members = [one.id for one in shop.sandbox.world.members][:2]
    items = [{"badgeId": badge["id"], "memberId": member} for member in [*members, members[0], badge["id"]]]
    answer = await shop.post("/badges/v4/bulk/assignments/create", {"badgeAssignments": items})
    assert [one["itemMetadata"]["success"] for one in answer["results"]] == [True, True, False, False]
    assert "item" not in answer["results"][0]
    ids = [one["itemMetadata"]["id"] for one in answer["results"][:2]]
    tags = {"assignTags": {"publicTags": {"tagIds": ["vip"]}}}
    await shop.post("/badges/v4/bulk/assignments/bulk-update-tags", {"ids": ids, **tags})
    untag = {"assignTags": {}, "unassignTags": {"publicTags": {"tagIds": ["vip"]}}}
    filter_ = {"memberId": members[0]}
    path = "/badges/v4/bulk/assignments/update-tags-by-filter"
    assert set(await shop.post(path, {"filter": filter_, **untag})) == {"jobId"}
    tagged = [one["tags"]["publicTags"]["tagIds"] for one in shop.sandbox.world.assignments]
    assert tagged == [[], ["vip"]]
    answer = await shop.post("/badges/v4/bulk/assignments/delete", {"badgeAssignmentIds": [*ids, "x"]})
    assert answer["bulkActionMetadata"]["totalSuccesses"] == 2


async def test_deleting_a_badge_takes_it_from_all_members(shop: Shop) -> None:
    badge = await create(shop)
    await assign(shop, badge["id"], str(shop.member_account().member_id))
    shop.told()
    assert await shop.call("DELETE", f"{BADGES}/{badge['id']}") == {}
    assert shop.told() == ["wix.badges.v4.badge_assignment_deleted", "wix.badges.v4.badge_deleted"]
    assert len(shop.sandbox.world.assignments) == 0
