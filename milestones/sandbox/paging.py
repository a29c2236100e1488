"""Pages: cursors that carry the filter, and offsets (fact sheet, section 6, "Paging rules")."""

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field as Limited

from milestones.sandbox.errors import InvalidError
from milestones.sandbox.query import Field, Fields, matcher
from milestones.sandbox.wire import Document, Wire

R = TypeVar("R")


class Sorting(Wire):
    """One entry of ``sort``."""

    field_name: str
    order: Literal["ASC", "DESC"] = "ASC"


class CursorPaging(Wire):
    """``cursorPaging`` of a request."""

    limit: int | None = Limited(default=None, ge=1, le=100)
    cursor: str | None = Limited(default=None, max_length=16_000)


class CursorQuery(Wire):
    """``query`` of a request with cursor paging."""

    filter: Document | None = None
    sort: list[Sorting] = Limited(default_factory=list, max_length=5)
    cursor_paging: CursorPaging = CursorPaging()


class CursorRequest(Wire):
    """A request that consists of an optional cursor query."""

    query: CursorQuery = CursorQuery()


class OffsetPaging(Wire):
    """``paging`` of a request."""

    limit: int | None = Limited(default=None, ge=0)
    offset: int = Limited(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a cursor query."""

    records: list[R]
    next: str | None
    prev: str | None

    def metadata(self) -> Document:
        """``pagingMetadata`` of a query."""
        return {"count": len(self.records), "cursors": self.cursors(), "hasNext": self.next is not None}

    def cursors(self) -> Document:
        """The cursors that exist."""
        return {name: text for name, text in (("next", self.next), ("prev", self.prev)) if text is not None}


def cursor_page(
    name: str,
    records: Iterable[R],
    fields: Fields[R],
    query: CursorQuery,
    *,
    id_of: Callable[[R], str],
    default_sort: tuple[Sorting, ...] = (Sorting(field_name="createdDate", order="DESC"),),
    default_limit: int = 50,
    logical: bool = False,
    only: Callable[[R], bool] | None = None,
) -> Page[R]:
    """A page of records. ``name`` ties a cursor to its query; ``only`` is a condition besides the filter.

    Sort keys end in the id, so that equal values have an order and a page never repeats a record.
    """
    limit = query.cursor_paging.limit or default_limit
    filter_, sort, position, backwards = query.filter, query.sort, None, False
    if query.cursor_paging.cursor:
        if query.filter or query.sort:
            raise InvalidError(
                "query.cursorPaging", "a cursor carries filter and sort of its query", "VALIDATION"
            )
        filter_, sort, position, backwards = _read_cursor(name, query.cursor_paging.cursor)
    order = _Order(sort or list(default_sort), fields, id_of)
    keep = matcher(filter_, fields, logical=logical)
    found: Iterable[R] = (one for one in records if keep(one) and (only is None or only(one)))
    if position is not None:
        found = order.beyond(found, position, backwards=backwards)
    chosen = order.first(found, limit + 1, backwards=backwards)
    more, chosen = len(chosen) > limit, chosen[:limit]
    if backwards:
        chosen.reverse()

    def cursor(record: R, direction: str) -> str:
        shown = [one.document() for one in sort]
        return _write_cursor({"n": name, "f": filter_, "s": shown, "k": order.plain(record), "d": direction})

    has_next, has_prev = (position is not None, more) if backwards else (more, position is not None)
    return Page(
        chosen,
        cursor(chosen[-1], "next") if chosen and has_next else None,
        cursor(chosen[0], "prev") if chosen and has_prev else None,
    )


def sorted_records(
    records: Iterable[R], fields: Fields[R], sort: list[Sorting], id_of: Callable[[R], str]
) -> list[R]:
    """All records in order, for offset paging."""
    return _Order(sort, fields, id_of).sorted(records)


def offset_metadata(count: int, offset: int, total: int) -> Document:
    """``metadata`` or ``pagingMetadata`` of an offset query."""
    return {"count": count, "offset": offset, "total": total, "tooManyToCount": False}


class _Order(Generic[R]):
    """The order of a query. When all keys run the same way, as nearly always, keys are plain tuples."""

    def __init__(self, sort: list[Sorting], fields: Fields[R], id_of: Callable[[R], str]) -> None:
        self._id_of = id_of
        self._getters: list[tuple[Callable[[R], Any], bool]] = []
        for one in sort:
            field: Field[R] | None = fields.get(one.field_name)
            if field is None or not field.sorts:
                raise InvalidError("query.sort", f"cannot sort by field '{one.field_name}'", "VALIDATION")
            self._getters.append((field.get, one.order == "DESC"))
        directions = {descends for _, descends in self._getters}
        self._reverse = directions == {True}
        self._mixed = len(directions) == 2
        self._key = self._composed()

    def sorted(self, records: Iterable[R]) -> list[R]:
        return sorted(records, key=self._key, reverse=self._reverse)

    def first(self, records: Iterable[R], count: int, *, backwards: bool) -> list[R]:
        pick = heapq.nlargest if backwards is not self._reverse else heapq.nsmallest
        return pick(count, records, key=self._key)

    def beyond(self, records: Iterable[R], position: list[Any], *, backwards: bool) -> Iterator[R]:
        """The records after a position, or before it; the record at it is neither."""
        key = self._key
        start = self._placed(position)
        if backwards is not self._reverse:
            return (one for one in records if key(one) < start)
        return (one for one in records if start < key(one))

    def plain(self, record: R) -> list[Any]:
        """The position of a record, for a cursor."""
        return [*(get(record) for get, _ in self._getters), self._id_of(record)]

    def _composed(self) -> Callable[[R], tuple[Any, ...]]:
        id_of = self._id_of
        if len(self._getters) == 1:
            get, descends = self._getters[0]
            return lambda one: (((value := get(one)) is not None) is descends, value, id_of(one))
        return lambda one: self._placed(self.plain(one))

    def _placed(self, position: list[Any]) -> tuple[Any, ...]:
        key: list[Any] = []
        for value, (_, descends) in zip(position, self._getters, strict=False):
            # what is missing comes last in both directions
            part = ((value is not None) is descends, value)
            key.extend([_Descending(part)] if self._mixed and descends else part)
        return (*key, position[-1])


class _Descending:
    """Turns the order of one sort key around inside a key of several."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)


def _write_cursor(content: Document) -> str:
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


def _read_cursor(name: str, text: str) -> tuple[Document | None, list[Sorting], list[Any], bool]:
    try:
        content = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
        sort = [Sorting.model_validate(one) for one in content["s"]]
        read = (content["f"], sort, list(content["k"]), content["d"] == "prev")
        origin = content["n"]
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise _bad_cursor() from error
    if origin != name:
        raise _bad_cursor()
    return read


def _bad_cursor() -> InvalidError:
    return InvalidError("query.cursorPaging.cursor", "is not a valid cursor", "VALIDATION", "INVALID_CURSOR")
