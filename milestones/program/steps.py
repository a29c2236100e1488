"""One step, carried out by one call to Wix, and the site as it is afterwards."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from milestones.domain.program import TRIGGERS, Fields, Program, ThingKind, Wanted
from milestones.program import read, wire
from milestones.program.live import Live, Thing
from milestones.program.plan import Step, Verb
from milestones.wix import badges, earning_rules, programs, rewards, tiers
from milestones.wix.programs import Program as WixProgram
from milestones.wix.transport import WixClient

_FIELDS: Mapping[ThingKind, str] = {
    ThingKind.TIER: "tiers",
    ThingKind.BADGE: "badges",
    ThingKind.EARN: "earn",
    ThingKind.REWARD: "rewards",
}


async def perform(client: WixClient, step: Step, wanted: Program, live: Live) -> tuple[Live, str | None]:
    """Do what a step says. Returns the site afterwards, and the id of the thing that lists may show otherwise.

    Raises WixError.
    """
    if step.kind is ThingKind.PROGRAM:
        return live_with(live, await _program(client, step, wanted, live.program_entity)), None
    if step.kind is ThingKind.TIERS:
        return await _settings(client, wanted.settings, live), None
    things = live.things(step.kind)
    before = next((thing for thing in things if thing.id == step.id), None)
    others = [thing for thing in things if thing is not before]
    if step.verb is Verb.DELETE:
        if before is not None:
            await _delete(client, before)
        return _with(live, step.kind, others), None if before is None or before.automated else before.id
    assert step.wanted is not None, "what is made or changed stands in the file"
    after = await _write(client, step, step.wanted, before, live)
    return _with(live, step.kind, [*others, after]), None if after.automated else after.id


async def with_program(client: WixClient, live: Live) -> Live:
    """The site with what its program says of itself now. Raises WixError."""
    return live_with(live, await programs.get(client))


def live_with(live: Live, program: WixProgram) -> Live:
    """The site with this program."""
    return replace(live, **read.of_program(program))


def _with(live: Live, kind: ThingKind, things: list[Thing]) -> Live:
    changes: dict[str, Any] = {_FIELDS[kind]: tuple(things)}
    return replace(live, **changes)


async def _program(client: WixClient, step: Step, wanted: Program, before: WixProgram) -> WixProgram:
    match step.verb:
        case Verb.ACTIVATE:
            return await programs.activate(client)
        case Verb.PAUSE:
            return await programs.pause(client)
        case Verb.ENABLE:
            return await programs.enable_points_expiration(client)
        case Verb.DISABLE:
            return await programs.disable_points_expiration(client)
    changed = frozenset(change.field for change in step.changes)
    return await programs.update(client, **wire.program_changes(wanted.details, changed, before))


async def _settings(client: WixClient, said: Fields, live: Live) -> Live:
    existing = live.settings_entity
    whole = wire.settings_of(said, existing)
    if existing is None:
        after = await tiers.create_settings(client, whole)
    else:
        after = await tiers.update_settings(client, whole)
    return replace(live, settings=read.of_all_tiers(after), settings_entity=after)


async def _write(client: WixClient, step: Step, wanted: Wanted, before: Thing | None, live: Live) -> Thing:
    entity = None if before is None else before.entity
    # By their titles in the file, which those have that were renamed before.
    tier_ids = {tier.title: tier.id for tier in live.tiers}
    match step.kind:
        case ThingKind.TIER:
            tier = wire.tier_of(wanted, entity)
            written = await (tiers.create if entity is None else tiers.update)(client, tier)
            return read.tier_thing(written)
        case ThingKind.REWARD:
            reward = wire.reward_of(wanted, tier_ids, entity)
            return read.reward_thing(
                await (rewards.create if entity is None else rewards.update)(client, reward)
            )
        case ThingKind.EARN:
            rule = wire.rule_of(wanted, tier_ids, entity)
            if entity is not None:
                return read.rule_thing(await earning_rules.update(client, rule))
            return await _made_rule(client, wanted, rule)
        case _:
            return await _badge(client, step, wanted, entity)


async def _made_rule(client: WixClient, wanted: Wanted, rule: earning_rules.EarningRule) -> Thing:
    trigger = TRIGGERS.get(str(wanted.content.fields.get("on")))
    if trigger is None or trigger.custom is None:
        return read.rule_thing(await earning_rules.create(client, rule))
    kind: Any = trigger.custom
    return read.rule_thing(await earning_rules.create_custom(client, kind, rule), automated=True)


async def _badge(client: WixClient, step: Step, wanted: Wanted, before: badges.Badge | None) -> Thing:
    said = {
        name: str(wanted.content.fields[key] or "")
        for key, name in read.BADGE_FIELDS.items()
        if key in wanted.content.fields
    }
    if before is None:
        return read.badge_thing(await badges.create(client, wanted.title, **said))
    changed = {change.field for change in step.changes}
    new = {name: said[name] for key, name in read.BADGE_FIELDS.items() if key in changed}
    title = wanted.title if "title" in changed else None
    return read.badge_thing(await badges.update(client, before, title=title, **new))


async def _delete(client: WixClient, thing: Thing) -> None:
    match thing.kind:
        case ThingKind.TIER:
            await tiers.delete(client, thing.entity)
        case ThingKind.REWARD:
            await rewards.delete(client, thing.entity)
        case ThingKind.BADGE:
            await badges.delete(client, thing.id)
        case _ if thing.automated:
            await earning_rules.delete_automated(client, thing.id)
        case _:
            await earning_rules.delete(client, thing.entity)
