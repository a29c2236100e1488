"""A call of one of the programs, as its paths take it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wixsandbox.errors import RefusedError
from wixsandbox.external.books import Books, Member

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """ids: what the path names. query, body, headers: as they came, headers in small letters."""

    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Document
    headers: Mapping[str, str]

    def limit(self, most: int, default: int) -> int:
        """The page size that was asked for, in the query or the body. Raises RefusedError."""
        text = str(self.query.get("limit", self.body.get("limit", default)))
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise RefusedError(400, "INVALID", f"limit must be 1 to {most}")
        return int(text)

    def points(self, name: str, *, signed: bool, within: Document | None = None) -> int:
        """A number of points. Raises RefusedError."""
        value = (self.body if within is None else within).get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value == 0 or (value < 0 and not signed):
            raise RefusedError(400, "INVALID", f"{name} must be a number of points")
        return value


Handler = Callable[[Books, Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a program. reads: whether it changes nothing. path: a regular expression of the whole."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    reads: bool = True


def route(method: str, path: str, handler: Handler, *, reads: bool = True) -> Route:
    """A path in which ``{}`` stands for an id."""
    return Route(method, re.compile(re.escape(path).replace(r"\{\}", "([^/]+)")), handler, reads=reads)


@dataclass(frozen=True, slots=True)
class Flavour:
    """A program: its paths, what a call must carry, and what it answers while it is busy."""

    routes: tuple[Route, ...]
    headers: tuple[str, ...]
    busy: int = 423
    event: Callable[[str, Member, int], Document] | None = None
    signature: Callable[[str, str, bytes], dict[str, str]] | None = None
