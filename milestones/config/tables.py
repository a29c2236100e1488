"""The tree of tables that a configuration may have, read off its models."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import UnionType
from typing import Annotated, Any, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from milestones.config.faults import Where

Node = type[BaseModel] | None


class Definition(Protocol):
    """A table that says a value of the domain."""

    def definition(self) -> Any:
        """As the rules know it: a frozen dataclass."""


@dataclass(frozen=True, slots=True)
class Written:
    """In ``Annotated``: a value of the domain, written as a table. Whoever reads the configuration has the value alone."""

    table: type[BaseModel]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, as_table: Callable[[Any], Definition]) -> Any:
            return value if isinstance(value, source) else as_table(value).definition()

        return core_schema.no_info_wrap_validator_function(
            read,
            handler.generate_schema(self.table),
            serialization=core_schema.plain_serializer_function_ser_schema(asdict),
        )


def alternatives(annotation: Any) -> Iterator[Any]:
    """The plain types that an annotation stands for: unions and Annotated opened, None left out. A value that is written
    as a table stands for the table.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        plain, *notes = get_args(annotation)
        tables = [note.table for note in notes if isinstance(note, Written)]
        yield from tables or alternatives(plain)
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
        field = _fields(table).get(str(part))
        return None if field is None else field.rebuild_annotation()
    return entry_of(annotation)


def known_keys(root: type[BaseModel], path: Where) -> list[str]:
    """The keys that the table at a path may have; none where there is no table."""
    annotation: Any = root
    for part in path:
        annotation = child(annotation, part)
    table = table_of(annotation)
    return [] if table is None else list(_fields(table))


def _fields(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table by the keys that a person writes."""
    return {field.alias or name: field for name, field in table.model_fields.items()}
