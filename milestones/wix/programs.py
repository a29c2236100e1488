"""The loyalty program: one for each site, without id or revision (docs/wix-api.md, 2.1).

No event tells of activation or pause, so whoever needs the status asks.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Annotated, Any

from pydantic import BeforeValidator

from milestones.formats import untrusted
from milestones.wix.answers import Call
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, State
from milestones.wix.pacing import a_person_waits
from milestones.wix.paging import one, whole
from milestones.wix.transport import WixClient

_ROOT = "/loyalty-programs/v1/program"
_GET = Call("GET", _ROOT, reads=True)
_FEATURES = Call("GET", _ROOT + "/premium-features", reads=True)
_UPDATE = Call("PATCH", _ROOT, reads=False)
_ACTIVATE = Call("POST", _ROOT + "/activate", reads=False)
_PAUSE = Call("POST", _ROOT + "/pause", reads=False)
_ENABLE_EXPIRATION = Call("POST", _ROOT + "/points-expiration/enable", reads=False)
_DISABLE_EXPIRATION = Call("POST", _ROOT + "/points-expiration/disable", reads=False)


class ProgramStatus(State):
    """Points move only while the program is ACTIVE."""

    UNKNOWN = "UNKNOWN"
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class ExpirationStatus(State):
    """Whether points expire."""

    UNKNOWN = "UNKNOWN_STATUS"
    DISABLED = "DISABLED"
    ENABLED = "ENABLED"


class PointDefinition(Entity):
    """What the program calls a point. icon: an image as Wix describes one (id, url, width, height)."""

    custom_name: MaybeText = None
    icon: Annotated[Mapping[str, Any] | None, BeforeValidator(untrusted.fields)] = None


class ProgramExpiration(Entity):
    """After how many months of inactivity (1-12) which share of the points (1-100 percent) goes."""

    status: ExpirationStatus = ExpirationStatus.UNKNOWN
    months_of_inactivity: int | None = None
    expiring_points_percentage: int | None = None


class PremiumFeatures(Entity):
    """What the site's plan allows."""

    loyalty_program: bool = False
    tiers: bool = False
    points_expiration: bool = False


class Program(Entity):
    """The program as it is."""

    name: MaybeText = None
    status: ProgramStatus = ProgramStatus.UNKNOWN
    point_definition: PointDefinition = PointDefinition()
    points_expiration: ProgramExpiration = ProgramExpiration()
    premium_features: PremiumFeatures = PremiumFeatures()
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None

    @property
    def points_name(self) -> str:
        """What to call a point: the shop's word, or Wix's default."""
        return self.point_definition.custom_name or "Points"


async def get(client: WixClient, *, priority: bool = False) -> Program:
    """The program as it is now."""
    with a_person_waits() if priority else nullcontext():
        return one(await client.send(_GET), "loyaltyProgram", Program, _GET)


async def premium_features(client: WixClient) -> PremiumFeatures:
    """What the site's plan allows."""
    return whole(await client.send(_FEATURES), PremiumFeatures, _FEATURES)


async def update(
    client: WixClient,
    *,
    name: str | None = None,
    points_name: str | None = None,
    icon: Mapping[str, Any] | None = None,
    months_of_inactivity: int | None = None,
    expiring_points_percentage: int | None = None,
) -> Program:
    """Changes what is given and leaves the rest: name (2-50 characters), the word for a point (at most 20), its icon,
    expiry.

    Of the point and of expiry give all or nothing: whether Wix keeps what such a part leaves out is not documented.
    """
    program: dict[str, Any] = {}
    if name is not None:
        program["name"] = name
    definition = {"customName": points_name, "icon": None if icon is None else dict(icon)}
    if said := {field: value for field, value in definition.items() if value is not None}:
        program["pointDefinition"] = said
    expiration = {
        "monthsOfInactivity": months_of_inactivity,
        "expiringPointsPercentage": expiring_points_percentage,
    }
    if given := {field: value for field, value in expiration.items() if value is not None}:
        program["pointsExpiration"] = given
    return one(
        await client.send(_UPDATE, body={"loyaltyProgram": program}), "loyaltyProgram", Program, _UPDATE
    )


async def activate(client: WixClient) -> Program:
    """Lets customers take part. Refused, with field ``programName``, while the program has no name."""
    return await _switch(client, _ACTIVATE)


async def pause(client: WixClient) -> Program:
    """Stops earning and redeeming."""
    return await _switch(client, _PAUSE)


async def enable_points_expiration(client: WixClient) -> Program:
    """Lets points expire as ``update`` has set."""
    return await _switch(client, _ENABLE_EXPIRATION)


async def disable_points_expiration(client: WixClient) -> Program:
    """Lets points live for ever."""
    return await _switch(client, _DISABLE_EXPIRATION)


async def _switch(client: WixClient, call: Call) -> Program:
    return one(await client.send(call, body={}), "loyaltyProgram", Program, call)
