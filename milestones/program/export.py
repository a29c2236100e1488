"""A site's program becomes the part of ``config.toml`` that says the same: a plan of it is empty. Pure.

What the configuration has no words for is named in a comment and left out; a plan leaves it alone.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from milestones.config.program import ProgramTable
from milestones.domain.program import TRIGGERS, Fields, ThingKind, Value, own_prices
from milestones.formats import toml
from milestones.program.difference import by_title
from milestones.program.live import OTHER, Live, Thing
from milestones.program.matching import NOUNS

Toml = Mapping[str, Any]

_LISTS = {
    ThingKind.TIER: "program.tiers.levels",
    ThingKind.BADGE: "program.badges",
    ThingKind.EARN: "program.earn",
    ThingKind.REWARD: "program.rewards",
}


def export(live: Live, remark: str) -> str:
    """The text of ``[program]`` and the tables below it. remark: a comment at its beginning."""
    parts = [f"# {_one_line(remark)}", _block("[program]", _select_accepted(_head(live), ()))]
    settings = _select_accepted(_settings(live.settings), ("tiers",))
    if settings:
        parts.append(_block("[program.tiers]", settings))
    names = {tier.id: tier.title for tier in live.tiers}
    for kind, things in live.lists.items():
        parts += _entries(kind, things, names)
    return "\n\n".join(parts) + "\n"


def _head(live: Live) -> Iterator[tuple[str, Any]]:
    details = live.details
    yield "name", details.get("name")
    yield "points", details.get("points")
    yield "icon", _group(details, "icon.")
    yield "active", live.active
    yield "expiry", {"enabled": live.expires, **_group(details, "expiry.")}


def _settings(settings: Fields) -> Iterator[tuple[str, Any]]:
    yield "status", settings.get("status")
    yield "window", settings.get("window")
    yield "base", _group(settings, "base.")


def _group(fields: Fields, prefix: str) -> dict[str, Value]:
    return {
        key.removeprefix(prefix): value
        for key, value in fields.items()
        if key.startswith(prefix) and value not in (None, "")
    }


def _select_accepted(pairs: Iterable[tuple[str, Any]], inside: tuple[str, ...]) -> dict[str, Any]:
    """Those that the configuration takes. Of a table, key by key: what cannot be said is not said."""
    kept: dict[str, Any] = {}
    for key, value in pairs:
        if value is None or value == {}:
            continue
        if isinstance(value, dict) and _fault(_nest((*inside, key), value)):
            value = _select_accepted(value.items(), (*inside, key))  # noqa: PLW2901 - what is left of it
        if (value and not _fault(_nest((*inside, key), value))) or value is False:
            kept[key] = value
    return kept


def _nest(path: tuple[str, ...], value: Any) -> Toml:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def _fault(program: Toml) -> str | None:
    """Why the configuration does not take a program, read from its text as the loader would; None where it does."""
    try:
        text = "\n".join(
            f"{toml.write_key(key)} = {toml.write_value(value)}" for key, value in program.items()
        )
        text.encode()
        ProgramTable.model_validate(tomllib.loads(text))
    except ValidationError as error:
        return _sentence(error)
    except ValueError:
        return "holds characters that no file can keep"
    return None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    faults = first.get("ctx", {}).get("faults")
    return str(faults[0].sentence if faults else first["msg"])


# Things of which there may be several


def _entries(kind: ThingKind, things: Iterable[Thing], names: Mapping[str, str]) -> Iterator[str]:
    things = list(things)
    titles = Counter(thing.title for thing in things)
    accepted: list[Toml] = []
    for thing in things:
        entry = _entry(kind, thing, names, with_id=titles[thing.title] > 1)
        fault = "is of a type that this program does not know" if entry is None else None
        if entry is not None:
            # Beside those before it, since some rules are about several.
            fault = _fault(_nest(tuple(_LISTS[kind].split(".")[1:]), [*accepted, entry]))
        if entry is None or fault is not None:
            yield f"# The {NOUNS[kind]} {toml.quote(thing.title)} ({_one_line(thing.id)}) is left out: it {_one_line(str(fault))}."
            continue
        accepted.append(entry)
        yield _block(f"[[{_LISTS[kind]}]]", entry)


def _entry(kind: ThingKind, thing: Thing, names: Mapping[str, str], *, with_id: bool) -> Toml | None:
    content = by_title(thing.content, names)
    fields: dict[str, Any] = {**content.fields}
    at = own_prices(kind, content)
    said: dict[str, Any] = {"title": fields.pop("title")}
    if with_id:
        said["id"] = thing.id
    match kind:
        case ThingKind.EARN:
            said |= {"on": _trigger(thing), **fields_of(fields, "points", "per_money", "field")}
            if fields.get("points") is None:
                said.pop("per_money", None)
            said |= {
                "active": fields["active"],
                "at": {tier: _award(own, fields) for tier, own in at.items()},
            }
        case ThingKind.REWARD:
            reward = _reward(fields, at)
            if reward is None:
                return None
            said |= reward
        case _:
            said |= fields
    return {key: value for key, value in said.items() if value not in (None, {}, "")}


def fields_of(fields: Fields, *keys: str) -> dict[str, Value]:
    """Some of the fields."""
    return {key: fields.get(key) for key in keys}


def _trigger(thing: Thing) -> Any:
    on = str(thing.content.fields.get("on"))
    if on in TRIGGERS:
        return on
    app, _, activity = on.partition(" ")
    return {"app": app, "activity": activity}


def _award(own: Fields, base: Fields) -> Any:
    if own.get("per_money") == base.get("per_money"):
        return own.get("points")
    return fields_of(own, "points", "per_money")


def _reward(fields: Fields, at: Mapping[str, Fields]) -> dict[str, Any] | None:
    kind, gives = fields.get("type"), str(fields.get("gives"))
    if kind == OTHER:
        return None
    value = fields.get("value")
    if value is None and at:
        # For some tiers alone: what the first of them gets stands for what all get that say nothing else.
        value = next(iter(at.values())).get("value")
    if kind == "discount":
        said: dict[str, Any] = {"discount": {"money_off": value}}
    else:
        coupon: dict[str, Any] = {gives: True if gives == "free_shipping" else value}
        coupon |= fields_of(fields, "scope", "minimum_subtotal")
        coupon |= {
            key: True for key in ("limited_to_one_item", "applies_to_subscriptions") if fields.get(key)
        }
        said = {"coupon": {key: one for key, one in coupon.items() if one is not None}}
    said |= fields_of(fields, "cost", "active")
    prices: dict[str, Any] = {}
    for tier, own in at.items():
        same = own.get("value") == value
        prices[tier] = own.get("cost") if same else {"cost": own.get("cost"), gives: own.get("value")}
    return {**said, "at": prices}


# TOML


def _block(header: str, table: Toml) -> str:
    return "\n".join(
        [header, *(f"{toml.write_key(key)} = {toml.write_value(value)}" for key, value in table.items())]
    )


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
