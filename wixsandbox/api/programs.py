"""The loyalty program (docs/wix-api.md, 2.1): no id, no revision."""

from typing import Any

from pydantic import Field as Limited

from wixsandbox.api.call import Call, Operation
from wixsandbox.errors import InvalidError, forbidden
from wixsandbox.events import PROGRAM, Caller
from wixsandbox.wire import Document, Wire
from wixsandbox.world import World


class _PointDefinition(Wire):
    custom_name: str | None = Limited(default=None, max_length=20)
    icon: Document | None = None


class _Expiration(Wire):
    months_of_inactivity: int | None = Limited(default=None, ge=1, le=12)
    expiring_points_percentage: int | None = Limited(default=None, ge=1, le=100)


class _Program(Wire):
    name: str | None = Limited(default=None, min_length=2, max_length=50)
    point_definition: _PointDefinition = _PointDefinition()
    points_expiration: _Expiration = _Expiration()


class _Update(Wire):
    loyalty_program: _Program


def get_program(world: World, _call: Call) -> Document:
    """The program, whatever its status."""
    return {"loyaltyProgram": _document(world)}


def update_program(world: World, call: Call) -> Document:
    """Name, points and expiration; the status has calls of its own."""
    wanted = call.parse(_Update).loyalty_program.document()
    changed = {**world.program}
    if "name" in wanted:
        changed["name"] = wanted["name"]
    for part in ("pointDefinition", "pointsExpiration"):
        changed[part] = {**changed[part], **wanted.get(part, {})}
    told = any(changed.get(name) != world.program.get(name) for name in ("name", "pointDefinition"))
    _store(world, changed)
    if told:
        _tell(world, call.caller)
    return {"loyaltyProgram": _document(world)}


def activate(world: World, _call: Call) -> Document:
    """ACTIVE from now on; no event tells of it."""
    if not world.program.get("name"):
        raise InvalidError("programName", "must not be empty", "REQUIRED_FIELD")
    _store(world, {**world.program, "status": "ACTIVE"})
    return {"loyaltyProgram": _document(world)}


def pause(world: World, _call: Call) -> Document:
    """PAUSED from now on; no event tells of it."""
    _store(world, {**world.program, "status": "PAUSED"})
    return {"loyaltyProgram": _document(world)}


def premium_features(world: World, _call: Call) -> Document:
    """What the site's plan allows."""
    return _features(world)


def enable_expiration(world: World, _call: Call) -> Document:
    """Points expire from now on."""
    return _expiration(world, "ENABLED")


def disable_expiration(world: World, _call: Call) -> Document:
    """Points do not expire any more."""
    return _expiration(world, "DISABLED")


def bulk_get(world: World, call: Call) -> Document:
    """The programs of all sites of a Wix user."""
    if call.caller.kind != "WIX_USER":
        raise forbidden("This operation needs the identity of a Wix user")
    site: dict[str, Any] = {"metaSiteId": world.identity.site_id, "loyaltyProgram": _document(world)}
    return {"programInSites": [site]}


def _expiration(world: World, status: str) -> Document:
    _store(
        world, {**world.program, "pointsExpiration": {**world.program["pointsExpiration"], "status": status}}
    )
    return {"loyaltyProgram": _document(world)}


def _store(world: World, program: Document) -> None:
    world.changes += 1
    world.program = {**program, "updatedDate": world.stamp}


def _document(world: World) -> Document:
    return {**world.program, "premiumFeatures": _features(world)}


def _features(world: World) -> Document:
    return {"loyaltyProgram": True, "tiers": world.switches.paid_plan, "pointsExpiration": True}


def _tell(world: World, caller: Caller) -> None:
    # the program has no id of its own: the installation stands in for it
    content = {"updatedEvent": {"currentEntity": _document(world)}}
    world.emit(PROGRAM, "updated", world.identity.instance_id, lambda: content, caller)


_ROOT = "/loyalty-programs/v1/program"
OPERATIONS = (
    Operation("getLoyaltyProgram", "GET", _ROOT, get_program),
    Operation("updateLoyaltyProgram", "PATCH", _ROOT, update_program),
    Operation("activateLoyaltyProgram", "POST", f"{_ROOT}/activate", activate),
    Operation("pauseLoyaltyProgram", "POST", f"{_ROOT}/pause", pause),
    Operation("getLoyaltyProgramPremiumFeatures", "GET", f"{_ROOT}/premium-features", premium_features),
    Operation("enablePointsExpiration", "POST", f"{_ROOT}/points-expiration/enable", enable_expiration),
    Operation("disablePointsExpiration", "POST", f"{_ROOT}/points-expiration/disable", disable_expiration),
    Operation("bulkGetLoyaltyProgram", "GET", "/loyalty-programs/v1/bulk/programs", bulk_get),
)
