"""Badge assignments, API v4 (docs/wix-api.md, 2.14): badges belong to members, never to contacts."""

from pydantic import Field as Limited

from wixsandbox.api.badges import remove_assignment, the_badge
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.errors import InvalidError, RefusedError, not_found
from wixsandbox.events import BADGE_ASSIGNMENT
from wixsandbox.paging import CursorRequest, Sorting, cursor_page
from wixsandbox.query import Fields, at, matcher
from wixsandbox.wire import Document, Guid, Wire, parse
from wixsandbox.world import World

FIELDS: Fields[Document] = {"badgeId": at("badgeId", "id"), "memberId": at("memberId", "id")}


class _Assignment(Wire):
    badge_id: Guid
    member_id: Guid


class _Create(Wire):
    badge_assignment: _Assignment


class _BulkCreate(Wire):
    badge_assignments: list[Document] = Limited(min_length=1, max_length=100)
    return_entity: bool = False


def create_assignment(world: World, call: Call) -> Document:
    """Gives a badge to a member. What a second time answers is a switch."""
    return {"badgeAssignment": _assign(world, call, call.parse(_Create).badge_assignment)}


def bulk_create(world: World, call: Call) -> Document:
    """Up to 100 at once, each with a result of its own."""
    wanted = call.parse(_BulkCreate)

    def assign(world: World, item: Document) -> Document:
        return _assign(world, call, parse(_Assignment, item))

    return results_of(world, wanted.badge_assignments, assign, full=wanted.return_entity)


def query_assignments(world: World, call: Call) -> Document:
    """By badge and member only, ascending only; lags behind writes."""
    query = call.parse(CursorRequest).query
    if any(one.order == "DESC" for one in query.sort):
        raise InvalidError("query.sort", "assignments can only be sorted in ascending order", "VALIDATION")
    page = cursor_page(
        "queryBadgeAssignments",
        world.assignments.visible(world.now),
        FIELDS,
        query,
        id_of=lambda one: str(one["id"]),
        default_sort=(Sorting(field_name="badgeId"),),
        default_limit=100,
        logical=world.switches.logical_filters,
    )
    return {"badgeAssignments": page.records, "pagingMetadata": page.metadata()}


def delete_assignment(world: World, call: Call) -> Document:
    """Takes the id of the assignment, not of the badge."""
    remove_assignment(world, _the_assignment(world, call.path["badgeAssignmentId"]), call.caller)
    return {}


class _BulkDelete(Wire):
    badge_assignment_ids: list[str] = Limited(min_length=1, max_length=100)


def bulk_delete(world: World, call: Call) -> Document:
    """Up to 100 at once, each with a result of its own."""

    def delete(world: World, key: str) -> Document:
        remove_assignment(world, _the_assignment(world, key), call.caller)
        return {"id": key}

    return results_of(world, call.parse(_BulkDelete).badge_assignment_ids, delete, full=False)


class _TagIds(Wire):
    tag_ids: list[str] = Limited(default_factory=list)


class _Tags(Wire):
    assign_tags: dict[str, _TagIds]
    unassign_tags: dict[str, _TagIds] = Limited(default_factory=dict)


class _BulkTags(_Tags):
    ids: list[str] = Limited(min_length=1, max_length=100)


def bulk_update_tags(world: World, call: Call) -> Document:
    """Tags of the named assignments."""
    wanted = call.parse(_BulkTags)

    def tag(world: World, key: str) -> Document:
        return _tag(world, _the_assignment(world, key), wanted)

    return results_of(world, wanted.ids, tag, full=False)


class _FilterTags(_Tags):
    filter: Document


def update_tags_by_filter(world: World, call: Call) -> Document:
    """Tags of all assignments that the filter finds."""
    wanted = call.parse(_FilterTags)
    keep = matcher(wanted.filter, FIELDS, logical=world.switches.logical_filters)
    for assignment in [one for one in world.assignments if keep(one)]:
        _tag(world, assignment, wanted)
    return {"jobId": world.new_id("job")}


def _assign(world: World, call: Call, wanted: _Assignment) -> Document:
    the_badge(world, wanted.badge_id)
    if wanted.member_id not in world.members:
        raise not_found("Member", wanted.member_id)
    existing = world.assignments.find("pair", (wanted.badge_id, wanted.member_id))
    if existing is not None and world.switches.badge_assigned_twice != "kept":
        if world.switches.badge_assigned_twice == "already_exists":
            raise RefusedError(409, "ALREADY_EXISTS", "The member already has this badge")
        return existing
    now = world.stamp
    assignment = {
        "id": world.new_id("assignment"),
        "badgeId": wanted.badge_id,
        "memberId": wanted.member_id,
        "createdDate": now,
        "updatedDate": now,
    }
    world.assignments.put(assignment, world.write_visible)
    world.emit_created(BADGE_ASSIGNMENT, assignment, call.caller)
    return assignment


def _the_assignment(world: World, key: str) -> Document:
    assignment = world.assignments.get(key)
    if assignment is None:
        raise not_found("Badge assignment", key)
    return assignment


def _tag(world: World, assignment: Document, wanted: _Tags) -> Document:
    tags = {name: set(part["tagIds"]) for name, part in assignment.get("tags", {}).items()}
    for name, part in wanted.assign_tags.items():
        tags.setdefault(name, set()).update(part.tag_ids)
    for name, part in wanted.unassign_tags.items():
        tags.setdefault(name, set()).difference_update(part.tag_ids)
    kept = {name: {"tagIds": sorted(ids)} for name, ids in tags.items()}
    return world.assignments.put(
        {**assignment, "tags": kept, "updatedDate": world.stamp}, world.write_visible
    )


_BULK = "/badges/v4/bulk/assignments"
OPERATIONS = (
    Operation("createBadgeAssignment", "POST", "/badges/v4/assignments", create_assignment),
    Operation("queryBadgeAssignments", "POST", "/badges/v4/assignments/query", query_assignments),
    Operation(
        "deleteBadgeAssignment", "DELETE", "/badges/v4/assignments/{badgeAssignmentId}", delete_assignment
    ),
    Operation("bulkCreateBadgeAssignments", "POST", f"{_BULK}/create", bulk_create),
    Operation("bulkDeleteBadgeAssignments", "POST", f"{_BULK}/delete", bulk_delete),
    Operation("bulkUpdateBadgeAssignmentTags", "POST", f"{_BULK}/bulk-update-tags", bulk_update_tags),
    Operation(
        "bulkUpdateBadgeAssignmentTagsByFilter",
        "POST",
        f"{_BULK}/update-tags-by-filter",
        update_tags_by_filter,
    ),
)
