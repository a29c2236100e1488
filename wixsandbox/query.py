"""The filter language of query and search, as far as each Wix module implements it (docs/wix-api.md, 6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from wixsandbox.errors import InvalidError
from wixsandbox.wire import Document, comparable_date

R = TypeVar("R")
Kind = Literal["id", "text", "number", "date", "flag"]
Test = Callable[[Any], bool]

_EQUAL = frozenset({"$eq", "$ne", "$in", "$nin", "$hasSome", "$exists"})
_OPERATORS: Mapping[Kind, frozenset[str]] = {
    "id": _EQUAL | {"$startsWith"},
    "text": _EQUAL | {"$startsWith"},
    "number": _EQUAL | {"$lt", "$lte", "$gt", "$gte"},
    "date": _EQUAL | {"$lt", "$lte", "$gt", "$gte"},
    "flag": frozenset({"$eq", "$ne", "$exists"}),
}


@dataclass(frozen=True, slots=True)
class Field(Generic[R]):
    """A field that can be filtered: how to read it and what kind of value it holds.

    operators: the ones that this module confirms; by default all of the kind.
    filters, sorts: some fields can only be filtered, or only sorted.
    """

    get: Callable[[R], Any]
    kind: Kind
    operators: frozenset[str] | None = None
    filters: bool = True
    sorts: bool = True


Fields = Mapping[str, Field[R]]


def at(
    path: str, kind: Kind, operators: frozenset[str] | None = None, *, sorts: bool = True
) -> Field[Document]:
    """A field of a stored document, by its dotted path."""
    parts = path.split(".")

    def get(document: Document) -> Any:
        value: Any = document
        for part in parts:
            if not isinstance(value, dict):
                return None
            value = value.get(part)
        return value

    return Field(get, kind, operators, sorts=sorts)


def matcher(filter_: Document | None, fields: Fields[R], *, logical: bool = False) -> Callable[[R], bool]:
    """The filter as a function; raises `InvalidError` for fields and operators that the module does not know."""
    tests = [_clause(name, wanted, fields, logical) for name, wanted in (filter_ or {}).items()]
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def _clause(name: str, wanted: Any, fields: Fields[R], logical: bool) -> Callable[[R], bool]:
    if name in {"$and", "$or", "$not"}:
        return _logical(name, wanted, fields, logical)
    field = fields.get(name)
    if field is None or not field.filters:
        raise InvalidError(
            "query.filter", f"cannot filter by field '{name}'", "VALIDATION", "UNSUPPORTED_FIELD"
        )
    operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    if not operators:
        raise InvalidError("query.filter", f"has no operator for field '{name}'", "VALIDATION")
    tests = [_test(name, field, operator, value) for operator, value in operators.items()]
    get = field.get
    if len(tests) == 1:
        only = tests[0]
        return lambda record: only(get(record))
    return lambda record: (value := get(record), all(test(value) for test in tests))[1]


def _logical(name: str, wanted: Any, fields: Fields[R], logical: bool) -> Callable[[R], bool]:
    if not logical:
        raise InvalidError("query.filter", f"operator {name} is not supported", "VALIDATION")
    parts = wanted if isinstance(wanted, list) else [wanted]
    if not all(isinstance(part, dict) for part in parts):
        raise InvalidError("query.filter", f"operator {name} needs objects", "VALIDATION")
    tests = [matcher(part, fields, logical=True) for part in parts]
    if name == "$and":
        return lambda record: all(test(record) for test in tests)
    if name == "$or":
        return lambda record: any(test(record) for test in tests)
    return lambda record: not any(test(record) for test in tests)


def _test(name: str, field: Field[R], operator: str, wanted: Any) -> Test:
    allowed = _OPERATORS[field.kind] if field.operators is None else field.operators
    if operator not in allowed:
        raise InvalidError(
            "query.filter", f"operator {operator} is not supported for field '{name}'", "VALIDATION"
        )
    if operator == "$exists":
        if not isinstance(wanted, bool):
            raise InvalidError("query.filter", f"$exists of '{name}' must be true or false", "VALIDATION")
        return lambda value: (value is not None and value != []) is wanted
    if operator in {"$in", "$nin", "$hasSome"}:
        if not isinstance(wanted, list):
            raise InvalidError("query.filter", f"{operator} of '{name}' must be a list", "VALIDATION")
        return _membership(operator, {_value(name, field.kind, one) for one in wanted}, field.kind)
    if wanted is None and operator in {"$eq", "$ne"}:
        return _comparison(operator, None, field.kind)
    return _comparison(operator, _value(name, field.kind, wanted), field.kind)


def _membership(operator: str, wanted: set[Any], kind: Kind) -> Test:
    negative = operator == "$nin"

    def test(value: Any) -> bool:
        held = value if isinstance(value, list) else [value]
        return any(_to_stored(kind, one) in wanted for one in held) is not negative

    return test


def _comparison(operator: str, wanted: Any, kind: Kind) -> Test:
    if operator in {"$eq", "$ne"}:
        equal = operator == "$eq"

        def same(value: Any) -> bool:
            if isinstance(value, list):
                return (wanted in value) is equal
            return (_to_stored(kind, value) == wanted) is equal

        return same
    if operator == "$startsWith":
        prefix = str(wanted).casefold()
        return lambda value: isinstance(value, str) and value.casefold().startswith(prefix)
    if operator == "$lt":
        return lambda value: value is not None and _to_stored(kind, value) < wanted
    if operator == "$lte":
        return lambda value: value is not None and _to_stored(kind, value) <= wanted
    if operator == "$gt":
        return lambda value: value is not None and _to_stored(kind, value) > wanted
    return lambda value: value is not None and _to_stored(kind, value) >= wanted


def _to_stored(kind: Kind, value: Any) -> Any:
    return value[:-1] if kind == "date" and value is not None else value


def _value(name: str, kind: Kind, wanted: Any) -> Any:
    if kind == "flag" and isinstance(wanted, bool):
        return wanted
    if kind == "number" and isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return wanted
    if kind in {"id", "text"} and isinstance(wanted, str):
        return wanted
    if kind == "date" and isinstance(wanted, str):
        try:
            return comparable_date(wanted)
        except ValueError:
            pass
    raise InvalidError("query.filter", f"has a value of the wrong type for field '{name}'", "VALIDATION")
