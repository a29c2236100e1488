"""Questions to JSON that a shop writes: JMESPath (jmespath.org), with bounds.

The language has no loops and reads nothing but the document. What bounds an evaluation beside the length of the
expression is the size of the document (``require_bounded``).
"""

from dataclasses import dataclass, field
from typing import Any, Self

LONGEST = 500
"""Characters of an expression."""

DEEPEST = 64
MOST_VALUES = 100_000
"""How deep a document may be nested, and how many values it may hold: far more than an event has."""


@dataclass(frozen=True, slots=True)
class JmesPath:
    """A compiled expression (``domain.earn.Expression``). Two are equal if their texts are."""

    text: str
    _compiled: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError with a predicate."""
        # Imported here because hardly any configuration asks for it.
        import jmespath  # noqa: PLC0415

        if len(text) > LONGEST:
            raise ValueError(f"must be an expression of at most {LONGEST} characters")
        try:
            compiled = jmespath.compile(text)
        except RecursionError:
            raise ValueError("is an expression that is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"is no expression in JMESPath: {_first_line(error)}") from None
        _require_functions(compiled.parsed)
        return cls(text, compiled)

    def find(self, document: Any) -> Any:
        """What it finds in a document; None for nothing. Raises ValueError with a predicate, and without a value."""
        try:
            return self._compiled.search(document)
        except (ValueError, ArithmeticError, RecursionError, TypeError):
            # The library's own words quote what it found.
            raise ValueError("cannot be evaluated: a function meets a value that it cannot take") from None


def _first_line(error: ValueError) -> str:
    line = str(error).partition("\n")[0].strip().rstrip(":")
    line = line.rpartition("jmespath expression: ")[2]
    return f"{line[:1].lower()}{line[1:]}"


def _require_functions(parsed: Any) -> None:
    """Raise ValueError for a function that there is not, or that takes another number of values: the library would only
    tell when an event comes.
    """
    from jmespath.functions import Functions  # noqa: PLC0415

    table = Functions.FUNCTION_TABLE
    waiting = [parsed]
    while waiting:
        node = waiting.pop()
        waiting += [child for child in node.get("children", ()) if isinstance(child, dict)]
        if node["type"] != "function_expression":
            continue
        name, given = node["value"], len(node["children"])
        if name not in table:
            raise ValueError(f"has the function {name}, which JMESPath does not have")
        signature = table[name]["signature"]
        variadic = bool(signature) and bool(signature[-1].get("variadic"))
        if given != len(signature) and not (variadic and given >= len(signature)):
            raise ValueError(f"gives {name} {given} values; it takes {len(signature)}")


def require_bounded(document: Any) -> None:
    """Raise ValueError with a predicate for a document that is nested too deeply or holds too many values."""
    waiting = [(document, 1)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} deep")
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        seen += len(inside)
        if seen > MOST_VALUES:
            raise ValueError(f"holds more than {MOST_VALUES:,} values")
        waiting += [(one, depth + 1) for one in inside if isinstance(one, dict | list)]
