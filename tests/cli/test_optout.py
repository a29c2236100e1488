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


def test_a_faulty_file_changes_nothing(tmp_path: Path, call: Call) -> None:
    config = filled(tmp_path)
    listed = tmp_path / "list.csv"
    listed.write_text("ada@example.com\nnobody\n")
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Line 2 holds neither")
    listed.write_bytes("jörg@example.com".encode("latin-1"))
    assert "is not in UTF-8" in call("optout", "import", listed, "-c", config).err
    listed.write_text(f'"ada@example.com\n{"x" * 200_000}\n')
    told = call("optout", "import", listed, "-c", config)
    assert (told.code, told.err) == (
        2,
        "Line 2 is too long for a field: a quotation mark may not be closed. Nothing was imported; mend the file.\n",
    )
    missing = call("optout", "import", tmp_path / "missing.csv", "-c", config)
    assert (missing.code, "No such file" in missing.err) == (1, True)
    assert call("optout", "export", "-", "-c", config).out.splitlines() == ["address_key,reason,recorded_at"]
