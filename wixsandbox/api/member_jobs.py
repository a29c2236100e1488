"""Members v1: bulk operations (docs/wix-api.md, 2.15)."""

from dataclasses import replace

from pydantic import Field as Limited

from wixsandbox import people
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.api.members import find_members, store
from wixsandbox.wire import Document, Wire
from wixsandbox.world import World


class _BulkDelete(Wire):
    member_ids: list[str] = Limited(min_length=1, max_length=100)


def bulk_delete(world: World, call: Call) -> Document:
    """Up to 100 at once, each with a result of its own."""

    def delete(world: World, key: str) -> Document:
        people.remove_member(world, people.the_member(world, key), call.caller)
        return {"id": key}

    return results_of(world, call.parse(_BulkDelete).member_ids, delete, full=False)


class _ByFilter(Wire):
    filter: Document


def bulk_delete_by_filter(world: World, call: Call) -> Document:
    """All that the filter finds."""
    for member in find_members(world, call.parse(_ByFilter).filter):
        people.remove_member(world, member, call.caller)
    return {"jobId": world.new_id("job")}


def bulk_approve(world: World, call: Call) -> Document:
    """APPROVED: all that the filter finds."""
    return _bulk_status(world, call, "APPROVED")


def bulk_block(world: World, call: Call) -> Document:
    """BLOCKED: all that the filter finds."""
    return _bulk_status(world, call, "BLOCKED")


def _bulk_status(world: World, call: Call, status: str) -> Document:
    for member in find_members(world, call.parse(_ByFilter).filter):
        store(world, call, replace(member, status=status))
    return {"jobId": world.new_id("job")}


_ROOT = "/members/v1/members"
OPERATIONS = (
    Operation("bulkDeleteMembers", "POST", f"{_ROOT}/bulk/delete", bulk_delete),
    Operation("bulkDeleteMembersByFilter", "POST", f"{_ROOT}/bulk/delete-by-filter", bulk_delete_by_filter),
    Operation("bulkApproveMembers", "POST", f"{_ROOT}/bulk/approve-by-filter", bulk_approve),
    Operation("bulkBlockMembers", "POST", f"{_ROOT}/bulk/block-by-filter", bulk_block),
)
