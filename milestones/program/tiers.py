"""An order in which tiers can be changed: titles and points are each unique on a site at every moment. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from milestones.domain.program import Value, Wanted
from milestones.program.live import Thing


class Place(NamedTuple):
    """What of a tier no other may have."""

    title: str
    points: Value

    def meets(self, other: "Place") -> bool:
        """Whether the two cannot be on a site at once."""
        return self.title == other.title or self.points == other.points


Pair = tuple[Wanted, Thing | None]


def in_order(pairs: Sequence[Pair], remaining: Sequence[Thing]) -> tuple[list[Pair], list[str]]:
    """The changed tiers and then the new ones, so that none meets another on the way; sentences on what cannot be.

    pairs: changed and new tiers. remaining: every tier of the site that is not removed before.
    """
    places = {thing.id: _place(thing) for thing in remaining}
    ordered: list[Pair] = []
    waiting = sorted(pairs, key=lambda pair: pair[1] is None)
    while True:
        free = next((pair for pair in waiting if _blocker(pair, places) is None), None)
        if free is None:
            return ordered, [_sentence(pair, places) for pair in waiting]
        wanted, thing = free
        waiting.remove(free)
        places[thing.id if thing else f"new {wanted.title}"] = _target(wanted)
        ordered.append(free)


def _place(thing: Thing) -> Place:
    return Place(thing.title, thing.content.fields.get("points"))


def _target(wanted: Wanted) -> Place:
    return Place(wanted.title, wanted.content.fields.get("points"))


def _blocker(pair: Pair, places: Mapping[str, Place]) -> Place | None:
    wanted, thing = pair
    target = _target(wanted)
    others = (place for key, place in places.items() if thing is None or key != thing.id)
    return next((place for place in others if place.meets(target)), None)


def _sentence(pair: Pair, places: Mapping[str, Place]) -> str:
    blocker = _blocker(pair, places)
    assert blocker is not None, "it waits for something"
    return (
        f'The tier "{pair[0].title}" cannot have its title and its points while the site has the tier '
        f'"{blocker.title}" from {blocker.points} points: change or remove that one first.'
    )
