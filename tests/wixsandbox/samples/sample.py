"""What a sample is."""

from dataclasses import dataclass, field
from typing import Any

from wixsandbox.api.call import Operation
from wixsandbox.wire import Document


@dataclass(frozen=True)
class Sample:
    """The path parameters, the query parameters and the body of a call, and the status that it has."""

    path: dict[str, str] = field(default_factory=dict)
    body: Document | None = None
    query: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    def url(self, operation: Operation) -> str:
        """The path with its parameters."""
        return operation.path.format_map(self.path)


FORBIDDEN = Sample(status=403)


def cursor_query(filter_: Document, *sort: str) -> Document:
    """A query with everything that it may have."""
    order = [{"fieldName": name, "order": "ASC"} for name in sort]
    return {"filter": filter_, "sort": order, "cursorPaging": {"limit": 5}}
