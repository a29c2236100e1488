"""Queries and searches of a resource, counted by cursor or by offset: what is asked, and the page that is answered.

Both are called alike, with the client first: once for one page, and by ``pages`` for all of them.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from milestones.wix.answers import Call
from milestones.wix.fields import Entity
from milestones.wix.paging import Filter, Page, Sort, cursor_page, every_page, offset_page
from milestones.wix.transport import WixClient

E = TypeVar("E", bound=Entity)


@dataclass(frozen=True)
class CursorQuery(Generic[E]):
    """What can be asked for by filter and order, and is counted by cursor; at most 100 a page.

    key: under which the answer lists the entities. wrapper: under which the call takes the question.
    """

    call: Call
    key: str
    model: type[E]
    wrapper: str = "query"

    async def __call__(
        self,
        client: WixClient,
        where: Filter = None,
        *,
        sort: Sequence[Sort] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[E]:
        """One page. A cursor carries the filter and order of the first page. Raises WixError."""
        request = cursor_request(where, sort, limit, cursor)
        return cursor_page(
            await client.send(self.call, body={self.wrapper: request}), self.key, self.model, self.call
        )

    def pages(
        self,
        client: WixClient,
        where: Filter = None,
        *,
        sort: Sequence[Sort] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> AsyncIterator[Page[E]]:
        """All pages, from ``cursor`` on. Raises WixError."""
        return every_page(
            lambda following: self(client, where, sort=sort, limit=limit, cursor=following), cursor
        )


@dataclass(frozen=True)
class OffsetQuery(Generic[E]):
    """What can be asked for by filter, and is counted by offset.

    key: under which the answer lists the entities. beside: what the call takes beside the question.
    filter_as_text: whether the filter is JSON in a string.
    """

    call: Call
    key: str
    model: type[E]
    beside: Mapping[str, Any] = field(default_factory=dict)
    filter_as_text: bool = False

    async def __call__(
        self, client: WixClient, where: Filter = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[E]:
        """One page. cursor: the ``next_cursor`` of the page before. Raises WixError."""
        offset = int(cursor) if cursor else 0
        request: dict[str, Any] = {"paging": {"limit": limit, "offset": offset}}
        if where:
            request["filter"] = json.dumps(where) if self.filter_as_text else dict(where)
        answer = await client.send(self.call, body={"query": request, **self.beside})
        return offset_page(answer, self.key, self.model, self.call, offset=offset, limit=limit)

    def pages(
        self, client: WixClient, where: Filter = None, *, limit: int = 100, cursor: str | None = None
    ) -> AsyncIterator[Page[E]]:
        """All pages, from ``cursor`` on. Raises WixError."""
        return every_page(lambda following: self(client, where, limit=limit, cursor=following), cursor)


def cursor_request(where: Filter, sort: Sequence[Sort], limit: int, cursor: str | None) -> dict[str, Any]:
    """A query or search. After the first page only the cursor is sent: it carries filter and order."""
    if cursor is not None:
        return {"cursorPaging": {"limit": limit, "cursor": cursor}}
    request: dict[str, Any] = {"cursorPaging": {"limit": limit}}
    if where:
        request["filter"] = dict(where)
    if sort:
        request["sort"] = [entry.wire() for entry in sort]
    return request
