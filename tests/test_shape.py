"""The house rules that a program can hold: what functions are called, what they say first, and how long things get."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE, LONGEST_FUNCTION = 350, 60
"""Lines. A file is meant to end at 300, and is split before this; of a function those behind its signature count."""

FILES = sorted(
    path
    for package in ("milestones", "wixsandbox")
    for path in (ROOT / package).rglob("*.py")
    # A migration is a list.
    if "migrations" not in path.parts
)
Function = ast.FunctionDef | ast.AsyncFunctionDef

IRREGULAR = frozenset(
    [
        "begun",
        "bound",
        "broken",
        "built",
        "chosen",
        "done",
        "drawn",
        "driven",
        "forgotten",
        "found",
        "frozen",
        "given",
        "gone",
        "heard",
        "held",
        "kept",
        "known",
        "left",
        "lost",
        "made",
        "meant",
        "met",
        "paid",
        "said",
        "seen",
        "sent",
        "shown",
        "spent",
        "spoken",
        "sold",
        "taken",
        "thought",
        "thrown",
        "told",
        "won",
        "written",
    ]
)
VERBS = frozenset(("exceed", "feed", "need", "proceed", "seed", "speed", "succeed"))
"""What ends like a participle and is a verb."""

PREPOSITIONS = frozenset(("", "at", "by", "for", "from", "in", "of", "since", "to", "under"))

WITHOUT_A_VERB = frozenset(
    [
        "A",
        "All",
        "An",
        "Every",
        "Everything",
        "Its",
        "Nothing",
        "One",
        "Some",
        "Something",
        "Such",
        "That",
        "The",
        "These",
        "This",
        "Those",
        "What",
        "When",
        "Where",
        "Whether",
        "Which",
        "Who",
        "Whom",
        "Whose",
        "Why",
    ]
)


def functions(path: Path) -> Iterator[Function]:
    """Functions and methods that others may call; not those inside of functions."""
    scopes: list[ast.Module | ast.ClassDef] = [ast.parse(path.read_text())]
    while scopes:
        for node in scopes.pop().body:
            if isinstance(node, ast.ClassDef):
                scopes.append(node)
            elif isinstance(node, Function):
                yield node


def is_property(function: Function) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def is_participle(name: str) -> bool:
    """Whether a name is one, alone or with a preposition: ``told``, ``changed_since``; not so ``known_keys``."""
    word, _, rest = name.partition("_")
    if rest.partition("_")[0] not in PREPOSITIONS:
        return False
    return word in IRREGULAR or (word.endswith("ed") and word not in VERBS)


def places(path: Path, faulty: Iterator[Function]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{function.lineno} {function.name}" for function in faulty]


def test_no_public_function_is_a_participle() -> None:
    found = [
        place
        for path in FILES
        for place in places(
            path,
            (
                function
                for function in functions(path)
                if is_participle(function.name) and not is_property(function)
            ),
        )
    ]
    assert found == [], "name what it does: a verb, or get_, find_, list_, count_ for a read"


def test_what_returns_nothing_says_what_it_does() -> None:
    found = [
        place
        for path in FILES
        for place in places(
            path,
            (
                function
                for function in functions(path)
                if function.returns is not None
                and ast.unparse(function.returns) == "None"
                and not function.name.startswith("_")
                # The help of the program, which is no sentence about the function.
                and "callback" not in "".join(map(ast.unparse, function.decorator_list))
                and (ast.get_docstring(function) or "").partition(" ")[0] in WITHOUT_A_VERB
            ),
        )
    ]
    assert found == [], "let its docstring begin with a verb"


def test_functions_fit_a_screen_and_files_a_sitting() -> None:
    long_files = [path for path in FILES if len(path.read_text().splitlines()) > LONGEST_FILE]
    long_functions = [
        place
        for path in FILES
        for place in places(
            path,
            (
                function
                for function in functions(path)
                if (function.end_lineno or 0) - function.body[0].lineno >= LONGEST_FUNCTION
                # What declares the parts of a thing, one a line, is a list too.
                and function.name != "__init__"
            ),
        )
    ]
    assert (long_files, long_functions) == ([], [])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("told", True),
        ("parsed", True),
        ("changed_since", True),
        ("seed", False),
        ("list_held", False),
        ("known_keys", False),
        ("_told", False),
    ],
)
def test_a_participle_is_told_from_a_verb(word: str, expected: bool) -> None:
    assert is_participle(word) is expected
