"""Where in a TOML file a key stands: the parser of the standard library does not tell."""

import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import tree_sitter
import tree_sitter_toml

from milestones.config.faults import Where


class Place(NamedTuple):
    """Line and column of a key, both from 1; the column counts characters, as editors do."""

    line: int
    column: int


def places(text: str) -> dict[Where, Place]:
    """The place of every key, table and list entry of a valid file. Dotted keys name each of their parts."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
    result: dict[Where, Place] = {}
    for path, node in _document(parser.parse(text.encode()).root_node):
        # A table can be opened more than once, ([a.b] and [a]): the first place is where a person looks.
        result.setdefault(path, _place(node))
    return result


def _place(node: tree_sitter.Node) -> Place:
    row, column = node.start_point
    # Tree-sitter counts bytes, so the line's beginning is decoded up to there.
    line = _root(node).text or b""
    before = line[node.start_byte - column : node.start_byte]
    return Place(row + 1, len(before.decode()) + 1)


def _root(node: tree_sitter.Node) -> tree_sitter.Node:
    while node.parent is not None:
        node = node.parent
    return node


Found = tuple[Where, tree_sitter.Node]


def _document(root: tree_sitter.Node) -> Iterator[Found]:
    counts: dict[Where, int] = {}
    for node in root.named_children:
        if node.type == "pair":
            yield from _pair(node, ())
        elif node.type in ("table", "table_array_element"):
            key, *pairs = node.named_children
            path: Where = ()
            for part in _parts(key):
                path = _enter((*path, part), counts)
                yield path, key
            if node.type == "table_array_element":
                path = _open(path, counts)
                yield path, key
            for pair in pairs:
                if pair.type == "pair":
                    yield from _pair(pair, path)


def _enter(path: Where, counts: dict[Where, int]) -> Where:
    """A header names a list; what follows belongs to its latest entry."""
    return (*path, counts[path] - 1) if path in counts else path


def _open(path: Where, counts: dict[Where, int]) -> Where:
    """The next entry of the list that a ``[[header]]`` names."""
    if path and isinstance(path[-1], int):
        path = path[:-1]
    counts[path] = counts.get(path, 0) + 1
    return (*path, counts[path] - 1)


def _pair(pair: tree_sitter.Node, above: Where) -> Iterator[Found]:
    key, value = (node for node in pair.named_children if node.type != "comment")
    path = above
    for part in _parts(key):
        path = (*path, part)
        yield path, key
    yield from _value(value, path)


def _value(value: tree_sitter.Node, path: Where) -> Iterator[Found]:
    inner = [node for node in value.named_children if node.type != "comment"]
    if value.type == "inline_table":
        for pair in inner:
            yield from _pair(pair, path)
    elif value.type == "array":
        for position, entry in enumerate(inner):
            yield (*path, position), entry
            yield from _value(entry, (*path, position))


def _parts(key: tree_sitter.Node) -> list[str]:
    if key.type == "dotted_key":
        return [part for node in key.named_children for part in _parts(node)]
    text = (key.text or b"").decode()
    if key.type == "quoted_key":
        (text,) = tomllib.loads(f"{text} = 0")
    return [text]
