"""Which variables a template shows, and under which conditions: read from its syntax, without rendering it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, nodes

Path = tuple[str, ...]

_NOTHING: frozenset[Path] = frozenset()
_NONE: frozenset[Any] = frozenset()
_KEPT = 256
"""Files whose syntax is kept in memory: more than a shop has."""
# Nothing is rendered with it: what a template reads does not depend on how it is shown.
_SYNTAX = Environment(autoescape=True)
_BUILT_IN = frozenset({"loop", "super", "self", "caller", "varargs", "kwargs"})


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a template reads a variable.

    file: relative to the folder of the templates. path: as far as its names are constant.
    given: what is known to be defined there, because an ``is defined`` around it says so.
    asks: the template only asks whether it is there (``is defined``, ``default``).
    """

    file: str
    line: int
    path: Path
    given: frozenset[Path]
    asks: bool = False

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


class Reading(NamedTuple):
    """A file and what it extends, includes or imports: every use, and the names of the files.

    compared: constants that conditions compare a variable with, by its dotted path. filters: the names of its filters.
    """

    uses: list[Use]
    files: frozenset[str]
    compared: Mapping[str, Collection[Any]] = MappingProxyType({})
    filters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Reference:
    """Another file that is extended, included or imported, and where that is said."""

    file: str
    given: frozenset[Path]
    by: str
    line: int


class _File(NamedTuple):
    """What one file says by itself."""

    tree: nodes.Template
    assigned: frozenset[str]
    filters: frozenset[str]
    compared: frozenset[tuple[str, Any]]


def read(environment: Environment, name: str) -> Reading:
    """Reads a file with all that it refers to.

    Raises jinja2.TemplateNotFound if there is no such file, jinja2.TemplateSyntaxError for what is in it.
    """
    result: list[Use] = []
    local: set[str] = set()
    compared: dict[str, frozenset[Any]] = {}
    filters: set[str] = set()
    seen: set[tuple[str, frozenset[Path]]] = set()
    todo = [_Reference(name, _NOTHING, name, 0)]
    while todo:
        reference = todo.pop()
        if (reference.file, reference.given) in seen:
            continue
        seen.add((reference.file, reference.given))
        file = _parse(_source(environment, reference), reference.file)
        local |= file.assigned
        filters |= file.filters
        for path, constant in file.compared:
            compared[path] = compared.get(path, _NONE) | {constant}
        for item in _walk(file.tree, reference.file, reference.given):
            if isinstance(item, Use):
                result.append(item)
            else:
                todo.append(item)
    # A name set in one file is known in the others: a child's assignments reach the layout that it extends.
    known = local | _BUILT_IN | set(environment.globals)
    uses = sorted((use for use in result if use.path[0] not in known), key=lambda use: (use.file, use.line))
    return Reading(uses, frozenset(file for file, _ in seen), compared, frozenset(filters))


@lru_cache(maxsize=_KEPT)
def _parse(source: str, file: str) -> _File:
    """A start asks for every file several times, and for a layout once for each part of each mail."""
    tree = _SYNTAX.parse(source, file)
    filters = frozenset(node.name for node in tree.find_all(nodes.Filter))
    return _File(tree, frozenset(_list_assignments(tree)), filters, frozenset(_list_comparisons(tree)))


def _list_comparisons(tree: nodes.Template) -> Iterator[tuple[str, Any]]:
    for node in tree.find_all(nodes.Compare):
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        # Of what is done to a variable, such as lower or length, nobody knows which value gives the constant.
        paths = [".".join(path) for side in sides if (path := _path(side))]
        for side in sides:
            for item in side.items if isinstance(side, nodes.List | nodes.Tuple) else [side]:
                if isinstance(item, nodes.Const):
                    yield from ((path, item.value) for path in paths)


def _source(environment: Environment, reference: _Reference) -> str:
    assert environment.loader is not None
    try:
        source, _, _ = environment.loader.get_source(environment, reference.file)
    except TemplateNotFound as error:
        if not reference.line:
            raise
        raise TemplateSyntaxError(
            f"it refers to {reference.file!r}, which is not among the templates",
            reference.line,
            reference.by,
        ) from error
    return source


def _list_assignments(tree: nodes.Template) -> set[str]:
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    names |= {node.name for node in tree.find_all(nodes.Macro)}
    names |= {node.target for node in tree.find_all(nodes.Import)}
    for node in tree.find_all(nodes.FromImport):
        names |= {entry if isinstance(entry, str) else entry[1] for entry in node.names}
    return names


def _walk(node: nodes.Node, file: str, given: frozenset[Path]) -> Iterator[Use | _Reference]:
    match node:
        case nodes.If():
            yield from _walk_if(node, file, given)
        case nodes.CondExpr(test=test, expr1=first, expr2=second):
            yield from _walk(test, file, given)
            when_true, when_false = _facts(test)
            yield from _walk(first, file, given | when_true)
            if second is not None:
                yield from _walk(second, file, given | when_false)
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            yield from _walk(left, file, given)
            when_true, when_false = _facts(left)
            after = when_true if isinstance(node, nodes.And) else when_false
            yield from _walk(right, file, given | after)
        case nodes.Test(name="defined" | "undefined", node=asked):
            yield from _walk_test(asked, file, given)
        case nodes.Filter(name="default" | "d", node=nodes.Expr() as asked, args=args):
            yield from _walk_test(asked, file, given)
            for argument in args:
                yield from _walk(argument, file, given)
        case nodes.Extends() | nodes.Include() | nodes.Import() | nodes.FromImport():
            yield from _references(node, file, given)
        case nodes.Name(ctx="load") | nodes.Getattr() | nodes.Getitem():
            yield from _walk_output(node, file, given)
        case _:
            for child in node.iter_child_nodes():
                yield from _walk(child, file, given)


def _walk_if(node: nodes.If, file: str, given: frozenset[Path]) -> Iterator[Use | _Reference]:
    yield from _walk(node.test, file, given)
    when_true, when_false = _facts(node.test)
    for child in node.body:
        yield from _walk(child, file, given | when_true)
    for other in node.elif_:
        yield from _walk_if(other, file, given | when_false)
        when_false |= _facts(other.test)[1]
    for child in node.else_:
        yield from _walk(child, file, given | when_false)


def _facts(test: nodes.Node) -> tuple[frozenset[Path], frozenset[Path]]:
    """What a condition says is defined: where it holds, and where it does not."""
    match test:
        case nodes.Test(name="defined", node=asked) if path := _path(asked):
            return frozenset({path}), _NOTHING
        case nodes.Test(name="undefined", node=asked) if path := _path(asked):
            return _NOTHING, frozenset({path})
        case nodes.Not(node=inner):
            when_true, when_false = _facts(inner)
            return when_false, when_true
        case nodes.And(left=left, right=right):
            return _facts(left)[0] | _facts(right)[0], _NOTHING
        case nodes.Or(left=left, right=right):
            return _NOTHING, _facts(left)[1] | _facts(right)[1]
        case _:
            return _NOTHING, _NOTHING


def _walk_test(node: nodes.Node, file: str, given: frozenset[Path]) -> Iterator[Use | _Reference]:
    if path := _path(node):
        yield Use(file, node.lineno, path, given, asks=True)
    else:
        yield from _walk(node, file, given)


def _walk_output(node: nodes.Node, file: str, given: frozenset[Path]) -> Iterator[Use | _Reference]:
    if path := _path(node):
        yield Use(file, node.lineno, path, given)
    else:
        for child in node.iter_child_nodes():
            yield from _walk(child, file, given)


def _references(
    node: nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport, file: str, given: frozenset[Path]
) -> Iterator[_Reference]:
    # A name that is computed, or one of several, is only known when the template is tried.
    if isinstance(node.template, nodes.Const) and not getattr(node, "ignore_missing", False):
        yield _Reference(str(node.template.value), given, file, node.lineno)


def _path(node: nodes.Node) -> Path:
    """``coupon.code`` and ``coupon["code"]`` as their names; empty for what is no such chain."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return (name,)
        case (
            nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str(name)))
        ):
            base = _path(inner)
            return (*base, name) if base else ()
        case _:
            return ()
