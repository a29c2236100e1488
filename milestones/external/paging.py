"""From one page of a list to the next, for programs that page by cursor, offset, number, last id or link.

A list that comes back to where it was, or never ends, is refused: whoever reads it would do so for ever.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from milestones.config.external_calls import PaginatorTable
from milestones.external.answers import Request
from milestones.external.errors import ExternalError
from milestones.external.reading import read_id, search

MOST_PAGES = 50_000

_LINK = re.compile(r'<([^<>]+)>\s*;[^,]*rel="?next"?', re.IGNORECASE)


@dataclass(slots=True)
class Pages:
    """Where the reading of a list stands."""

    table: PaginatorTable
    first: Request
    number: int = 0
    records: int = 0
    _seen: set[Any] = field(default_factory=set)

    def find_next(
        self, answer: Any, headers: httpx.Headers, records: Sequence[Any], last_id: str | None
    ) -> Request | None:
        """The request for the next page; None at the end. Raises ExternalError for a list that goes in circles."""
        self.number += 1
        self.records += len(records)
        place, request = self._step(answer, headers, records, last_id)
        if request is None:
            return None
        if place in self._seen or self.number >= MOST_PAGES:
            raise ExternalError(
                f"{self.first.program}'s list goes in circles: after {self.number:,} pages it names one that was read "
                "already, or has no end. Nothing of it counts as complete."
            )
        self._seen.add(place)
        return request

    def _step(
        self, answer: Any, headers: httpx.Headers, records: Sequence[Any], last_id: str | None
    ) -> tuple[Any, Request | None]:
        table = self.table
        if table.type == "cursor":
            assert table.cursor_path is not None
            cursor = read_id(search(table.cursor_path, answer))
            return cursor, None if cursor is None else self._with(table.cursor_param, cursor)
        if table.type == "last_id":
            return last_id, self._with(table.cursor_param, last_id) if records and last_id else None
        if table.type == "offset":
            full = len(records) >= (table.limit or 1)
            return self.records, self._with(table.offset_param, self.records) if full else None
        if table.type == "page_number":
            full = len(records) >= (table.limit or 1)
            page = table.base_page + self.number
            return page, self._with(table.page_param, page) if full else None
        if table.type == "header_link":
            match = _LINK.search(headers.get("link", ""))
            return self._link(match[1] if match else None)
        if table.type == "json_link":
            assert table.link_path is not None
            return self._link(search(table.link_path, answer))
        return None, None

    def _with(self, name: str | None, value: str | int) -> Request:
        assert name is not None, "as it was checked"
        first = self.first
        if self.table.place == "body":
            return replace(first, body={**(first.body or {}), name: value})
        return replace(first, params={**first.params, name: value})

    def _link(self, link: Any) -> tuple[Any, Request | None]:
        if not isinstance(link, str) or not link:
            return None, None
        url = urljoin(self.first.url, link)
        here, there = urlsplit(self.first.url), urlsplit(url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ExternalError(
                f"{self.first.program}'s list leads to another host, to which no key is sent."
            )
        return url, replace(self.first, url=url, params={})
