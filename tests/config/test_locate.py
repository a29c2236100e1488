"""Places of keys, compared with where they were put."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from milestones.config.faults import Where
from milestones.config.locate import Place, places

TEXT = """\
a = 1
"ü b".c = { x = 1, "y z" = [1, { q = 2 }] }  # remark
[daemon]
mode = "é"   # columns count characters: \u00e9
[[m.n]]
k = \"\"\"
x\"\"\"
[m.n.near]
w = 1
[[m.n]]
k = [ # remark
  1,
]
[[m.n.deep]]
z = 0
"""

EXPECTED: dict[Where, Place] = {
    ("a",): Place(1, 1),
    ("ü b", "c"): Place(2, 1),
    ("ü b", "c", "x"): Place(2, 13),
    ("ü b", "c", "y z", 1, "q"): Place(2, 34),
    ("daemon",): Place(3, 2),
    ("daemon", "mode"): Place(4, 1),
    ("m", "n", 0): Place(5, 3),
    ("m", "n", 0, "near"): Place(8, 2),
    ("m", "n", 0, "near", "w"): Place(9, 1),
    ("m", "n", 1): Place(10, 3),
    ("m", "n", 1, "k", 0): Place(12, 3),
    ("m", "n", 1, "deep", 0, "z"): Place(15, 1),
}


def test_every_kind_of_key_has_its_place() -> None:
    found = places(TEXT)
    assert {path: found[path] for path in EXPECTED} == EXPECTED


def _paths(value: Any, above: Where = ()) -> set[Where]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path for key, below in inner for path in ({(*above, key)} | _paths(below, (*above, key)))}


def test_the_whole_tree_is_found() -> None:
    assert _paths(tomllib.loads(TEXT)) <= set(places(TEXT))


names = st.text("abc", min_size=1, max_size=2)
values = st.sampled_from(["1", "'x'", "[1, 2]", "{ p = 1, q = { r = [{}] } }"])
lines = st.one_of(
    st.builds("{} = {}".format, names, values),
    st.builds("[{}.{}]".format, names, names),
    st.builds("[[{}]]".format, names),
    st.builds("[[{}.{}]]".format, names, names),
    st.just("# remark ü"),
)


@given(st.lists(lines, max_size=8))
def test_any_valid_file_is_found_whole(written: list[str]) -> None:
    text = "\n".join(written)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert _paths(tree) <= set(places(text))
