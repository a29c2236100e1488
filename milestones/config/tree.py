"""The tree of tables that a configuration may have, read off its models."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from milestones.config.faults import Where

Node = type[BaseModel] | None


def alternatives(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation stands for: unions and Annotated opened, None left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from alternatives(part)
    elif annotation is not type(None):
        yield annotation


def table_of(annotation: Any) -> Node:
    """The table that a key holds, if it holds one."""
    for part in alternatives(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def entry_of(annotation: Any) -> Any:
    """What a list holds, or what any key of a free table holds; None where it is neither."""
    for part in alternatives(annotation):
        if get_origin(part) is tuple:
            return get_args(part)[0]
        if get_origin(part) is dict:
            return get_args(part)[1]
    return None


def child(annotation: Any, part: str | int) -> Any:
    """The annotation of what lies under one more part of a path; None where there can be nothing."""
    table = table_of(annotation)
    if table is not None:
        field = table.model_fields.get(str(part))
        # Constraints of a field live apart from its annotation; only the shape is wanted here.
        return None if field is None else field.annotation
    return entry_of(annotation)


def known_keys(root: type[BaseModel], path: Where) -> list[str]:
    """The keys that the table at a path may have; none where there is no table."""
    annotation: Any = root
    for part in path:
        annotation = child(annotation, part)
    table = table_of(annotation)
    return [] if table is None else list(table.model_fields)
