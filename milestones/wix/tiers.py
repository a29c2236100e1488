"""Tiers and their settings (docs/wix-api.md, 2.5). The base tier has no id and is not in the list."""

from typing import NamedTuple

from milestones.wix.answers import Call
from milestones.wix.errors import WixError, WixNotFoundError, says_duplicate
from milestones.wix.fields import Editable, Instant, Revision, State
from milestones.wix.paging import complete, one
from milestones.wix.transport import WixClient

_ROOT = "/loyalty-tiers/v1/tiers"
_CREATE = Call("POST", _ROOT, reads=False)
_GET = Call("GET", _ROOT + "/{tierId}", reads=True)
_LIST = Call("GET", _ROOT, reads=True)
_UPDATE = Call("PATCH", _ROOT + "/{tierId}", reads=False)
_DELETE = Call("DELETE", _ROOT + "/{tierId}", reads=False)
# It makes the default settings where there are none, which a repetition finds: harmless, as a read is.
_PROGRAM = Call("GET", _ROOT + "/program", reads=True)
_GET_SETTINGS = Call("GET", _ROOT + "/program-settings", reads=True)
_CREATE_SETTINGS = Call("POST", _ROOT + "/program-settings", reads=False)
_UPDATE_SETTINGS = Call("PATCH", _ROOT + "/program-settings", reads=False)

_WRITTEN_BY_WIX = {"id", "revision", "created_date", "updated_date"}
_DATES = {"created_date", "updated_date"}


class TiersStatus(State):
    """Whether tiers count. Unless ACTIVE, every account is in the base tier."""

    UNKNOWN = "UNKNOWN"
    DISABLED = "DISABLED"
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class TierDefinition(Editable):
    """How a tier is shown: name (1-50 characters), description (at most 70)."""

    name: str | None = None
    description: str | None = None


class Tier(Editable):
    """A tier; a new one has no id. Name and required points are each unique on the site."""

    id: str = ""
    tier_definition: TierDefinition = TierDefinition()
    required_points: int = 0
    revision: Revision = 0
    created_date: Instant | None = None
    updated_date: Instant | None = None


class RollingWindow(Editable):
    """How many months of points count."""

    duration_in_months: int | None = None


class TiersSettings(Editable):
    """Settings of all tiers of a site."""

    status: TiersStatus = TiersStatus.UNKNOWN
    rolling_window: RollingWindow = RollingWindow()
    base_tier_definition: TierDefinition = TierDefinition()
    revision: Revision = 0
    created_date: Instant | None = None
    updated_date: Instant | None = None


class TiersProgram(NamedTuple):
    """All tiers above the base tier, and the settings."""

    tiers: tuple[Tier, ...]
    settings: TiersSettings


async def program(client: WixClient) -> TiersProgram:
    """Tiers and settings together; Wix makes default settings where there are none."""
    answer = await client.send(_PROGRAM)
    settings = one(answer, "programSettings", TiersSettings, _PROGRAM)
    return TiersProgram(complete(answer, "tiers", Tier, _PROGRAM), settings)


async def list_all(client: WixClient) -> tuple[Tier, ...]:
    """All tiers above the base tier, 20 at most."""
    return complete(await client.send(_LIST), "tiers", Tier, _LIST)


async def get(client: WixClient, tier_id: str) -> Tier:
    """The tier. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"tierId": tier_id}), "tier", Tier, _GET)


async def create(client: WixClient, tier: Tier) -> Tier:
    """Makes the tier. Raises WixPreconditionError without a plan that has tiers. See ``already_exists``."""
    body = {"tier": tier.wire(without=_WRITTEN_BY_WIX)}
    return one(await client.send(_CREATE, body=body), "tier", Tier, _CREATE)


def already_exists(error: WixError) -> bool:
    """Whether ``create`` was refused because another tier has the name or the required points."""
    return says_duplicate(error)


async def update(client: WixClient, tier: Tier) -> Tier:
    """Writes the tier, on condition of its revision. Raises WixConflictError if it has changed."""
    body = {"tier": tier.wire(without=_DATES)}
    return one(await client.send(_UPDATE, ids={"tierId": tier.id}, body=body), "tier", Tier, _UPDATE)


async def delete(client: WixClient, tier: Tier) -> None:
    """Removes the tier, on condition of its revision. Raises WixConflictError if it has changed."""
    await client.send(_DELETE, ids={"tierId": tier.id}, params={"revision": str(tier.revision)})


async def settings(client: WixClient) -> TiersSettings:
    """The settings. Raises WixNotFoundError where none were made; ``program`` makes them."""
    answer = await client.send(_GET_SETTINGS)
    if answer.get("programSettings") is None:
        # With what status Wix says so is not documented; fields without a value it leaves out.
        raise WixNotFoundError("There are no settings of the tiers on this site yet.")
    return one(answer, "programSettings", TiersSettings, _GET_SETTINGS)


async def create_settings(client: WixClient, new: TiersSettings) -> TiersSettings:
    """Makes the site's one set of settings."""
    body = {"programSettings": new.wire(without=_WRITTEN_BY_WIX)}
    return one(
        await client.send(_CREATE_SETTINGS, body=body), "programSettings", TiersSettings, _CREATE_SETTINGS
    )


async def update_settings(client: WixClient, changed: TiersSettings) -> TiersSettings:
    """Writes the settings, on condition of their revision.

    Give them whole: Wix empties the fields of the base tier that are left out.
    """
    body = {"programSettings": changed.wire(without=_DATES)}
    return one(
        await client.send(_UPDATE_SETTINGS, body=body), "programSettings", TiersSettings, _UPDATE_SETTINGS
    )
