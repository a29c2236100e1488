"""The opt-out list in and out: addresses are recognised and not kept, and a fault says where and not what."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.commands.models.people import ImportAnswer, ImportOptOuts
from milestones.commands.optout_file import Entries, entries
from milestones.commands.registry import carry_out
from milestones.domain.keys import address_key
from milestones.errors import UsageError
from milestones.formats.mail_addresses import address_form
from milestones.store.people import people
from tests.builders import NOW, SITE
from tests.shop import Shop

KEY = "abcdefghijklmnopqrs_-2"


ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.mark.parametrize(
    ("lines", "addresses", "keys"),
    [
        ([ADA, "", BOB, ADA, " ", ",,"], (ADA, BOB), ()),
        (["Email", " ada@example.com "], (ADA,), ()),
        (["email"], (), ()),
        (["Name;E-Mail", "Ada;ada@example.com"], (ADA,), ()),
        (["Name\tAddress\tE-Mail-Adresse", "Ada\t1 Main St\tada@example.com"], (ADA,), ()),
        (
            ["Email 1,Email 2,Note", "ada@example.com,bob@example.com,@eve", "ada@example.com,,"],
            (ADA, BOB),
            (),
        ),
        (
            ["Email,Secondary Email,Opted out of email", "ada@example.com,bob@example.com,true"],
            (ADA, BOB),
            (),
        ),
        (["Work Email,Home Email", "ada@example.com,bob@example.com"], (ADA, BOB), ()),
        (["E-mailadres;Naam", "ada@example.com;Ada"], (ADA,), ()),
        (["Correo electrónico;Nombre", "ada@example.com;Ada"], (ADA,), ()),
        (["Adresse électronique;Nom", "ada@example.com;Ada"], (ADA,), ()),
        (["メールアドレス,名前", "ada@example.com,Ada"], (ADA,), ()),
        (["Subscriber,Sent", "ada@example.com,3"], (ADA,), ()),
        (["email=ada@example.com", "E-mail:bob@example.com"], (ADA, BOB), ()),
        (["EMAIL;TYPE=INTERNET:ada@example.com", "EMAIL:bob@example.com"], (ADA, BOB), ()),
        (["sep=;", "note;email", "a,b,c;ada@example.com"], (ADA,), ()),
        (["address_key,reason,recorded_at", f"{KEY},unsubscribed,2026-11-20"], (), (KEY,)),
        (["address_key", KEY, ADA], (ADA,), (KEY,)),
        ([KEY, f"{KEY[:-1]}3,unsubscribed"], (), (KEY, f"{KEY[:-1]}3")),
        (["ödön@exämple.com"], ("ödön@exämple.com",), ()),
        (
            ["<ada@example.com>", "Bob <bob@example.com>", "mailto:ada@example.com?subject=Stop"],
            (ADA, BOB),
            (),
        ),
        (["Doe, Ada <ada@example.com>", '"Doe, Bob" <bob@example.com>'], (ADA, BOB), ()),
        (["ada@example.com; bob@example.com"], (ADA, BOB), ()),
        (["email", '"ada@example.com, bob@example.com"'], (ADA, BOB), ()),
        (["email,note", "ada@example.com,left\u2028in May\x0b\x85", "bob@example.com,"], (ADA, BOB), ()),
        (["ada@example.com\u2028", "\u200bbob@example.com\u200b"], (ADA, "\u200bbob@example.com\u200b"), ()),
        (["email,note", 'ada@example.com,"left', 'in May"', "bob@example.com,"], (ADA, BOB), ()),
        (["email,note", 'ada@example.com,"left', "bob@example.com,"], (ADA, BOB), ()),
        (["email,note", '"ada@example.com,left', "bob@example.com,"], (ADA, BOB), ()),
        (["1,ada@example.com,2026-11-20", "2,bob@example.com,2026-11-20"], (ADA, BOB), ()),
        (
            ["'ada@example.com'", "\u201cbob@example.com\u201d.", "o'hara@example.com"],
            (ADA, BOB, "o'hara@example.com"),
            (),
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_row_yields_what_it_holds(
    lines: list[str], addresses: tuple[str, ...], keys: tuple[str, ...], end: str
) -> None:
    assert entries((end.join(lines) + end).encode()) == Entries(addresses, keys)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_spreadsheets_write_several_encodings(encoding: str) -> None:
    text = "Name;E-Mail\r\nÄda;ada@example.com\r\nBob;bob@exämple.com\r\n"
    assert entries(text.encode(encoding)) == Entries((ADA, "bob@exämple.com"), ())


def test_of_an_encoding_that_is_not_certain_only_what_is_in_ascii_is_taken() -> None:
    text = "Name;E-Mail\nÄda;ada@example.com\nBob;bob@exämple.com\n"
    assert entries(text.encode("cp1252")) == Entries((ADA,), (), (3,), is_utf8=False)


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (["email", ADA, "ada example.com", BOB], (3,)),
        ([ADA, "ada@", BOB, KEY + "x"], (2, 4)),
        (["Kunden", ADA, BOB], (1,)),
        (["name,email", '"Lovelace, Ada",ada@example.com', "nobody", "Bob,", "Eve,bob@example.com"], (3, 4)),
        ([ADA, f"{'a' * 400}@example.com", BOB], (2,)),
        (
            [
                ADA,
                "ada@@example.com",
                "ada@example",
                "ada@example,com",
                "a@b.c/d@e.f",
                "ada@exam_ple.com",
                BOB,
            ],
            (2, 3, 4, 5, 6),
        ),
        ([ADA, "eve@example.com\0", "eve\0@example.com", "\0", BOB], (2, 3, 4)),
        (["email", ADA, '"bob@example.com, and eve@"', BOB], (3,)),
        ([ADA, '"', BOB], (2,)),
        ([ADA, "*@example.net", "@example.net", "*.doe@example.net", BOB], (2, 3, 4)),
        (["Email,Other email", f"{ADA},", f"{ADA},eve@", f"{BOB},none"], (3,)),
        ([ADA, "x" * 200_000, BOB], (2,)),
        ([ADA, '"ada lima"@example.com', BOB], (2,)),
        (["email,note", ADA + ',"she wrote', "no more to old@", 'and left"', BOB + ","], (3, 4)),
    ],
)
def test_a_row_that_yields_nothing_is_named_by_its_line(lines: list[str], refused: tuple[int, ...]) -> None:
    found = entries("\n".join(lines).encode())
    assert found.refused == refused
    assert (found.addresses, found.keys) == ((ADA, BOB), ())


@given(
    st.lists(
        st.sampled_from(
            [ADA, BOB, '"', ";", ",", "\t", "\u2028", "\0", "é", "<", ">", " ", "x", "email", KEY]
        ),
        max_size=9,
    )
)
def test_no_row_is_passed_over(pieces: list[str]) -> None:
    text = "\n".join([ADA, "".join(pieces), ADA])
    found = entries(text.encode())
    assert found.refused in {(), (2,)}
    asked = not found.refused and "".join(pieces).strip(' ,;"\t\u2028|')
    assert (
        not asked
        or set(found.addresses) | set(found.keys) == {ADA, BOB, KEY} & {ADA, *pieces}
        or "@" in asked
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,note\nada,ada@example.com", "none is headed address, email or address_key"),
        ("", "The file is empty. Nothing was imported."),
        ("PK\x03\x04\x14\x00\x06\x00 ada@example.com", "is a workbook, an archive or a document"),
        ("%PDF-1.7\nada@example.com", "Save the list as CSV"),
        ("\ufeff\n \n", "The file is empty. Nothing was imported."),
    ],
)
def test_where_nothing_can_be_told_nothing_is_imported(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        entries(text.encode())


def test_a_long_list_comes_in_portions() -> None:
    parts = list(Entries(("a@b.c", "d@e.f", "g@h.i"), (KEY,)).parts(2))
    assert parts == [Entries(("a@b.c", "d@e.f"), ()), Entries(("g@h.i",), ()), Entries((), (KEY,))]


async def imported(shop: Shop, **fields: Any) -> ImportAnswer:
    return await carry_out(shop, ImportOptOuts(**fields))


async def test_an_imported_address_is_suppressed_however_it_is_written(small_shop: Shop) -> None:
    shop = small_shop
    told = await imported(shop, addresses=["Ada@Example.com"], keys=[KEY])
    assert told == ImportAnswer(added=2, known=0, sites=1)
    key = address_key(shop.rules.secret, SITE, address_form("ada@example.com"))
    async with shop.store.read() as tx:
        assert await people.find_suppressed(tx, [key, KEY, "another"]) == {key, KEY}
        assert "ada" not in str(await people.list_suppressions(tx)).casefold()
    assert await imported(shop, addresses=["ada@example.com"]) == ImportAnswer(added=0, known=1, sites=1)


async def test_who_is_on_the_list_already_stays_as_they_were(small_shop: Shop) -> None:
    shop = small_shop
    async with shop.store.write() as tx:
        await people.suppress(tx, [KEY], "unsubscribed", NOW)
    await imported(shop, keys=[KEY], site="The Corner Shop")
    async with shop.store.read() as tx:
        [row] = await people.list_suppressions(tx)
    assert row.reason == "unsubscribed"


async def test_a_site_that_is_none_is_said_so(small_shop: Shop) -> None:
    with pytest.raises(UsageError, match="There is no site 'Elsewhere'"):
        await imported(small_shop, addresses=["ada@example.com"], site="Elsewhere")
