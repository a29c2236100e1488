"""From a genuine body to what it asks for: which of its events are worth points, and whose. Pure.

What is wrong with an event is told in a sentence that names fields and never shows their values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from milestones.domain import order
from milestones.domain.earn import MOST_POINTS, EarnRule, EventRule, Once, Part, Place, Who
from milestones.domain.order import Person, find_text_fault
from milestones.earn.received import Received
from milestones.formats import untrusted
from milestones.formats.expressions import require_bounded
from milestones.formats.mail_addresses import is_address

MOST_EVENTS = 500
"""Of one body: they are recorded together, while nobody else writes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An event that is worth points. id: what makes it the same as another. person: who is named by it; of an external id,
    what it says. value: the thing for which it is given once; empty where a rule knows none.
    """

    id: tuple[str, ...]
    points: int
    person: Person = field(repr=False)
    external_id: str = field(default="", repr=False)
    value: str = ""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """An event that the rule does not ask for. why: a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An event that the rule asks for and that cannot be understood. why: a sentence."""

    why: str


Reading = Wanted | Unneeded | Unread


def read_body(body: bytes) -> Any:
    """The JSON in a body. Raises ValueError with a predicate."""
    document = untrusted.parse(body)
    require_bounded(document)
    return document


def read_events(rule: EarnRule, document: Any, headers: Mapping[str, str]) -> list[Reading]:
    """What a body asks for, event by event. Raises ValueError with a predicate where its events cannot be found."""
    event_rule = rule.event
    assert event_rule is not None, "a claim has no events"
    for name, values in event_rule.headers.items():
        if headers.get(name) not in values:
            return [Unneeded(f"The header {name} is none of those that the rule asks for (headers).")]
    events = _find_events(event_rule, document)
    return [_read(rule, event_rule, event, document, headers) for event in events]


def _find_events(rule: EventRule, document: Any) -> list[Any]:
    try:
        found = rule.events.find(document)
    except ValueError as error:
        raise ValueError(f"has events that cannot be found: {rule.events.text} {error}") from None
    if found is None:
        raise ValueError(f"has nothing in {rule.events.text} (events)")
    events = found if isinstance(found, list) else [found]
    if len(events) > MOST_EVENTS:
        raise ValueError(f"has more than {MOST_EVENTS} events")
    return events


def _read(
    rule: EarnRule, event_rule: EventRule, event: Any, document: Any, headers: Mapping[str, str]
) -> Reading:
    source = _Source(event, document, headers)
    try:
        if event_rule.when is not None and not event_rule.when.find(event):
            return Unneeded(
                f"It is not one that the rule asks for: {event_rule.when.text} (when) does not hold."
            )
    except ValueError as error:
        return Unread(f"{event_rule.when.text} (when) {error}." if event_rule.when else "")
    try:
        return Wanted(
            id=tuple(_find_ids(event_rule, source)),
            points=_find_points(rule, event_rule, event),
            person=_find_person(event_rule, source),
            external_id=_external_id(event_rule, source),
            value=_find_value(rule, event),
        )
    except ValueError as error:
        return Unread(f"{error}.")


@dataclass(frozen=True, slots=True)
class _Source:
    """Where places are looked up."""

    event: Any
    body: Any
    headers: Mapping[str, str]

    def find(self, place: Place, key: str) -> Any:
        """What stands there. Raises ValueError with a sentence."""
        if place.part is Part.HEADER:
            return self.headers.get(place.name)
        assert place.expression is not None, "as it was checked"
        try:
            return place.expression.find(self.event if place.part is Part.EVENT else self.body)
        except ValueError as error:
            raise ValueError(f"{place} ({key}) {error}") from None


def _find_ids(rule: EventRule, source: _Source) -> Iterator[str]:
    if not rule.id:
        yield json.dumps(source.event, sort_keys=True)
    for place in rule.id:
        found = source.find(place, "id")
        if found is None or found in ("", [], {}):
            raise ValueError(f"{place} (id) finds nothing, so nobody could tell whether it came before")
        # A number and its text are one id: services change their minds about that.
        yield found if isinstance(found, str) else json.dumps(found, sort_keys=True)


def _find_points(rule: EarnRule, event_rule: EventRule, event: Any) -> int:
    if event_rule.points is None:
        return rule.points
    try:
        found = event_rule.points.find(event)
    except ValueError as error:
        raise ValueError(f"{event_rule.points.text} (points) {error}") from None
    points = untrusted.whole(found)
    if points is None:
        raise ValueError(f"{event_rule.points.text} (points) finds no whole number")
    if not 1 <= points <= MOST_POINTS:
        raise ValueError(f"{event_rule.points.text} (points) finds a number that is not 1 to {MOST_POINTS:,}")
    return points


def _find_person(rule: EventRule, source: _Source) -> Person:
    names = {key: _name(source.find(place, key)) for key, place in rule.names.items()}
    unnamed = Person(
        create=rule.create,
        first_name=names.get("first_name", ""),
        last_name=names.get("last_name", ""),
        phone=names.get("phone", ""),
    )
    if rule.who is Who.EXTERNAL:
        return unnamed
    found = _id_text(source.find(rule.person, rule.who), rule)
    person = name_person(unnamed, rule.who, found)
    if fault := find_fault(person):
        raise ValueError(
            f"{rule.person} ({rule.who}) finds what cannot be: {fault[:1].lower()}{fault[1:].rstrip('.')}"
        )
    return person


def name_person(person: Person, who: str, text: str) -> Person:
    """The person who is known by this text. who: one of ``Who``, and not an external id."""
    match Who(who):
        case Who.EMAIL:
            return replace(person, email=text)
        case Who.CONTACT:
            return replace(person, contact_id=text)
        case _:
            return replace(person, account_id=text)


def find_fault(person: Person) -> str | None:
    """What is wrong with a person, as a sentence without the address."""
    if person.email and not is_address(person.email):
        return "That is no mail address."
    return person.fault()


def _external_id(rule: EventRule, source: _Source) -> str:
    return _id_text(source.find(rule.person, rule.who), rule) if rule.who is Who.EXTERNAL else ""


def _id_text(found: Any, rule: EventRule) -> str:
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    text = untrusted.text(found)
    if text is None or not text.strip():
        raise ValueError(f"{rule.person} ({rule.who}) finds nothing by which a customer could be known")
    return text.strip()


def _name(found: Any) -> str:
    """A name or a number of a contact that may be made; what cannot be one is left out, since nothing rests on it."""
    text = (untrusted.text(found) or "").strip()
    return "" if not text or find_text_fault("It", text, order.LONGEST_NAME) else text


def _find_value(rule: EarnRule, event: Any) -> str:
    limits = rule.limits
    if limits.once is not Once.CUSTOMER_AND_VALUE:
        return ""
    assert limits.value is not None, "as it was checked"
    try:
        found = limits.value.find(event)
    except ValueError as error:
        raise ValueError(f"{limits.value.text} (once_per) {error}") from None
    if found is None:
        raise ValueError(f"{limits.value.text} (once_per) finds nothing")
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True)


def select_headers(rule: EventRule, received: Received) -> dict[str, str]:
    """Those that a body is read with, and no secret: they are kept with one that could not be."""
    places = (*rule.id, rule.person, *rule.names.values())
    names = {place.name for place in places if place.part is Part.HEADER} | set(rule.headers)
    return {name: received.headers[name] for name in sorted(names) if name in received.headers}
