import base64
import quopri
from pathlib import Path

import pytest

from tests.privacy.forensics import traces

PERSON = "Ödön.Ada+shop@example.com"


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("after", ["", "z", "yz"])
def test_a_person_inside_base64_is_found_wherever_they_begin(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(base64.b64encode(f"{before}{PERSON}{after}".encode()))
    assert traces([PERSON], [file]) == [("file", PERSON)]


def test_a_person_is_found_in_the_other_forms_and_not_where_they_are_not(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content in (
        PERSON.encode(),
        PERSON.casefold().encode(),
        b'{"email":"\\u00d6d\\u00f6n.Ada+shop@example.com"}',
        quopri.encodestring(PERSON.encode()),
        b"?to=%C3%96d%C3%B6n.Ada%2Bshop%40example.com",
    ):
        file.write_bytes(b"\0\1" + content + b"\2")
        assert traces([PERSON], [file]) == [("file", PERSON)]
    file.write_bytes(b"ada@example.com")
    assert traces([PERSON], [file, tmp_path / "no such file"]) == []
