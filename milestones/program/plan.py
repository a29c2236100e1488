"""What must be done that a site's program is as the file has it, in an order in which it can be done. Pure.

Nothing here knows of calls: the same difference is found again after a crash, without what was done before it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from milestones.domain.program import (
    MOST_TIERS,
    Content,
    Fields,
    Program,
    ThingKind,
    Wanted,
)
from milestones.program import tiers
from milestones.program.difference import Change, by_title, differences, same_trigger
from milestones.program.live import Live, Thing
from milestones.program.matching import NOUNS, Matched, match
from milestones.program.refusals import cannot_change, cannot_make, unknown_tiers


class Verb(StrEnum):
    """What a step does."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    ACTIVATE = "activate"
    PAUSE = "pause"
    ENABLE = "enable"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Step:
    """One call to Wix, and a sentence of it. title: as it is on the site, or will be. wanted: of what the file names."""

    kind: ThingKind
    verb: Verb
    title: str
    sentence: str
    id: str | None = None
    changes: tuple[Change, ...] = ()
    wanted: Wanted | None = None

    @property
    def about(self) -> tuple[ThingKind, Verb, str]:
        """The same for the same step of another plan."""
        return self.kind, self.verb, self.id or self.title


@dataclass(frozen=True, slots=True)
class Plan:
    """steps: in order. refusals: what cannot be done, for which nothing is. notes: what is left alone."""

    steps: tuple[Step, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the site is not as the file has it."""
        return bool(self.steps or self.refusals)

    @property
    def fingerprint(self) -> str:
        """The same for plans that do the same, whenever they were made."""
        content = [
            [step.kind, step.verb, step.title, step.id, [[c.field, c.before, c.after] for c in step.changes]]
            for step in self.steps
        ]
        return hashlib.sha256(json.dumps([content, self.refusals]).encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Draft:
    """Steps by the part of the order in which they come, while a plan is made."""

    steps: list[Step] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make(wanted: Program, live: Live, *, prune: bool = False, in_use: frozenset[str] = frozenset()) -> Plan:
    """The difference between the file and the site.

    prune: remove what the site has beside the lists of the file. in_use: badges that milestones give, by title or id, which are kept.
    The order: names; tiers, which others name; badges, rules and rewards; expiry; and last that customers take part.
    """
    draft = _Draft()
    matched = {
        kind: match(kind, entries, live.things(kind))
        for kind, entries in (
            (ThingKind.TIER, wanted.tiers),
            (ThingKind.BADGE, wanted.badges),
            (ThingKind.EARN, wanted.earn),
            (ThingKind.REWARD, wanted.rewards),
        )
        if entries is not None
    }
    names = _tier_names(matched.get(ThingKind.TIER), live, prune=prune)
    if wanted.active is False and live.active:
        sentence = "Pause the program: no points are earned or spent."
        draft.steps.append(Step(ThingKind.PROGRAM, Verb.PAUSE, "program", sentence))
    _once(draft, ThingKind.PROGRAM, wanted.details, live.details, "Change what the program says of itself.")
    if (levels := matched.pop(ThingKind.TIER, None)) is not None:
        draft.refusals += levels.refusals
        _tier_steps(draft, levels, _without_extra(draft, levels, names, prune=prune), live)
    _tiers_settings(draft, wanted, live)
    titles = _titles_after(levels, live, prune=prune)
    for item in matched.values():
        draft.refusals += [*item.refusals, *unknown_tiers(item, titles)]
        kept = _without_extra(draft, item, names, prune=prune, in_use=in_use)
        _steps_of(draft, item, kept, names, live)
    _switches(draft, wanted, live)
    steps = [replace(step, sentence=visible(step.sentence)) for step in draft.steps]
    return Plan(tuple(steps), tuple(map(visible, draft.refusals)), tuple(map(visible, draft.notes)))


def visible(sentence: str) -> str:
    """A sentence without what steers a terminal or no file can keep: titles are what somebody typed in a dashboard."""
    return "".join(character if character.isprintable() else "\ufffd" for character in sentence)


# What is there once


def _once(draft: _Draft, kind: ThingKind, wanted: Fields, live: Fields, sentence: str) -> None:
    if changes := differences(Content(wanted), Content(live), kind):
        draft.steps.append(Step(kind, Verb.CHANGE, kind.value, sentence, changes=changes))


def _tiers_settings(draft: _Draft, wanted: Program, live: Live) -> None:
    if live.settings or not wanted.settings:
        sentence = "Change the settings of the tiers."
    else:
        sentence = "Make the settings of the tiers."
    if wanted.settings.get("status") == "active" and live.settings.get("status") != "active":
        sentence += " Accounts fall into tiers from now on."
    _once(draft, ThingKind.TIERS, wanted.settings, live.settings, sentence)


def _switches(draft: _Draft, wanted: Program, live: Live) -> None:
    if wanted.expires is True and not live.expires:
        if not live.features.expiration:
            draft.refusals.append(
                "The site's plan at Wix has no expiry of points: expiry.enabled cannot be true."
            )
        sentence = "Let points expire."
        draft.steps.append(Step(ThingKind.PROGRAM, Verb.ENABLE, "points expiry", sentence))
    if wanted.expires is False and live.expires:
        sentence = "Let points live for ever."
        draft.steps.append(Step(ThingKind.PROGRAM, Verb.DISABLE, "points expiry", sentence))
    if wanted.active is True and live.active is not True:
        if not (wanted.details.get("name") or live.details.get("name")):
            draft.refusals.append("A program without a name cannot be activated: give it one (program.name).")
        if not live.features.program:
            draft.refusals.append("The site's plan at Wix has no loyalty program: it cannot be activated.")
        sentence = "Activate the program: customers can take part."
        draft.steps.append(Step(ThingKind.PROGRAM, Verb.ACTIVATE, "program", sentence))


# What there may be several of


def _without_extra(
    draft: _Draft,
    result: Matched,
    names: dict[str, str],
    *,
    prune: bool,
    in_use: frozenset[str] = frozenset(),
) -> list[Thing]:
    """Remove what only the site has, if that is wanted. Returns what stays."""
    kept, kind = [thing for _, thing in result.pairs if thing is not None], result.kind
    noun = NOUNS[kind]
    for thing in result.extra:
        on_site = f'The {noun} "{thing.title}" is on the site and not in the file; it is left alone'
        if prune and kind is ThingKind.BADGE and (thing.title in in_use or thing.id in in_use):
            draft.notes.append(f"{on_site}, since a milestone gives it.")
        elif prune and not thing.deletable:
            draft.notes.append(f"{on_site}: Wix installed it, and it can only be paused, in the dashboard.")
        elif prune:
            also = ", also from every member who has it" if kind is ThingKind.BADGE else ""
            sentence = f'Delete the {noun} "{thing.title}"{also}.'
            changes = tuple(
                Change(change.field, change.after, None)
                for change in differences(by_title(thing.content, names), Content({}), kind)
            )
            draft.steps.append(Step(kind, Verb.DELETE, thing.title, sentence, thing.id, changes))
            continue
        else:
            draft.notes.append(f"{on_site} (--prune deletes it).")
        kept.append(thing)
    return kept


def _steps_of(
    draft: _Draft, result: Matched, kept: Sequence[Thing], names: dict[str, str], live: Live
) -> None:
    kind = result.kind
    changed = [pair for pair in result.pairs if pair[1] is not None]
    new = [pair for pair in result.pairs if pair[1] is None]
    for wanted, thing in [*changed, *new]:
        if thing is None:
            draft.refusals += cannot_make(kind, wanted, kept)
            draft.steps.append(_creation(kind, wanted))
            if (kind.value, wanted.title) in live.doubtful:
                noun = NOUNS[kind]
                draft.notes.append(
                    f'The {noun} "{wanted.title}" was asked for a moment ago and does not show yet; it is looked for '
                    "before it is made."
                )
            continue
        content = by_title(thing.content, names)
        if changes := differences(wanted.content, content, kind, skip=same_trigger(wanted, thing)):
            draft.refusals += cannot_change(kind, thing, changes)
            draft.steps.append(_change_step(kind, wanted, thing, changes))


def _tier_steps(draft: _Draft, result: Matched, kept: Sequence[Thing], live: Live) -> None:
    changed = [
        (wanted, thing)
        for wanted, thing in result.pairs
        if thing is None or differences(wanted.content, thing.content, ThingKind.TIER)
    ]
    ordered, collisions = tiers.in_order(changed, kept)
    draft.refusals += collisions
    new = [wanted for wanted, thing in changed if thing is None]
    if new and not live.features.tiers:
        draft.refusals.append(
            "Tiers need a paid plan at Wix (Studio Plus, Editor Business or better); this site has none."
        )
    if new and len(kept) + len(new) > MOST_TIERS:
        draft.refusals.append(
            f"The site would have {len(kept) + len(new)} tiers; Wix takes {MOST_TIERS} beside the base tier."
        )
    for wanted, thing in ordered:
        if thing is None:
            draft.steps.append(_creation(ThingKind.TIER, wanted))
        else:
            changes = differences(wanted.content, thing.content, ThingKind.TIER)
            draft.steps.append(_change_step(ThingKind.TIER, wanted, thing, changes))


def _creation(kind: ThingKind, wanted: Wanted) -> Step:
    changes = differences(wanted.content, Content({}), kind)
    said = tuple(change for change in changes if change.after is not None)
    return Step(
        kind, Verb.CREATE, wanted.title, f'Create the {NOUNS[kind]} "{wanted.title}".', None, said, wanted
    )


def _change_step(kind: ThingKind, wanted: Wanted, thing: Thing, changes: tuple[Change, ...]) -> Step:
    noun = NOUNS[kind]
    sentence = f'Change the {noun} "{thing.title}".'
    if wanted.title != thing.title:
        sentence = f'Rename the {noun} "{thing.title}" to "{wanted.title}"{", and change it" if len(changes) > 1 else ""}.'
    return Step(kind, Verb.CHANGE, thing.title, sentence, thing.id, changes, wanted)


# The tiers that others name


def _tier_names(result: Matched | None, live: Live, *, prune: bool) -> dict[str, str]:
    """The titles of the site's tiers that stay, as they will be."""
    if result is None:
        return {thing.id: thing.title for thing in live.tiers}
    left = () if prune else result.extra
    return {thing.id: thing.title for thing in left} | {
        thing.id: wanted.title for wanted, thing in result.pairs if thing is not None
    }


def _titles_after(result: Matched | None, live: Live, *, prune: bool) -> set[str]:
    if result is None:
        return {thing.title for thing in live.tiers}
    left = () if prune else result.extra
    return {wanted.title for wanted, _ in result.pairs} | {thing.title for thing in left}
