"""What differs between what is wanted of a thing and what the site has: field by field. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from milestones.domain.program import TRIGGERS, Content, Fields, ThingKind, Value, Wanted, own_prices
from milestones.program.live import Thing

Shown = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after; None is "there is none"."""

    field: str
    before: Shown
    after: Shown


def by_title(content: Content, names: Mapping[str, str]) -> Content:
    """What is said for tiers by their ids, by their titles."""
    # What is said for a tier that is gone is said of nobody.
    at = {names[tier]: prices for tier, prices in content.at.items() if tier in names}
    return Content(content.fields, at)


def same_trigger(wanted: Wanted, thing: Thing) -> frozenset[str]:
    """Under which trigger Wix lists a rule that it automated for us is not documented: its title tells it."""
    trigger = TRIGGERS.get(str(wanted.content.fields.get("on")))
    custom = trigger is not None and trigger.custom is not None
    return frozenset({"on"}) if custom and thing.automated else frozenset()


def differences(
    wanted: Content, live: Content, kind: ThingKind, *, skip: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Every field that is said and is otherwise on the site, and every price of a tier. Both by the titles of tiers."""
    changes = [
        Change(_label(key, wanted), _to_json(live.fields.get(key)), _to_json(value))
        for key, value in wanted.fields.items()
        if key not in skip and not _same(value, live.fields.get(key))
    ]
    if not (wanted.fields.keys() or wanted.at):
        return tuple(changes)
    here, there = own_prices(kind, wanted), own_prices(kind, live)
    for tier in sorted({*here, *there}):
        base = {key: wanted.fields.get(key) for key in _keys(here.get(tier), there.get(tier))}
        before = there.get(tier, {key: live.fields.get(key) for key in base})
        after = here.get(tier, base)
        changes += [
            Change(f"{_label(key, wanted)} in {tier}", _to_json(before.get(key)), _to_json(after.get(key)))
            for key in base
            if not _same(before.get(key), after.get(key))
            # What only follows the base tier is said of the base tier.
            and not (
                _same(before.get(key), live.fields.get(key)) and _same(after.get(key), wanted.fields.get(key))
            )
        ]
    return tuple(changes)


def _keys(*prices: Fields | None) -> Iterable[str]:
    return dict.fromkeys(key for item in prices if item is not None for key in item)


def _same(one: Value, other: Value) -> bool:
    return (one if one != "" else None) == (other if other != "" else None)


def _to_json(value: Value) -> Shown:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def _label(key: str, wanted: Content) -> str:
    """The value of a reward goes by the name that it has in the file."""
    return str(wanted.fields.get("gives", key)) if key == "value" else key
