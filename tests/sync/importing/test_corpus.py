"""Files as real programs export them, and what becomes of each: read, refused with a sentence, or read but for some rows.

Made by hand from what the programs document of their files; no customer is real.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from milestones.errors import UsageError
from milestones.sync.importing.fields import Field
from milestones.sync.importing.file import open_file
from milestones.sync.importing.numbers import Rounding
from milestones.sync.importing.rows import Choices
from milestones.sync.importing.staging import opened_staging


@dataclass(frozen=True)
class Case:
    """A file and its outcome. points: by whoever each row is for. rejected: a part of the reason, by line."""

    text: str
    points: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[int, str] = field(default_factory=dict)
    unwilling: frozenset[str] = frozenset()
    refused: str = ""
    chosen: Mapping[Field, str] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)
    mode: str | None = None
    adds: bool = False
    encoding: str = "utf-8"
    says: str | None = None
    pending: int = 0
    expiring: int = 0


ADA, BOB, KIM = "ada@example.com", "bob@example.com", "kim@example.com"
US = Choices(region="US")

CASES = {
    "wix: its own sample": Case(
        "Name,Email,Points balance,Redeemed points,Last activity\n"
        f"Ada Lovelace,{ADA},1200,300,2026-11-02\nBob,{BOB},0,0,\n",
        {ADA: 1200, BOB: 0},
    ),
    "smile: two columns": Case(f"email,points\n{ADA},120\n{BOB},990\n", {ADA: 120, BOB: 990}),
    "smile: a grouped number": Case(
        f'email,points\n{ADA},"52,620"\n{BOB},990\n',
        {ADA: 52620, BOB: 990},
        says="a comma groups thousands (line 2)",
    ),
    "smile: a grouped number that nobody quoted": Case(
        f"email,points\n{ADA},52,620\n{BOB},990\n", {BOB: 990}, rejected={2: "3 cells"}
    ),
    "a grouped number that nobody quoted, and no headings": Case(
        f"{ADA},52,620\n{BOB},990\n{KIM},1\n", {BOB: 990, KIM: 1}, rejected={1: "3 cells"}
    ),
    "an address with a mark that the file left there": Case(
        f"email,points\n\"r1@example.com,5\n'{BOB},6\n“{KIM}”,7\nmailto:{ADA},8\n<{ADA}>,9\no'neil@example.com,10\n",
        {"o'neil@example.com": 10},
        rejected={
            2: "'r1@example.com' would be one",
            3: f"'{BOB}' would be one",
            4: f"'{KIM}' would be one",
            5: f"'{ADA}' would be one",
            6: f"'{ADA}' would be one",
        },
    ),
    "empty cells at the end": Case(f"email,points\n{ADA},52,,\n", {ADA: 52}),
    "a comma that groups and one that divides": Case(
        f'email;points\n{ADA};"52,620"\n{BOB};12,5\n',
        refused="groups thousands in line 2 and begins a fraction in line 3",
    ),
    "a point that may be either": Case(
        f"email,points\n{ADA},1.250\n{BOB},1500\n", refused="may be thousands or a fraction"
    ),
    "thousands in every way": Case(
        f"email;points\n{ADA};1.234.567\n{BOB};1'234\n{KIM};1\u00a0234\ntom@example.com;1\u202f234\n",
        {ADA: 1234567, BOB: 1234, KIM: 1234, "tom@example.com": 1234},
    ),
    "fractions": Case(
        f"email,points\n{ADA},120.00\n{BOB},99.5\n", {ADA: 120}, rejected={3: "no whole number of points"}
    ),
    "fractions that somebody has rounded": Case(
        f"email,points\n{ADA},-0.5\n{BOB},99.5\n",
        {BOB: 100},
        rejected={2: "0 points change nothing"},
        choices=Choices(rounding=Rounding.UP, allow_negative=True),
        mode="add",
        adds=True,
    ),
    "yotpo: long form with birthdays and a duplicate": Case(
        "Full Name,First Name,Last Name,Email,Points Balance,Points Spent,Birthday (MM/DD),Email Opt-in\n"
        f"Ada L,Ada,L,{ADA},500,20,12/10,yes\nBob,Bob,,{BOB},70,0,01/31,no\nAda L,Ada,L,{ADA.upper()},510,20,12/10,yes\n"
        f"Kim,Kim,,{KIM},5,0,,unknown\nKim,Kim,,{KIM},5,0,,\n",
        {BOB: 70, KIM: 5},
        rejected={2: "in the lines 2, 4", 4: "in the lines 2, 4"},
        unwilling=frozenset({BOB}),
    ),
    "yotpo: an address with a comma, nobody, and no address": Case(
        f'Emails,Points\n"ada@gmail,com",5\nN/A,7\nbob,9\n{KIM},\n',
        rejected={
            2: "'ada@gmail.com' would be one",
            3: "neither a mail address nor a telephone number",
            4: "no mail address",
            5: "An empty cell is not taken for 0",
        },
    ),
    "rivo: tiers and credits": Case(
        f"Email,Points Balance,Birthdate,VIP Tier,Activation Date,Credits Balance\n{ADA},77,,Gold,2024-01-02,12.50\n",
        {ADA: 77},
    ),
    "rivo: a history": Case(
        "customer_id,email,points_amount,applied_at\n"
        f"1,{ADA},100,2026-01-01\n1,{ADA},30,2026-02-01\n2,{BOB},10,2026-02-03\n",
        {BOB: 10},
        rejected={2: "in the lines 2, 3", 3: "in the lines 2, 3"},
    ),
    "rivo: a history that is added up": Case(
        "customer_id,email,points_amount,applied_at\n"
        f"1,{ADA},100,2026-01-01\n1,{ADA},-30,2026-02-01\n2,{BOB},10,2026-02-03\n3,{KIM},5,x\n3,{KIM},ten,x\n",
        {ADA: 70, BOB: 10},
        rejected={5: "Another row of this customer was rejected", 6: "no number"},
        choices=Choices(sums=True, allow_negative=True),
        mode="add",
        adds=True,
    ),
    "rivyo: dates with the day first": Case(
        f"Email,Points Balance,Birthdate,Points Expiry,Created At\n{ADA},31,31-12-1990,31-12-2027,01-02-2024\n"
        f"{BOB},9,,,\n",
        {ADA: 31, BOB: 9},
        expiring=31,
    ),
    "stamped 2.0: points to set and to add": Case(
        f"first_name,last_name,email,points,add_points,birthday,vip_tier\nAda,L,{ADA},500,20,,\n",
        refused="'points' (line 2) and points to be added in 'add_points' (line 2)",
    ),
    "stamped 2.0: nothing to add": Case(
        f"first_name,last_name,email,points,add_points,birthday,vip_tier\nAda,L,{ADA},500,,,\n", {ADA: 500}
    ),
    "stamped 2.0: nothing to set": Case(
        f"first_name,last_name,email,points,add_points,birthday,vip_tier\nAda,L,{ADA},,20,,\n",
        {ADA: 20},
        adds=True,
    ),
    "loyaltylion: renamed headings and three kinds of points": Case(
        "E-mail;Customer name;Points (approved);Points (pending);Points total;Points lifetime\n"
        f"{ADA};Ada;500;25;525;900\n{BOB};Bob;10;5;15;15\n",
        {ADA: 500, BOB: 10},
        pending=30,
    ),
    "loyaltylion: two columns that may be the balance": Case(
        f"Email,Points,Points approved\n{ADA},525,500\n",
        refused="'Points' and 'Points approved' may both be the balance",
    ),
    "two columns of one heading": Case(
        f"Email,Points,points\n{ADA},525,500\n", refused="'Points' and 'points' may both be the balance"
    ),
    "two columns of the very same heading": Case(
        f"Email,Points,Name,Points\n{ADA},525,Ada,500\n",
        refused="2 ('Points') and 4 ('Points') may both be the balance, and the wrong one would spoil it for everybody. "
        "Say which: --column balance=2.",
    ),
    "a person's word by number, where two columns have one heading": Case(
        f"Email,Points,Name,Points\n{ADA},525,Ada,500\n", {ADA: 500}, chosen={Field.BALANCE: "4"}
    ),
    "a history of which one row cannot be read": Case(
        f"email,points,date\n{ADA},10,2026-01-01\n{ADA},-3,2026-01-02\n{BOB},5,2026-01-02\n{KIM},x,\n{KIM},7,\n",
        {BOB: 5},
        rejected={2: "Another row", 3: "below 0", 5: "no number", 6: "Another row"},
    ),
    "a row that is given again without its points": Case(
        f"email,points\n{ADA},10\n{ADA},\n", {ADA: 10}, rejected={3: "An empty cell is not taken for 0"}
    ),
    "loyaltylion: two columns, and a person's word": Case(
        f"Email,Points,Points approved\n{ADA},525,500\n",
        {ADA: 500},
        chosen={Field.BALANCE: "Points Approved"},
    ),
    "loyaltylion: without headings": Case(f"{ADA},12\n{BOB},40\n", {ADA: 12, BOB: 40}),
    "toast: telephone numbers alone": Case(
        "Phone,Point Balance\n4155550100,80\n(415) 555-0101,20\n+14155550100,80\nbanana,5\n",
        {"+14155550100": 80, "+14155550101": 20},
        rejected={5: "telephone number cannot be read"},
        choices=US,
    ),
    "toast: nobody says of which country": Case(
        "Phone,Point Balance\n4155550100,80\n", rejected={2: "--region US"}
    ),
    "square: a directory with three words of consent and no points": Case(
        "First Name,Last Name,Email Address,Phone Number,Email Subscription Status\n"
        f"Ada,,{ADA},,Subscribed\nBob,,{BOB},,Unsubscribed\nKim,,{KIM},,Unknown\nTom,,tom@example.com,,perhaps\n",
        rejected={5: "says neither yes nor no"},
        unwilling=frozenset({BOB}),
    ),
    "loylap: two card numbers in a cell": Case(
        "ID,Name,First Name,Last Name,Email,Username,Status (1/0),Phone_Number,Account_Number,Cash_Balance,Stamp_Balance\n"
        f"7,Ada L,Ada,L,{ADA},ada,1,,6001;6002,2.50,9\n",
        {ADA: 9},
    ),
    "loyoly: without headings": Case(
        f"17,{ADA},Lovelace,Ada,500,yes,1200\n18,{BOB},Bob,Bob,20,no,80\n",
        refused="its columns 1, 5, 7 all hold numbers",
    ),
    "loyoly: without headings, and a person's word": Case(
        f"17,{ADA},Lovelace,Ada,500,yes,1200\n18,{BOB},Bob,Bob,20,no,80\n",
        {ADA: 500, BOB: 20},
        chosen={Field.BALANCE: "5", Field.CONSENT: "6"},
        unwilling=frozenset({BOB}),
    ),
    "talon.one: balances by an id of its own": Case(
        "loyaltyProgramID,loyaltySubledger,profileIntegrationID,currentBalance,pendingBalance,expiredBalance,spentBalance,"
        "currentTier\n5,,customer-17,120.0,0,0,0,Gold\n",
        refused="'profileIntegrationID' alone, an id of the other program",
    ),
    "voucherify: cards by their code": Case(
        "Code,Active,Loyalty Points,Category,Season\nLC-1,true,120,New,Winter\n", refused="'Code' alone"
    ),
    "german excel: semicolons, Windows-1252 and a comma for fractions": Case(
        f"E-Mail;Vorname;Punkte\n{ADA};Jürgen;1.234,00\n{BOB};Käthe;12,00\n",
        {ADA: 1234, BOB: 12},
        encoding="cp1252",
        says="a comma begins a fraction (line 2)",
    ),
    "excel: Unicode text": Case(f"Email\tPoints\r\n{ADA}\t12\r\n", {ADA: 12}, encoding="utf-16"),
    "excel: Unicode text without its mark": Case(
        f"Email\tPoints\r\n{ADA}\t12\r\n", {ADA: 12}, encoding="utf-16-le"
    ),
    "excel: a first line that names the separator": Case(f"sep=|\nEmail|Points\n{ADA}|12\n", {ADA: 12}),
    "a mark of UTF-8": Case(f"Email,Points\n{ADA},12\n", {ADA: 12}, encoding="utf-8-sig"),
    "old line ends": Case(f"Email,Points\r{ADA},12\r{BOB},13\r", {ADA: 12, BOB: 13}),
    "a shortened telephone number": Case(
        "Phone,Points\n1.23E+10,80\n", refused="was shortened by a spreadsheet", choices=US
    ),
    "shortened points": Case(f"Email,Points\n{ADA},1.2E+05\n", rejected={2: "last digits are lost"}),
    "an empty file": Case("", refused="is empty"),
    "blank lines": Case("\n \n\n", refused="nothing but blank lines"),
    "a header alone": Case("Email,Points\n", refused="nothing below it"),
    "below 0, and too much": Case(
        f"Email,Points\n{ADA},-5\n{BOB},1000000000\n{KIM},999999999\n",
        {KIM: 999999999},
        rejected={2: "below 0", 3: "more than Wix keeps"},
    ),
    "more than can be added at once": Case(
        f"Email,Bonus points\n{ADA},10000000\n{BOB},9999999\n{KIM},-1\n",
        {BOB: 9999999},
        rejected={2: "more than Wix adds at once", 4: "--allow-negative"},
        adds=True,
    ),
    "formulas": Case(
        f'Email,Name,Points\n"=HYPERLINK(""http://evil.example"",""ada@example.com"")",Ada,5\n{BOB},=1+1,6\n{KIM},K,=2*3\n',
        rejected={2: "a formula", 3: "a formula", 4: "a formula"},
    ),
    "a quotation mark that nobody closed": Case(
        f'Email,Name,Points\n{ADA},"Ada,5\n{BOB},Bob,6\n', {BOB: 6, ADA: 5}
    ),
    "a cell over two lines": Case(f'Email,Name,Points\n{ADA},"Ada\nLovelace",5\n', {ADA: 5}),
    "NULs": Case(
        f"Email,Points\n{ADA}\0,5\n{BOB},6\n", {BOB: 6}, rejected={2: "characters that no text has"}
    ),
    "json lines": Case(
        f'{{"email": "{ADA}", "points": 5}}\n{{"points": "6", "email": "{BOB}", "tags": ["a"]}}\n'
        f'{{"email": "{KIM}", "points": 7.5}}\n{{"email": "{KIM}", "points": true}}\nnonsense\n[]\n{{"email": "x@y.z", '
        '"points": null}\n',
        {ADA: 5, BOB: 6},
        rejected={
            3: "no whole number",
            4: "no number",
            5: "is not valid JSON",
            6: "no JSON object",
            7: "tells no points",
        },
    ),
    "json that is no lines": Case(f'[{{"email": "{ADA}", "points": 5}}]', refused="is one JSON document"),
    "json of great depth": Case(
        '{"email": "x@y.z", "points": '
        + "[" * 10_000
        + "]" * 10_000
        + f'}}\n{{"email": "{ADA}", "points": 5}}\n',
        {ADA: 5},
        rejected={1: "nested too deeply"},
    ),
    "ids of contacts": Case(
        "contactId,points\nC1C1C1C1-0000-4000-8000-000000000001,5\n17,6\n",
        {"c1c1c1c1-0000-4000-8000-000000000001": 5},
        rejected={3: "none of Wix's"},
    ),
    "no column of points": Case(f"Email,Stamps\n{ADA},5\n", refused="--column balance=HEADING"),
    "nobody": Case("Points,Tier\n5,Gold\n", refused="--column mail=HEADING"),
    "a title above the headings": Case(
        f"Customers on 1 June,,\n\nEmail,Points,\n{ADA},5\n",
        refused="seem to stand in line 3. They must stand in the first",
    ),
    "a title above the headings, and a column said": Case(
        f"Customers\nEmail,Points\n{ADA},5\n", refused="seem to stand in line 2", chosen={Field.MAIL: "Email"}
    ),
    "a title with an address above the headings": Case(
        f"Exported by {KIM}\nEmail,Points\n{ADA},5\n", refused="seem to stand in line 2"
    ),
    "notes and no table": Case(
        "Notes,," + "x" * 99 + ",4,5,6,7,8,9,10\nread me,\n",
        refused="Its first row holds 'Notes', '"
        + "x" * 30
        + "…', '4', '5', '6', '7', '8', '9', 1 more, and headings must",
    ),
    "a web page": Case("\ufeff \n<HTML xmlns:o='x'>\n<table>\n", refused="is a web page (HTML) and no table"),
    "a web page that is a table alone": Case("<table><tr><td>Email</td>", refused="is a web page (HTML)"),
    "a web page that begins with a comment": Case("<!-- made by hand -->\n", refused="is a web page (HTML)"),
    "a web page in UTF-16": Case("<!DOCTYPE html>\n<html>", refused="is a web page", encoding="utf-16"),
    "a web page as one file": Case("MIME-Version: 1.0\n", refused="is a web page"),
    "a spreadsheet of 2003": Case('<?xml version="1.0"?>\n<Workbook/>', refused="is an XML document"),
    "a document": Case("{\\rtf1 Email, Points}", refused="is a document (RTF)"),
    "addresses in brackets": Case(f"<{ADA}>,5\n{BOB},6\n", {BOB: 6}, rejected={1: "would be one"}),
    "a column that is not there": Case(
        f"Email,Points\n{ADA},5\n", refused="Did you mean 'Points'?", chosen={Field.BALANCE: "Pionts"}
    ),
    "a heading in other words, and addresses below it": Case(f"Wer,Points\n{ADA},5\n", {ADA: 5}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_file_has_its_outcome(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / "points.csv"
    path.write_bytes(case.text.encode(case.encoding))
    if case.refused:
        with pytest.raises(UsageError) as refusal:
            open_file(path, case.chosen, case.choices, mode=case.mode)
        assert case.refused in str(refusal.value)
        return
    file = open_file(path, case.chosen, case.choices, mode=case.mode)
    with opened_staging() as staging:
        list(staging.load(file))
        points = {entry.person: entry.points for batch in staging.list_batches(2) for entry in batch}
        rejected = {line: why for line, why, _ in staging.list_rejected()}
        unwilling = {mail for batch in staging.list_unwilling(10) for mail in batch}
    assert points == case.points
    assert rejected.keys() == case.rejected.keys()
    for line, part in case.rejected.items():
        assert part in rejected[line]
    assert unwilling == case.unwilling
    assert file.choices.adds is case.adds
    assert (file.aside.pending, file.aside.expiring) == (case.pending, case.expiring)
    if case.says is not None:
        assert case.says in (file.style.describe() or "")
