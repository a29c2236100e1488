"""Files that want to hurt: a sentence, and nothing lost of what can be read."""

import io
import resource
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.errors import UsageError
from milestones.formats.tables import table, text, workbook
from milestones.formats.tables.table import Broken, Row, open_table
from milestones.sync.importing.file import open_file
from milestones.sync.importing.numbers import NumberError, Style
from milestones.sync.importing.rows import Choices
from milestones.sync.importing.staging import opened_staging

SHEET = """<?xml version="1.0" encoding="UTF-8"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"""
BOOK = """<?xml version="1.0" encoding="UTF-8"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
 <sheet name="Customers" sheetId="1" r:id="r1"/></sheets></workbook>"""
ROOT = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
</Relationships>"""
TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"""


def cell(value: str | float) -> str:
    if isinstance(value, str) and value.startswith("="):
        return f'<c t="str"><f>{value[1:]}</f><v>what it came to</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def a_workbook(path: Path, *rows: tuple[str | float, ...], more: str = "") -> Path:
    written = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", ROOT)
        book = BOOK.replace(
            "</sheets>", f'<sheet name="{more}" sheetId="2" r:id="r1"/></sheets>' if more else "</sheets>"
        )
        archive.writestr("xl/workbook.xml", book)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/sheet1.xml", SHEET.format(rows=written))
    return path


_TEXT = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
_NUMBER = '<table:table-cell office:value-type="float" office:value="52620"><text:p>52,620</text:p></table:table-cell>'
ODS = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="Customers"><table:table-row>{
    _TEXT.format("E-mail")
}{_TEXT.format("Points")}</table:table-row><table:table-row>{_TEXT.format("ada@example.com")}{
    _NUMBER
}</table:table-row></table:table>
</office:spreadsheet></office:body></office:document-content>"""
MANIFEST = """<?xml version="1.0"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"""


def test_an_ods_tells_its_numbers_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "points.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", ODS)
    assert outcome(path) == ({"ada@example.com": 52620}, {})


def outcome(path: Path) -> tuple[dict[str, int | None], dict[int, str]]:
    with opened_staging() as staging:
        list(staging.load(open_file(path, {}, Choices())))
        points = {entry.person: entry.points for batch in staging.list_batches(100) for entry in batch}
        return points, {line: why for line, why, _ in staging.list_rejected()}


def test_a_workbook_tells_its_numbers_as_numbers(tmp_path: Path) -> None:
    path = a_workbook(
        tmp_path / "named.csv",
        ("Email", "Points"),
        ("ada@example.com", 52620),
        ("bob@example.com", 12.5),
        ("kim@example.com", '=HYPERLINK("http://evil.example")'),
    )
    points, rejected = outcome(path)
    assert points == {"ada@example.com": 52620}
    assert "no whole number" in rejected[3]
    assert "no number" in rejected[4]


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (
            [("About this export",), ("call kim@example.com",)],
            "Its first row holds 'About this export', and headings must",
        ),
        ([("About this export",)], "nothing below it"),
        ([], "has no rows"),
        ([("Email", "Tier"), ("ada@example.com", "Gold")], "holds 'Email', 'Tier', and"),
        ([("ada@example.com", "Gold")], "is none of headings, and has 2 cells"),
    ],
)
def test_a_sheet_that_is_no_table_says_what_was_seen_and_names_the_others(
    tmp_path: Path, rows: list[tuple[str]], part: str
) -> None:
    path = a_workbook(tmp_path / "points.xlsx", *rows, more="Members")
    with pytest.raises(UsageError) as refusal:
        open_file(path, {}, Choices())
    assert part in str(refusal.value)
    assert "another sheet beside this one, 'Members': --sheet 'Members' reads it." in str(refusal.value)
    assert "@" not in str(refusal.value)


def test_a_workbook_that_unpacks_to_very_much_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_UNPACKED", 100_000)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "0" * 200_000)
    with pytest.raises(UsageError, match="unpacks to more than"):
        open_table(path)


@pytest.mark.parametrize("length", [4, 30, 300])
def test_a_damaged_workbook_is_a_sentence(tmp_path: Path, length: int) -> None:
    path = a_workbook(tmp_path / "whole.xlsx", ("Email", "Points"), ("ada@example.com", 5))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UsageError, match="damaged"):
        open_table(path)


def test_what_is_a_zip_and_no_workbook_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"x")
    with pytest.raises(UsageError, match="cannot be read as a workbook"):
        open_table(path)
    with pytest.raises(UsageError, match="no sheet 'Else'"):
        open_table(a_workbook(tmp_path / "whole.xlsx", ("Email",)), sheet="Else")


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"%PDF-1.7"])
def test_archives_and_documents_are_refused(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "points.csv"
    path.write_bytes(start + b"whatever")
    with pytest.raises(UsageError, match="Give the table that is in it"):
        open_table(path)


def test_a_line_without_an_end_is_left_out_and_the_next_ones_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1000)
    path = tmp_path / "points.csv"
    path.write_text("email,points\n" + "x" * 100_500 + "\nada@example.com,5\n")
    points, rejected = outcome(path)
    assert points == {"ada@example.com": 5}
    assert "characters" in rejected[2]
    path.write_text("x" * 100_500)
    with pytest.raises(UsageError, match="that is no table"):
        open_table(path)


def test_a_row_of_very_many_cells_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("email,points\nada@example.com,5\n" + "," * 10_000 + "\n")
    points, rejected = outcome(path)
    assert points == {"ada@example.com": 5}
    assert "more than 500 cells" in rejected[3]


def test_keys_without_end_are_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    path.write_text("".join(f'{{"key{number}": 1}}\n' for number in range(table.MOST_COLUMNS + 1)))
    with pytest.raises(UsageError, match="different keys"):
        open_table(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    try:
        file = open_file(path, {}, Choices())
    except UsageError:
        return
    with opened_staging() as staging:
        list(staging.load(file))


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)), max_size=5
    )
)
def test_what_a_quoted_file_holds_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    import csv

    path = tmp_path_factory.getbasetemp() / "quoted"
    held = [("a heading", "another"), *((one, "x") for (one,) in rows)]
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(held)
    path.write_text(written.getvalue(), newline="")
    assert [row.cells for row in open_table(path).rows() if isinstance(row, Row)] == held


@given(st.integers(0, 999_999_999), st.sampled_from([",", ".", " ", "'", "\u00a0", "\u202f"]))
def test_a_grouped_number_is_read_as_it_was_written_or_refused(number: int, mark: str) -> None:
    style = Style()
    written = f"{number:,}".replace(",", mark)
    style.look(written, 1)
    assert style.fault("points") is None
    assert style.read(written) == number


@given(st.from_regex(r"[-+]?[0-9., ']{1,12}", fullmatch=True))
def test_no_number_is_read_that_is_not_written_there(written: str) -> None:
    style = Style()
    style.look(written, 1)
    try:
        read = style.read(written)
    except NumberError:
        return
    if read is not None:
        digits = "".join(filter(str.isdigit, written))
        assert str(abs(read)) in {
            digits.lstrip("0") or "0",
            *(digits[:-cut].lstrip("0") or "0" for cut in range(1, 12)),
        }


def test_rows_that_cannot_be_read_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "points.jsonl"
    path.write_text('{"email": "a@b.example", "points": 1}\n{"email": \n')
    assert [type(row) for row in open_table(path).rows()] == [Row, Broken]


@pytest.mark.rare
def test_a_million_rows_need_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    with path.open("w") as out:
        out.write("Email,Name,Points,Opt-in\n")
        out.writelines(
            f'{number}@example.com,Ada,"1,{number % 1000:03}",yes\n' for number in range(1_000_000)
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with opened_staging() as staging:
        list(staging.load(open_file(path, {}, Choices())))
        assert sum(len(batch) for batch in staging.list_batches(500)) == 1_000_000
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes < 50_000
