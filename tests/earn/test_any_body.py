"""Whatever a service sends, it is an answer, events, or a sentence, and never another exception."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.earn.door import understand
from milestones.earn.handshake import Answer
from milestones.earn.reading import Unneeded, Unread, Wanted
from tests.earn.samples import SAMPLES, received, rule_of

RULES = {preset: rule_of(preset) for preset in SAMPLES}
WORDS = sorted(
    {
        word
        for sample in SAMPLES.values()
        for word in json.dumps(sample.body).split('"')
        if word.isidentifier()
    }
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(
            [*WORDS, "ada@example.com", "event", "\0", "like", "feed", "add", "email", "follow", "created"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=15,
)


def mixed(sample: Any, values: list[Any]) -> Any:
    """A sample in which some values are others."""
    if isinstance(sample, dict):
        return {key: mixed(value, values) for key, value in sample.items()}
    if isinstance(sample, list):
        return [mixed(value, values) for value in sample]
    return values.pop() if values and len(values) % 2 else sample


@pytest.mark.parametrize("preset", SAMPLES)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        VALUES.map(lambda value: json.dumps(value).encode()),
        st.lists(VALUES, max_size=6),
    )
)
def test_any_bytes_are_understood_or_a_sentence(preset: str, body: bytes | list[Any]) -> None:
    if isinstance(body, list):
        body = json.dumps(mixed(SAMPLES[preset].body, body)).encode()
    understood: object
    try:
        understood = understand(RULES[preset], received(body, SAMPLES[preset].received().headers))
    except ValueError as error:
        understood = str(error)
    match understood:
        case str():
            assert understood[0].islower()
        case list():
            assert all(isinstance(one, Wanted | Unneeded | Unread) for one in understood)
        case _:
            assert isinstance(understood, Answer)
