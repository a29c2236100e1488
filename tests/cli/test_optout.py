import json
from pathlib import Path

from tests.cli.conftest import Call
from tests.cli.filled import filled


def test_a_list_goes_in_and_comes_out_without_an_address(tmp_path: Path, call: Call) -> None:
    config = filled(tmp_path)
    listed = tmp_path / "list.csv"
    listed.write_bytes(b"\xef\xbb\xbfName,Email\r\nAda,ada@example.com\r\nEve,eve@example.com\r\n")
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.out) == (0, "2 entries added, 0 known before.\n")
    told = call("optout", "import", listed, "-c", config, "--json")
    assert '"known": 2' in told.out
    out = tmp_path / "out.csv"
    assert call("optout", "export", out, "-c", config).out == f"2 entries written to {out}.\n"
    lines = out.read_text().splitlines()
    assert lines[0] == "address_key,reason,recorded_at"
    assert [line.split(",")[1] for line in lines[1:]] == ["imported", "imported"]
    assert "@" not in out.read_text()
    assert call("optout", "export", "-", "-c", config).out.splitlines() == lines
    told = call("optout", "import", out, "-c", config)
    assert told.out == "0 entries added, 2 known before.\n"


def test_what_cannot_be_read_is_named_and_the_rest_is_imported(tmp_path: Path, call: Call) -> None:
    config = filled(tmp_path)
    listed = tmp_path / "list.csv"
    listed.write_text("ada@example.com\nnobody\n\neve@example.com\n@\nx\n")
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.out) == (1, "2 entries added, 0 known before; 3 rows refused.\n")
    assert told.err.startswith("Lines 2, 5-6 were not imported: no mail address can be read there")
    told = call("optout", "import", listed, "-c", config, "--json")
    assert told.code == 1
    assert json.loads(told.out) == {"added": 0, "known": 2, "refused": [2, 5, 6]}
    listed.write_bytes("jörg@exämple.com".encode("latin-1"))
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.out) == (1, "0 entries added, 0 known before; 1 row refused.\n")
    assert told.err.startswith("Line 1 was not imported")
    assert "save it as CSV in UTF-8" in told.err
    assert "jörg" not in told.err


def test_a_file_that_says_nothing_is_no_success(tmp_path: Path, call: Call) -> None:
    config = filled(tmp_path)
    listed = tmp_path / "list.csv"
    listed.write_text("")
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.err) == (2, "The file is empty. Nothing was imported.\n")
    missing = call("optout", "import", tmp_path / "missing.csv", "-c", config)
    assert (missing.code, "No such file" in missing.err) == (1, True)
    # An export of an empty list can be imported again.
    exported = call("optout", "export", "-", "-c", config).out
    assert exported.splitlines() == ["address_key,reason,recorded_at"]
    listed.write_text(exported)
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.out) == (0, "0 entries added, 0 known before.\n")
