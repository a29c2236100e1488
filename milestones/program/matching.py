"""Which thing of the file is which of the site: by its id, else its title, else the title that it had before. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from milestones.domain.program import ThingKind, Wanted
from milestones.program.live import Thing

NOUNS = {
    ThingKind.TIER: "tier",
    ThingKind.BADGE: "badge",
    ThingKind.EARN: "earning rule",
    ThingKind.REWARD: "reward",
}


@dataclass(frozen=True, slots=True)
class Matched:
    """pairs: each thing of the file that can be told, with the site's or None. extra: what only the site has.

    refusals: sentences on those that cannot be told.
    """

    kind: ThingKind
    pairs: tuple[tuple[Wanted, Thing | None], ...]
    extra: tuple[Thing, ...]
    refusals: tuple[str, ...]


def match(kind: ThingKind, wanted: Sequence[Wanted], things: Sequence[Thing]) -> Matched:
    """Tell the things of the file from each other on the site. Ids go first, so that no title takes what an id names."""
    noun = NOUNS[kind]
    by_id = {thing.id: thing for thing in things}
    matched: set[str] = set()
    result: dict[int, Thing | None] = {}
    refusals: list[str] = []
    for position, one in enumerate(wanted):
        if one.id is None:
            continue
        thing = by_id.get(one.id)
        if thing is None:
            sentence = (
                f'The {noun} "{one.title}" has an id in the file that nothing on the site has: {one.id}.'
            )
            refusals.append(f"{sentence} Leave it out, to have one made.")
        else:
            matched.add(thing.id)
            result[position] = thing
    left = [position for position, one in enumerate(wanted) if one.id is None]
    for key in ("title", "was"):
        for position in list(left):
            title = getattr(wanted[position], key)
            same = [thing for thing in things if thing.title == title and thing.id not in matched]
            if not same:
                continue
            left.remove(position)
            matched |= {thing.id for thing in same}
            if len(same) == 1:
                result[position] = same[0]
            else:
                ids = ", ".join(sorted(thing.id for thing in same))
                refusals.append(
                    f'The site has {len(same)} {noun}s "{title}". Say in the file which is meant, by id: {ids}.'
                )
    result |= dict.fromkeys(left)
    pairs = tuple((wanted[position], result[position]) for position in sorted(result))
    extra = tuple(thing for thing in things if thing.id not in matched)
    return Matched(kind, pairs, extra, tuple(refusals))
