"""What Wix does not let be done, as far as it can be known before: sentences. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence

from milestones.domain.program import TRIGGERS, ThingKind, Wanted
from milestones.program.difference import Change
from milestones.program.live import OTHER, Thing
from milestones.program.matching import NOUNS, Matched


def cannot_make(kind: ThingKind, wanted: Wanted, kept: Iterable[Thing]) -> Iterator[str]:
    """Why a thing cannot be made. kept: those of its kind that stay on the site."""
    if kind is not ThingKind.EARN:
        return
    on = wanted.content.fields.get("on")
    trigger = TRIGGERS.get(str(on))
    if trigger is not None and trigger.automated:
        if trigger.custom is None:
            yield f'The earning rule "{wanted.title}" cannot be made: Wix installs the rule for {on} with its app.'
        elif wanted.content.fields.get("active") is False:
            yield (
                f'The earning rule "{wanted.title}" is automated: Wix makes it active. Make it so, and pause it in the '
                "dashboard."
            )
    twin = next((thing for thing in kept if thing.content.fields.get("on") == on), None)
    if twin is not None:
        yield (
            f'The site has an earning rule for {on} already, "{twin.title}", so "{wanted.title}" cannot be made. If it is '
            f"the same one, write was = {json.dumps(twin.title, ensure_ascii=False)}."
        )


def cannot_change(kind: ThingKind, thing: Thing, changes: Sequence[Change]) -> Iterator[str]:
    """Why a thing of the site cannot be changed so."""
    noun, fields = NOUNS[kind], {change.field for change in changes}
    of_itself = f'The {noun} "{thing.title}"'
    if kind is ThingKind.REWARD and ("type" in fields or thing.content.fields.get("type") == OTHER):
        yield (
            f"{of_itself} is of another type on the site, and Wix lets nobody change that. Give the one in the file "
            "another title; the old one goes with --prune."
        )
    elif kind is ThingKind.EARN and thing.automated:
        yield (
            f"{of_itself} is automated: Wix's API cannot change it ({', '.join(sorted(fields))}). Change it in the "
            "dashboard, or write in the file what the site has."
        )
    elif kind is ThingKind.EARN and "on" in fields:
        yield (
            f"{of_itself} is for another activity on the site, and that cannot be changed. Give the one in the file "
            "another title; the old one goes with --prune."
        )


def unknown_tiers(found: Matched, titles: set[str]) -> Iterator[str]:
    """Prices in tiers that neither the site nor the file has. titles: of the tiers that there will be."""
    for wanted, _ in found.pairs:
        for tier in sorted(set(wanted.content.at) - titles):
            yield (
                f'The {NOUNS[wanted.kind]} "{wanted.title}" names the tier "{tier}", which neither the site nor the file '
                "has."
            )
