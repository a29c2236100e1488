"""Earning rules: what gives points (docs/wix-api.md, 2.2). ``/_api`` is part of the public path here."""

from typing import Literal

from milestones.wix.account import LOYALTY_APP_ID
from milestones.wix.answers import Call
from milestones.wix.fields import Editable, Instant, Revision, State
from milestones.wix.paging import complete, one
from milestones.wix.transport import WixClient

_ROOT = "/_api/loyalty-earning-rules/v1"
_CREATE = Call("POST", _ROOT + "/earning-rules", reads=False)
_CREATE_CUSTOM = Call("POST", _ROOT + "/earning-rules/custom", reads=False)
_GET = Call("GET", _ROOT + "/earning-rules/{id}", reads=True)
_LIST = Call("GET", _ROOT + "/earning-rules/rules", reads=True)
_UPDATE = Call("PUT", _ROOT + "/earning-rules/{earningRuleId}", reads=False)
_DELETE = Call("DELETE", _ROOT + "/earning-rules/{id}", reads=False)
_DELETE_AUTOMATED = Call("DELETE", _ROOT + "/automation-earning-rules/{id}", reads=False)

_WRITTEN_BY_WIX = {"id", "revision", "created_date", "updated_date", "metadata"}


class RuleStatus(State):
    """Whether a rule gives points."""

    UNKNOWN = "UNKNOWN"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class FixedConfig(Editable):
    """For one tier (none or an empty id for the base tier): so many points each time."""

    tier_id: str | None = None
    points: int = 0


class FixedAmount(Editable):
    """Points for each event, tier by tier; 21 configs at most."""

    configs: tuple[FixedConfig, ...] = ()


class RateConfig(Editable):
    """For one tier: so many points for so much money."""

    tier_id: str | None = None
    money_amount: float = 0
    points: int = 0


class ConversionRate(Editable):
    """Points by money spent, tier by tier. ``field`` names the amount of the event that counts."""

    configs: tuple[RateConfig, ...] = ()
    field: str | None = None


class RuleMetadata(Editable):
    """What may be done with a rule."""

    can_be_deleted: bool | None = None


class EarningRule(Editable):
    """A rule; a new one has no id, and exactly one of fixed amount and conversion rate."""

    id: str = ""
    title: str = ""
    source_app_id: str = LOYALTY_APP_ID
    trigger_app_id: str | None = None
    trigger_activity_type: str | None = None
    status: RuleStatus = RuleStatus.UNKNOWN
    fixed_amount: FixedAmount | None = None
    conversion_rate: ConversionRate | None = None
    metadata: RuleMetadata = RuleMetadata()
    revision: Revision = 0
    created_date: Instant | None = None
    updated_date: Instant | None = None


async def list_all(
    client: WixClient, *, trigger_app_id: str | None = None, trigger_activity_type: str | None = None
) -> tuple[EarningRule, ...]:
    """All rules, automated ones too, of this trigger if it is named. There is no paging."""
    wanted = {"triggerAppId": trigger_app_id, "triggerActivityType": trigger_activity_type}
    params = {name: value for name, value in wanted.items() if value is not None}
    return complete(await client.send(_LIST, params=params), "earningRules", EarningRule, _LIST)


async def get(client: WixClient, rule_id: str) -> EarningRule:
    """A rule that is not automated. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"id": rule_id}), "earningRule", EarningRule, _GET)


async def create(client: WixClient, rule: EarningRule) -> EarningRule:
    """Makes a rule for a trigger of Wix's, such as an order. After a lost answer look with ``list_all``."""
    body = {"earningRule": rule.wire(without=_WRITTEN_BY_WIX)}
    return one(await client.send(_CREATE, body=body), "earningRule", EarningRule, _CREATE)


async def create_custom(
    client: WixClient, kind: Literal["SOCIAL_MEDIA", "BIRTHDAY"], rule: EarningRule
) -> EarningRule:
    """Makes an automated rule: of ``rule``, only the title and the points are used."""
    without = _WRITTEN_BY_WIX | {"source_app_id", "trigger_app_id", "trigger_activity_type", "status"}
    body = {"type": kind, "earningRule": rule.wire(without=without)}
    return one(await client.send(_CREATE_CUSTOM, body=body), "earningRule", EarningRule, _CREATE_CUSTOM)


async def update(client: WixClient, rule: EarningRule) -> EarningRule:
    """Writes the rule whole, on condition of its revision. Raises WixConflictError if it has changed."""
    body = {"earningRule": rule.wire(without={"created_date", "updated_date", "metadata"})}
    answer = await client.send(_UPDATE, ids={"earningRuleId": rule.id}, body=body)
    return one(answer, "earningRule", EarningRule, _UPDATE)


async def delete(client: WixClient, rule: EarningRule) -> None:
    """Removes a rule that is not automated. Raises WixConflictError if it has changed."""
    await client.send(_DELETE, ids={"id": rule.id}, params={"revision": str(rule.revision)})


async def delete_automated(client: WixClient, rule_id: str) -> None:
    """Removes an automated rule of ours; those that Wix installs can only be paused."""
    await client.send(_DELETE_AUTOMATED, ids={"id": rule_id})
