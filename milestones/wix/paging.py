"""Reading entities and pages of them out of answers, by cursor or by offset (docs/wix-api.md, 6).

A page that Wix counts by offset gives its next offset as ``next_cursor``, so that callers keep and resume both alike.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from milestones.formats import untrusted
from milestones.wix.answers import Call, unreadable
from milestones.wix.errors import WixUnavailableError
from milestones.wix.fields import Entity

E = TypeVar("E", bound=Entity)
T = TypeVar("T")

Filter = Mapping[str, Any] | None
"""A filter as Wix spells it, such as ``{"points.balance": {"$gte": 900}}``; all of its conditions must hold."""


@dataclass(frozen=True)
class Sort:
    """One entry of an order: the field as Wix spells it."""

    field: str
    descending: bool = False

    def wire(self) -> dict[str, str]:
        """As query and search take it."""
        return {"fieldName": self.field, "order": "DESC" if self.descending else "ASC"}


@dataclass(frozen=True)
class Broken:
    """An entity that could not be read.

    id: if that could be read. reason: names fields and no values. told: as Wix sent it; it may hold personal data.
    """

    id: str | None
    reason: str
    told: Any = field(repr=False)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the answers.

    next_cursor: where the next page begins, None after the last. It holds filter and order, and may be kept.
    total: how many there are in all, if Wix says.
    unreadable: those of this page that were left out because they lacked what nothing can be done without. One broken
    entity must not stop a scan at its page for ever; the caller counts and reports them.
    """

    items: tuple[T, ...]
    next_cursor: str | None = None
    total: int | None = None
    unreadable: tuple[Broken, ...] = ()


def one(answer: Mapping[str, Any], key: str, model: type[E], call: Call) -> E:
    """The entity under ``key``. Raises WixUnavailableError when it is missing or broken; lost if the call wrote."""
    try:
        return model.model_validate(answer.get(key))
    except ValidationError as error:
        raise unreadable(call, f"{key} {_faulty_fields(error)}") from None


def whole(answer: Mapping[str, Any], model: type[E], call: Call) -> E:
    """The answer itself as an entity. Raises as ``one`` does."""
    return one({"the answer": answer}, "the answer", model, call)


def maybe(answer: Mapping[str, Any], key: str, model: type[E]) -> E | None:
    """The entity under ``key``, or None when it is missing or broken: for what is welcome but not needed."""
    try:
        return model.model_validate(answer.get(key))
    except ValidationError:
        return None


def text(answer: Mapping[str, Any], key: str, call: Call) -> str:
    """The text under ``key``, such as a new id. Raises WixUnavailableError when there is none."""
    value = answer.get(key)
    if not untrusted.storable(value) or not value:
        raise unreadable(call, f"{key} is missing or broken")
    return str(value)


def many(
    answer: Mapping[str, Any], key: str, model: type[E], call: Call
) -> tuple[tuple[E, ...], tuple[Broken, ...]]:
    """The readable entities of the list under ``key``, and those that were not. A missing list is an empty one."""
    found = answer.get(key)
    if found is None:
        return (), ()
    if not isinstance(found, list):
        raise unreadable(call, f"{key} is not a list")
    items: list[E] = []
    broken: list[Broken] = []
    for entry in found:
        try:
            items.append(model.model_validate(entry))
        except ValidationError as error:
            broken.append(Broken(untrusted.text(_mapping(entry).get("id")), _faulty_fields(error), entry))
    return tuple(items), tuple(broken)


def complete(answer: Mapping[str, Any], key: str, model: type[E], call: Call) -> tuple[E, ...]:
    """The whole list under ``key``, for lists that are compared as a whole: a broken entity raises as in ``one``."""
    items, broken = many(answer, key, model, call)
    if broken:
        raise unreadable(call, f"{len(broken)} of {key} are broken")
    return items


def cursor_page(answer: Mapping[str, Any], key: str, model: type[E], call: Call) -> Page[E]:
    """A page whose metadata name the next cursor. It is the last when ``hasNext`` is false or no cursor is given."""
    items, broken = many(answer, key, model, call)
    metadata = _mapping(answer.get("pagingMetadata") or answer.get("metadata"))
    following = _mapping(metadata.get("cursors")).get("next")
    if metadata.get("hasNext") is False or not isinstance(following, str) or not following:
        following = None
    elif not untrusted.storable(following):
        raise unreadable(call, "the next cursor is broken")
    return Page(items, following, _count(metadata.get("total")), broken)


def offset_page(
    answer: Mapping[str, Any], key: str, model: type[E], call: Call, *, offset: int, limit: int
) -> Page[E]:
    """A page counted from ``offset``. Without a total, a full page is taken to have a successor."""
    items, broken = many(answer, key, model, call)
    metadata = _mapping(answer.get("pagingMetadata") or answer.get("metadata"))
    total = _count(answer.get("totalResults", metadata.get("total")))
    reached = offset + len(items) + len(broken)
    more = reached < total if total is not None else reached - offset >= limit
    return Page(items, str(reached) if more and reached > offset else None, total, broken)


async def every_page(
    fetch: Callable[[str | None], Awaitable[Page[T]]], cursor: str | None = None
) -> AsyncIterator[Page[T]]:
    """Page after page, from ``cursor`` or the beginning. The next one is asked for only when the caller wants it."""
    before: tuple[T, ...] = ()
    while True:
        page = await fetch(cursor)
        if page.next_cursor is not None and (
            page.next_cursor == cursor or (page.items and page.items == before)
        ):
            raise WixUnavailableError("Wix answers the same page again and again: its cursor does not move.")
        yield page
        if page.next_cursor is None:
            return
        cursor, before = page.next_cursor, page.items


def _faulty_fields(error: ValidationError) -> str:
    # Only places: the values that pydantic would quote may be a customer's.
    faults = error.errors(include_input=False, include_context=False, include_url=False)
    places = {".".join(str(step) for step in fault["loc"]) or "itself" for fault in faults}
    return f"is missing or broken at {', '.join(sorted(places))}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    number = untrusted.whole(value)
    return number if number is not None and number >= 0 else None
