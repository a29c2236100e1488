"""Earning rules (docs/wix-api.md, 2.2): ``_api`` is part of the path."""

from typing import Literal

from pydantic import Field as Limited
from pydantic import model_validator

from wixsandbox import ledger
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.errors import RefusedError, not_found
from wixsandbox.events import EARNING_RULE
from wixsandbox.wire import Document, Guid, Wire, parse
from wixsandbox.world import LOYALTY_APP_ID, World

_MOST_CONFIGS = 21  # twenty tiers and the base tier


class _Fixed(Wire):
    tier_id: str | None = None
    points: int = Limited(ge=0, le=9_999_999)


class _Rate(_Fixed):
    money_amount: float = Limited(gt=0)


class _FixedAmount(Wire):
    configs: list[_Fixed] = Limited(min_length=1, max_length=_MOST_CONFIGS)


class _ConversionRate(Wire):
    configs: list[_Rate] = Limited(min_length=1, max_length=_MOST_CONFIGS)
    field: str | None = None


class _Content(Wire):
    fixed_amount: _FixedAmount | None = None
    conversion_rate: _ConversionRate | None = None
    title: str = Limited(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _one_amount(self) -> "_Content":
        if (self.fixed_amount is None) == (self.conversion_rate is None):
            raise ValueError("must have exactly one of fixedAmount and conversionRate")
        return self


class _Rule(_Content):
    source_app_id: Guid
    trigger_app_id: str = Limited(min_length=1, max_length=80)
    trigger_activity_type: str = Limited(min_length=1, max_length=80)
    status: Literal["ACTIVE", "PAUSED"]


class _Changes(Wire):
    fixed_amount: _FixedAmount | None = None
    conversion_rate: _ConversionRate | None = None
    title: str | None = Limited(default=None, min_length=1, max_length=50)
    status: Literal["ACTIVE", "PAUSED"] | None = None
    revision: str | int | None = None

    @model_validator(mode="after")
    def _one_amount_at_most(self) -> "_Changes":
        if self.fixed_amount is not None and self.conversion_rate is not None:
            raise ValueError("must have at most one of fixedAmount and conversionRate")
        return self


class _Create(Wire):
    earning_rule: _Rule


class _BulkCreate(Wire):
    earning_rules: list[Document] = Limited(min_length=1, max_length=100)


class _CreateCustom(Wire):
    type: Literal["SOCIAL_MEDIA", "BIRTHDAY"]
    earning_rule: _Content


class _Update(Wire):
    earning_rule: _Changes


def create_rule(world: World, call: Call) -> Document:
    """A rule of the non-automated kinds."""
    return {"earningRule": _create(world, call, call.parse(_Create).earning_rule.document())}


def bulk_create(world: World, call: Call) -> Document:
    """Up to 100 at once, each with a result of its own."""

    def create(world: World, item: Document) -> Document:
        return _create(world, call, parse(_Rule, item).document())

    return results_of(world, call.parse(_BulkCreate).earning_rules, create)


def create_custom(world: World, call: Call) -> Document:
    """An automated rule: social media or birthday."""
    wanted = call.parse(_CreateCustom)
    content = {
        **wanted.earning_rule.document(),
        "sourceAppId": LOYALTY_APP_ID,
        "triggerAppId": LOYALTY_APP_ID,
        "triggerActivityType": wanted.type,
        "status": "ACTIVE",
        "automated": True,
    }
    return {"earningRule": _create(world, call, content)}


def get_rule(world: World, call: Call) -> Document:
    """Non-automated rules only."""
    return {"earningRule": _render(_the_rule(world, call.path["id"], automated=False))}


class _List(Wire):
    trigger_app_id: str | None = None
    trigger_activity_type: str | None = None


def list_rules(world: World, call: Call) -> Document:
    """All rules, automated or not, without paging."""
    wanted = call.parse_query(_List).document()
    found = [one for one in world.earning_rules if all(one[name] == value for name, value in wanted.items())]
    return {"earningRules": [_render(one) for one in found]}


def update_rule(world: World, call: Call) -> Document:
    """A PUT that takes partial rules; a missing or stale revision is refused."""
    rule = _the_rule(world, call.path["earningRuleId"], automated=False)
    wanted = call.parse(_Update).earning_rule.document()
    revision = ledger.next_revision(rule, wanted.pop("revision", None))
    if "fixedAmount" in wanted or "conversionRate" in wanted:
        rule = {name: value for name, value in rule.items() if name not in {"fixedAmount", "conversionRate"}}
    changed = {**rule, **wanted, "revision": str(revision), "updatedDate": world.stamp}
    world.earning_rules.put(changed, world.write_visible)
    world.emit_updated(EARNING_RULE, _render(changed), call.caller)
    return {"earningRule": _render(changed)}


class _Delete(Wire):
    revision: str | None = None


def delete_rule(world: World, call: Call) -> Document:
    """409 INVALID_REVISION if the revision is missing or stale."""
    rule = _the_rule(world, call.path["id"], automated=False)
    ledger.next_revision(rule, call.parse_query(_Delete).revision)
    return _delete(world, call, rule)


def delete_automation(world: World, call: Call) -> Document:
    """Custom automated rules only; pre-installed ones can only be paused."""
    return _delete(world, call, _the_rule(world, call.path["id"], automated=True))


def _create(world: World, call: Call, content: Document) -> Document:
    twin = ("triggerAppId", "triggerActivityType")
    if any(all(one[name] == content[name] for name in twin) for one in world.earning_rules):
        raise RefusedError(409, "ALREADY_EXISTS", "There is a rule for this activity already")
    now = world.stamp
    rule = {
        "id": world.new_id("earning-rule"),
        **content,
        "metadata": {"canBeDeleted": True},
        "triggerFilters": [],
        "revision": "1",
        "createdDate": now,
        "updatedDate": now,
    }
    world.earning_rules.put(rule, world.write_visible)
    world.emit_created(EARNING_RULE, _render(rule), call.caller)
    return _render(rule)


def _delete(world: World, call: Call, rule: Document) -> Document:
    world.earning_rules.delete(rule["id"], world.write_visible)
    world.emit_deleted(EARNING_RULE, rule["id"], call.caller)
    return {}


def _the_rule(world: World, key: str, *, automated: bool) -> Document:
    rule = world.earning_rules.get(key)
    if rule is None or rule.get("automated", False) is not automated:
        raise not_found("Earning rule", key)
    return rule


def _render(rule: Document) -> Document:
    return {name: value for name, value in rule.items() if name != "automated"}


_ROOT = "/_api/loyalty-earning-rules/v1/earning-rules"
_SERVICE = "/_api/loyalty-earning-rules/v1"
OPERATIONS = (
    Operation("createLoyaltyEarningRule", "POST", _ROOT, create_rule),
    Operation("createCustomLoyaltyEarningRule", "POST", f"{_ROOT}/custom", create_custom),
    Operation("listEarningRules", "GET", f"{_ROOT}/rules", list_rules),
    Operation("getLoyaltyEarningRule", "GET", f"{_ROOT}/{{id}}", get_rule),
    Operation("updateLoyaltyEarningRule", "PUT", f"{_ROOT}/{{earningRuleId}}", update_rule),
    Operation("deleteLoyaltyEarningRule", "DELETE", f"{_ROOT}/{{id}}", delete_rule),
    Operation("bulkCreateLoyaltyEarningRules", "POST", f"{_SERVICE}/bulk/earning-rules/create", bulk_create),
    Operation(
        "deleteAutomationEarningRule",
        "DELETE",
        f"{_SERVICE}/automation-earning-rules/{{id}}",
        delete_automation,
    ),
)
