"""The opt-out list in and out: addresses are recognised and not kept, and a fault says where and not what."""

from typing import Any

import pytest

from milestones.addresses import address_form
from milestones.commands.optout import Entries, entries
from milestones.commands.registry import ORDERS
from milestones.domain.keys import address_key
from milestones.errors import UsageError
from milestones.store.people import people
from tests.builders import NOW, SITE
from tests.commands.shop import Shop

KEY = "abcdefghijklmnopqrs_-2"


@pytest.mark.parametrize(
    ("lines", "addresses", "keys"),
    [
        ([], (), ()),
        (
            ["ada@example.com", "", "bob@example.com", "ada@example.com"],
            ("ada@example.com", "bob@example.com"),
            (),
        ),
        (["Email", " ada@example.com "], ("ada@example.com",), ()),
        (["name,email", '"Lovelace, Ada",ada@example.com', "nobody", "Bob,"], ("ada@example.com",), ()),
        (["Name;E-Mail", "Ada;ada@example.com"], ("ada@example.com",), ()),
        (["address_key,reason,recorded_at", f"{KEY},unsubscribed,2026-11-20"], (), (KEY,)),
        (["address_key", KEY, "ada@example.com"], ("ada@example.com",), (KEY,)),
        (["ödön@exämple.com"], ("ödön@exämple.com",), ()),
    ],
)
def test_what_a_file_says(lines: list[str], addresses: tuple[str, ...], keys: tuple[str, ...]) -> None:
    assert entries(lines) == Entries(addresses, keys)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["email", "ada@example.com", "ada example.com"], "^Line 3 holds neither"),
        (["ada@", KEY + "x"], "^Lines 1, 2 hold neither"),
        (["x"] * 12, "^Lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more hold neither"),
        ([f"{'a' * 400}@example.com"], "^Line 1 holds neither"),
        (["ada,ada@example.com"], "none is headed address, email or address_key"),
    ],
)
def test_a_fault_says_in_which_line_it_is_and_not_what_stands_there(lines: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as refused:
        entries(lines)
    assert "ada" not in str(refused.value)


def test_a_long_list_comes_in_portions() -> None:
    parts = list(Entries(("a@b.c", "d@e.f", "g@h.i"), (KEY,)).parts(2))
    assert parts == [Entries(("a@b.c", "d@e.f"), ()), Entries(("g@h.i",), ()), Entries((), (KEY,))]


async def ordered(shop: Shop, **arguments: Any) -> Any:
    return await ORDERS["optout_import"](shop, arguments, lambda _told: None)


async def test_an_imported_address_is_suppressed_however_it_is_written(small_shop: Shop) -> None:
    shop = small_shop
    told = await ordered(shop, addresses=["Ada@Example.com"], keys=[KEY])
    assert told == {"added": 2, "known": 0, "sites": 1}
    key = address_key(shop.rules.secret, SITE, address_form("ada@example.com"))
    async with shop.store.read() as tx:
        assert await people.suppressed(tx, [key, KEY, "another"]) == {key, KEY}
        assert "ada" not in str(await people.suppressions(tx)).casefold()
    assert await ordered(shop, addresses=["ada@example.com"]) == {"added": 0, "known": 1, "sites": 1}


async def test_who_is_on_the_list_already_stays_as_they_were(small_shop: Shop) -> None:
    shop = small_shop
    async with shop.store.write() as tx:
        await people.suppress(tx, [KEY], "unsubscribed", NOW)
    await ordered(shop, keys=[KEY], site="The Corner Shop")
    async with shop.store.read() as tx:
        [row] = await people.suppressions(tx)
    assert row.reason == "unsubscribed"


async def test_a_site_that_is_none_is_said_so(small_shop: Shop) -> None:
    with pytest.raises(UsageError, match="There is no site 'Elsewhere'"):
        await ordered(small_shop, addresses=["ada@example.com"], site="Elsewhere")
