"""Tiers and their settings (docs/wix-api.md, 2.5). The base tier has no id and is not listed."""

from typing import Any, Literal

from pydantic import Field as Limited

from wixsandbox import bulk, ledger
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.errors import RefusedError, not_found, stale_revision
from wixsandbox.events import TIER
from wixsandbox.wire import Document, Wire, parse
from wixsandbox.world import World

MOST_TIERS = 20


class _Definition(Wire):
    name: str = Limited(min_length=1, max_length=50)
    description: str | None = Limited(default=None, max_length=70)
    icon: Document | None = None


class _Tier(Wire):
    tier_definition: _Definition
    required_points: int = Limited(ge=1, le=9_999_999)


class _DefinitionChanges(Wire):
    name: str | None = Limited(default=None, min_length=1, max_length=50)
    description: str | None = Limited(default=None, max_length=70)
    icon: Document | None = None


class _TierChanges(Wire):
    tier_definition: _DefinitionChanges | None = None
    required_points: int | None = Limited(default=None, ge=1, le=9_999_999)
    revision: str | int | None = None


class _Create(Wire):
    tier: _Tier


class _BulkCreate(Wire):
    tiers: list[Document] = Limited(min_length=1, max_length=MOST_TIERS)


class _Update(Wire):
    tier: _TierChanges


def create_tier(world: World, call: Call) -> Document:
    """Needs a paid plan; name and points are unique."""
    return {"tier": _create(world, call, call.parse(_Create).tier)}


def bulk_create(world: World, call: Call) -> Document:
    """Up to 20 at once, each with a result of its own."""

    def create(world: World, item: Document) -> Document:
        return _create(world, call, parse(_Tier, item))

    return results_of(world, call.parse(_BulkCreate).tiers, create)


def get_tier(world: World, call: Call) -> Document:
    """One tier."""
    return {"tier": _the_tier(world, call.path["tierId"])}


def list_tiers(world: World, _call: Call) -> Document:
    """All tiers but the base tier, from the lowest up."""
    return {"tiers": _sort(world)}


def update_tier(world: World, call: Call) -> Document:
    """Partial; the event carries the old values of what changed."""
    tier = _the_tier(world, call.path["tierId"])
    wanted = call.parse(_Update).tier.document()
    revision = ledger.next_revision(tier, wanted.pop("revision", None))
    definition = {**tier["tierDefinition"], **wanted.pop("tierDefinition", {})}
    changed = {
        **tier,
        **wanted,
        "tierDefinition": definition,
        "revision": str(revision),
        "updatedDate": world.stamp,
    }
    _refuse_twin(world, changed)
    world.tiers.put(changed, world.write_visible)
    modified = {
        name: tier[name] for name in ("tierDefinition", "requiredPoints") if tier[name] != changed[name]
    }
    content = {"updatedEvent": {"currentEntity": changed, "modifiedFields": modified}}
    world.emit(TIER, "updated", tier["id"], lambda: content, call.caller)
    bulk.recalculate_now(world)
    return {"tier": changed}


class _Delete(Wire):
    revision: str


def delete_tier(world: World, call: Call) -> Document:
    """Its accounts fall into the tier below."""
    tier = _the_tier(world, call.path["tierId"])
    ledger.next_revision(tier, call.parse_query(_Delete).revision)
    world.tiers.delete(tier["id"], world.write_visible)
    world.emit_deleted(TIER, tier["id"], call.caller)
    bulk.recalculate_now(world)
    return {}


class _Window(Wire):
    duration_in_months: int = Limited(ge=1, le=36)


class _Settings(Wire):
    status: Literal["DISABLED", "DRAFT", "ACTIVE", "PAUSED"] = "DISABLED"
    rolling_window: _Window = Limited(default_factory=lambda: _Window(duration_in_months=12))
    base_tier_definition: _DefinitionChanges | None = None


class _SettingsChanges(Wire):
    status: Literal["DISABLED", "DRAFT", "ACTIVE", "PAUSED"]
    rolling_window: _Window
    revision: str | int
    base_tier_definition: _DefinitionChanges | None = None


class _CreateSettings(Wire):
    program_settings: _Settings


class _UpdateSettings(Wire):
    program_settings: _SettingsChanges


def create_settings(world: World, call: Call) -> Document:
    """One set for each site."""
    if world.tier_settings is not None:
        raise RefusedError(409, "ALREADY_EXISTS", "The site already has tier settings")
    return {
        "programSettings": _store_settings(world, call.parse(_CreateSettings).program_settings.document(), 1)
    }


def get_settings(world: World, _call: Call) -> Document:
    """The settings, or 404 while there are none."""
    if world.tier_settings is None:
        raise not_found("Tier settings of site", world.identity.site_id)
    return {"programSettings": world.tier_settings}


def update_settings(world: World, call: Call) -> Document:
    """All three fields are needed; what is left out of the base tier's definition becomes empty."""
    if world.tier_settings is None:
        raise not_found("Tier settings of site", world.identity.site_id)
    wanted = call.parse(_UpdateSettings).program_settings
    if str(wanted.revision) != world.tier_settings["revision"]:
        raise stale_revision(world.identity.site_id)
    content = wanted.document()
    content.pop("revision")
    settings = _store_settings(world, content, int(world.tier_settings["revision"]) + 1)
    bulk.recalculate_now(world)
    return {"programSettings": settings}


def get_tiers_program(world: World, _call: Call) -> Document:
    """Tiers and settings; makes default settings if there are none."""
    settings = world.tier_settings or _store_settings(world, _Settings.model_validate({}).document(), 1)
    return {"tiers": _sort(world), "programSettings": settings}


def _create(world: World, call: Call, wanted: _Tier) -> Document:
    if not world.switches.paid_plan:
        raise RefusedError(428, "BASIC_TIERS_LIMIT_REACHED", "Tiers need a paid plan")
    if len(world.tiers) >= MOST_TIERS:
        raise RefusedError(428, "TIERS_LIMIT_REACHED", f"A site can have {MOST_TIERS} tiers")
    now = world.stamp
    tier = {
        "id": world.new_id("tier"),
        **wanted.document(),
        "revision": "1",
        "createdDate": now,
        "updatedDate": now,
    }
    _refuse_twin(world, tier)
    world.tiers.put(tier, world.write_visible)
    world.emit_created(TIER, tier, call.caller)
    bulk.recalculate_now(world)
    return tier


def _refuse_twin(world: World, tier: Document) -> None:
    for other in world.tiers:
        if other["id"] == tier["id"]:
            continue
        if other["tierDefinition"]["name"] == tier["tierDefinition"]["name"]:
            raise RefusedError(409, "ALREADY_EXISTS", "Another tier has this name")
        if other["requiredPoints"] == tier["requiredPoints"]:
            raise RefusedError(409, "ALREADY_EXISTS", "Another tier needs as many points")


def _the_tier(world: World, key: str) -> Document:
    tier = world.tiers.get(key)
    if tier is None:
        raise not_found("Tier", key)
    return tier


def _sort(world: World) -> list[Document]:
    return sorted(world.tiers, key=lambda tier: int(tier["requiredPoints"]))


def _store_settings(world: World, content: Document, revision: int) -> Document:
    now = world.stamp
    created = now if world.tier_settings is None else world.tier_settings["createdDate"]
    dated: dict[str, Any] = {"revision": str(revision), "createdDate": created, "updatedDate": now}
    world.changes += 1
    world.tier_settings = {**content, **dated}
    return world.tier_settings


_ROOT = "/loyalty-tiers/v1/tiers"
OPERATIONS = (
    Operation("createTier", "POST", _ROOT, create_tier),
    Operation("listTiers", "GET", _ROOT, list_tiers),
    Operation("createTiersProgramSettings", "POST", f"{_ROOT}/program-settings", create_settings),
    Operation("getTiersProgramSettings", "GET", f"{_ROOT}/program-settings", get_settings),
    Operation("updateTiersProgramSettings", "PATCH", f"{_ROOT}/program-settings", update_settings),
    Operation("getTiersProgram", "GET", f"{_ROOT}/program", get_tiers_program),
    Operation("getTier", "GET", f"{_ROOT}/{{tierId}}", get_tier),
    Operation("updateTier", "PATCH", f"{_ROOT}/{{tierId}}", update_tier),
    Operation("deleteTier", "DELETE", f"{_ROOT}/{{tierId}}", delete_tier),
    Operation("bulkCreateTiers", "POST", "/loyalty-tiers/v1/bulk/tiers/create", bulk_create),
)
