"""Any valid TOML gets settings or sentences, and never another exception."""

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from milestones.config import Settings, parse
from milestones.config.faults import Where
from milestones.config.tables import child, entry_of, known_keys, table_of
from milestones.errors import ConfigurationError
from milestones.shipped import sample_config

SAMPLE = tomllib.loads(sample_config())
SHIPPED = Path(__file__).parents[2] / "config.toml"


def _known(annotation: Any) -> set[str]:
    table = table_of(annotation)
    if table is None:
        entry = entry_of(annotation)
        return _known(entry) if table_of(entry) else set()
    return {name for key in table.model_fields for name in ({key} | _known(child(annotation, key)))}


KEYS = [*sorted(_known(Settings)), "oops", "env", "file", "two words"]
TEXTS = [
    "",
    "x",
    "1h",
    "1 per 7d",
    "../..",
    "every",
    "smtp",
    "https://[",
    "a@b",
    "%",
    "\n",
    "-----BEGIN",
    "é",
]

scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(TEXTS),
    st.just(1979),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case _:
            return str(value)


def read(tree: dict[str, Any], environ: dict[str, str]) -> None:
    """Any other exception than this one ends the test."""
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tree.items())
    with contextlib.suppress(ConfigurationError):
        assert parse(text, SHIPPED, environ).hash


def paths(value: Any, above: Where = ()) -> list[Where]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, below in inner for path in [(*above, key), *paths(below, (*above, key))]]


def changed(value: Any, path: Where, new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = changed(value[path[0]], path[1:], new)
    return copied


@given(st.sampled_from(paths(SAMPLE)), values)
def test_anything_in_the_place_of_anything(path: Where, value: Any) -> None:
    read(changed(SAMPLE, path, value), {})


@given(st.dictionaries(st.sampled_from(list(Settings.model_fields)), values, max_size=5))
def test_anything_at_all(tree: dict[str, Any]) -> None:
    read(tree, {})


@given(
    st.lists(st.sampled_from([*KEYS, "0", "9", "stars-1000", "", "_"]), min_size=1, max_size=5),
    st.one_of(st.sampled_from(TEXTS), values.map(toml)),
)
def test_any_override(parts: list[str], value: str) -> None:
    read(SAMPLE, {"MILESTONES_" + "__".join(parts): value})


def test_the_keys_of_every_table_are_known() -> None:
    assert known_keys(Settings, ("milestones", 0, "rewards", 0, "coupon"))[0] == "name"
    assert known_keys(Settings, ("nowhere",)) == []
