"""Pages: cursors that carry the filter, and offsets (docs/wix-api.md, 6, "Paging rules")."""

import base64
import heapq
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field as Limited

from wixsandbox import strict_json
from wixsandbox.errors import InvalidCursorError, InvalidError
from wixsandbox.query import Field, Fields, Kind, matcher
from wixsandbox.wire import Document, Wire

R = TypeVar("R")
MOST_UNPACKED = 1_000_000  # bytes of a cursor; one that was not made here may unpack to anything
_HELD: dict[Kind, type | tuple[type, ...]] = {
    "id": str, "text": str, "date": str, "number": (int, float), "flag": bool,
}  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Condition(Generic[R]):
    """What a request asks for besides its filter. A cursor carries the content; ``test`` makes sense of it."""

    content: Document
    test: Callable[[Document], Callable[[R], bool]]


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
    besides: Condition[R] | None = None,
) -> Page[R]:
    """A page of records. ``name`` ties a cursor to its query; ``besides`` is a condition that the filter cannot say.

    Sort keys end in the id, so that equal values have an order and a page never repeats a record.
    """
    limit = query.cursor_paging.limit or default_limit
    filter_, sort, position, backwards = query.filter, query.sort, None, False
    condition = {} if besides is None else besides.content
    if query.cursor_paging.cursor:
        if query.filter or query.sort:
            raise InvalidError(
                "query.cursorPaging", "a cursor carries filter and sort of its query", "VALIDATION"
            )
        cursor = _read_cursor(name, query.cursor_paging.cursor)
        filter_, sort, position, backwards = cursor.filter, cursor.sort, cursor.position, cursor.backwards
        condition = cursor.condition
    order = _Order(sort or list(default_sort), fields, id_of)
    if position is not None and not order.has(position):
        raise InvalidCursorError
    keep = matcher(filter_, fields, logical=logical)
    found: Iterable[R] = filter(keep, records)
    if besides is not None:
        found = filter(besides.test(condition), found)
    if position is not None:
        found = order.beyond(found, position, backwards=backwards)
    chosen = order.first(found, limit + 1, backwards=backwards)
    more, chosen = len(chosen) > limit, chosen[:limit]
    if backwards:
        chosen.reverse()

    def cursor_at(record: R, *, backwards: bool) -> str:
        position = order.plain(record)
        return _Cursor(
            name=name, filter=filter_, condition=condition, sort=sort, position=position, backwards=backwards
        ).text()

    has_next, has_prev = (position is not None, more) if backwards else (more, position is not None)
    return Page(
        chosen,
        cursor_at(chosen[-1], backwards=False) if chosen and has_next else None,
        cursor_at(chosen[0], backwards=True) if chosen and has_prev else None,
    )


def sort_records(
    records: Iterable[R], fields: Fields[R], sort: list[Sorting], id_of: Callable[[R], str]
) -> list[R]:
    """All records in order, for offset paging."""
    return _Order(sort, fields, id_of).sort(records)


def offset_metadata(count: int, offset: int, total: int) -> Document:
    """``metadata`` or ``pagingMetadata`` of an offset query."""
    return {"count": count, "offset": offset, "total": total, "tooManyToCount": False}


class _Order(Generic[R]):
    """The order of a query. When all keys run the same way, as nearly always, keys are plain tuples."""

    def __init__(self, sort: list[Sorting], fields: Fields[R], id_of: Callable[[R], str]) -> None:
        self._id_of = id_of
        self._getters: list[tuple[Callable[[R], Any], bool]] = []
        self._held: list[type | tuple[type, ...]] = []
        for one in sort:
            field: Field[R] | None = fields.get(one.field_name)
            if field is None or not field.sorts:
                raise InvalidError("query.sort", f"cannot sort by field '{one.field_name}'", "VALIDATION")
            self._getters.append((field.get, one.order == "DESC"))
            self._held.append(_HELD[field.kind])
        directions = {descends for _, descends in self._getters}
        self._reverse = directions == {True}
        self._mixed = len(directions) == 2
        self._key = self._compose()

    def sort(self, records: Iterable[R]) -> list[R]:
        return sorted(records, key=self._key, reverse=self._reverse)

    def first(self, records: Iterable[R], count: int, *, backwards: bool) -> list[R]:
        pick = heapq.nlargest if backwards is not self._reverse else heapq.nsmallest
        return pick(count, records, key=self._key)

    def beyond(self, records: Iterable[R], position: list[Any], *, backwards: bool) -> Iterator[R]:
        """The records after a position, or before it; the record at it is neither."""
        key = self._key
        start = self._place(position)
        if backwards is not self._reverse:
            return (one for one in records if key(one) < start)
        return (one for one in records if start < key(one))

    def has(self, position: list[Any]) -> bool:
        """Whether a record could be at this position."""
        return (
            len(position) == len(self._held) + 1
            and all(
                value is None or isinstance(value, held)
                for value, held in zip(position, self._held, strict=False)
            )
            and isinstance(position[-1], str)
        )

    def plain(self, record: R) -> list[Any]:
        """The position of a record, for a cursor."""
        return [*(get(record) for get, _ in self._getters), self._id_of(record)]

    def _compose(self) -> Callable[[R], tuple[Any, ...]]:
        id_of = self._id_of
        if len(self._getters) == 1:
            get, descends = self._getters[0]
            return lambda one: (((value := get(one)) is not None) is descends, value, id_of(one))
        return lambda one: self._place(self.plain(one))

    def _place(self, position: list[Any]) -> tuple[Any, ...]:
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


class _Cursor(Wire):
    """What a cursor carries: the name and the content of its query, the position and the direction."""

    name: str
    filter: Document | None
    condition: Document
    sort: list[Sorting]
    position: list[Any]
    backwards: bool

    def text(self) -> str:
        """The cursor as it is given out."""
        content = json.dumps(self.model_dump(mode="json", by_alias=True), separators=(",", ":"))
        # a filter of some hundred ids must not make it longer than a cursor may be
        return base64.urlsafe_b64encode(zlib.compress(content.encode())).decode()


def _read_cursor(name: str, text: str) -> _Cursor:
    try:
        packed = base64.b64decode(text, altchars=b"-_", validate=True)
        content = zlib.decompressobj().decompress(packed, MOST_UNPACKED)
        cursor = _Cursor.model_validate(strict_json.read(content))
    except (ValueError, zlib.error) as error:
        raise InvalidCursorError from error
    if cursor.name != name:
        raise InvalidCursorError
    return cursor
