"""What every operation gets, and how one is named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wixsandbox.errors import InvalidError, RefusedError, forbidden
from wixsandbox.events import Caller
from wixsandbox.wire import Document, Wire, parse
from wixsandbox.world import World

W = TypeVar("W", bound=Wire)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: its path parameters, its query parameters (dots nested), its JSON body."""

    path: dict[str, str]
    query: Document
    body: Document
    caller: Caller

    def parse(self, model: type[W]) -> W:
        """The body as a model; raises `InvalidError`."""
        return parse(model, self.body)

    def parse_query(self, model: type[W]) -> W:
        """The query parameters as a model; raises `InvalidError`."""
        return parse(model, self.query)


Handler = Callable[[World, Call], Document]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the tables of docs/wix-api.md. ``{name}`` in the path is a parameter."""

    name: str
    method: str
    path: str
    handler: Handler

    @property
    def reads(self) -> bool:
        """Whether it changes nothing: a query or search is a POST that reads."""
        return self.method == "GET" or self.path.endswith(("/query", "/search", "/count"))


def member_only(_world: World, _call: Call) -> Document:
    """An operation that only a signed-in member may call (docs/wix-api.md, 1)."""
    raise forbidden("This operation needs the identity of a site member")


def results_of(
    world: World, items: list[Any], perform: Callable[[World, Any], Document], *, full: bool = True
) -> Document:
    """A bulk answer: one result for each item, whether it worked or not (docs/wix-api.md, 5)."""
    results: list[Document] = []
    for index, item in enumerate(items):
        metadata: Document = {"originalIndex": index, "success": True}
        result: Document = {"itemMetadata": metadata}
        try:
            entity = perform(world, item)
        except RefusedError as error:
            metadata["success"] = False
            metadata["error"] = {"code": error.code, "description": error.description}
        except InvalidError as error:
            metadata["success"] = False
            metadata["error"] = {"code": "INVALID_ARGUMENT", "description": error.body()["message"]}
        else:
            if "id" in entity:
                metadata["id"] = entity["id"]
            if full:
                result["item"] = entity
        results.append(result)
    failures = sum(not one["itemMetadata"]["success"] for one in results)
    metadata = {"totalSuccesses": len(results) - failures, "totalFailures": failures, "undetailedFailures": 0}
    return {"results": results, "bulkActionMetadata": metadata}
