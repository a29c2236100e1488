import json

import pytest

from wixsandbox import strict_json


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"a": [1, 2.5, "é☃😀", None, True]},
        10**40,
        "[" * 1000,
        [[]] * 1000,
        json.loads("[" * 100 + "]" * 100),
    ],
)
def test_what_can_be_answered_again_is_read(value: object) -> None:
    assert strict_json.read(json.dumps(value)) == value
    assert strict_json.read(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("NaN", "not a finite number"),
        ("[-Infinity]", "not a finite number"),
        ("1e999", "not a finite number"),
        ("9" * 5000, "integer string conversion"),
        (r'"\ud800"', "surrogates not allowed"),
        (r'{"\uDC00": 1}', "surrogates not allowed"),
        ("[" * 101 + "]" * 101, "nested too deep"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_could_not_be_answered_again_is_refused(text: str, reason: str) -> None:
    for one in (text, text.encode()):
        with pytest.raises(ValueError, match=reason):
            strict_json.read(one)


@pytest.mark.parametrize(
    "content", [b"\xff", b'"\xed\xa0\x80"', '"é"'.encode("latin-1"), '"x"'.encode("utf-16")]
)
def test_only_utf_8_is_read(content: bytes) -> None:
    with pytest.raises(ValueError, match="codec can't decode"):
        strict_json.read(content)
