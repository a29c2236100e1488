"""A file of orders: every row is an order, or named with its line and the reason, and the same file does nothing twice."""

from pathlib import Path

import pytest

from milestones.commands.models.order_rows import GiveOrders, Ordered, OrderRow, RowsAnswer
from milestones.commands.order_file import OrderFile, read_orders
from milestones.commands.order_rows import give_orders
from milestones.domain.order import Create
from milestones.errors import UsageError
from tests.builders import ACCOUNT, CONTACT
from tests.shop import Shop

ADJUST, EARN, CREATE = Ordered


def read(folder: Path, text: str | bytes, what: Ordered = ADJUST, words: str | None = None) -> OrderFile:
    path = folder / "points of may.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_orders(path, what, words)


def test_rows_are_read_under_their_headings_in_any_order(tmp_path: Path) -> None:
    found = read(tmp_path, "reason;by;email\nA bill;-5;ada@example.com\n\nAnother;+7;bob@example.com\n")
    first, second = found.rows
    assert (first.line, first.by, first.text, first.email) == (2, -5, "A bill", "ada@example.com")
    assert (second.line, second.by) == (4, 7)
    assert first.key.startswith("points_of_may.csv:")
    assert first.key != second.key
    assert found.refused == {}


def test_the_same_row_has_the_same_key_wherever_it_stands_and_another_file_s_has_not(tmp_path: Path) -> None:
    row = "ada@example.com,5"
    (first,) = read(tmp_path, f"email,by\n{row}\n", words="Why").rows
    *_, again = read(tmp_path, f"email,by,to\nbob@example.com,1,\n{row},\n", words="Why").rows
    (other,) = read(tmp_path, f"email,by\n{row}\n", words="Another").rows
    (points,) = read(tmp_path, f"email,points\n{row}\n", EARN, words="Why").rows
    (named,) = read(tmp_path, f"email,by,key\n{row},mine\n", words="Why").rows
    assert first.key == again.key
    assert len({first.key, other.key, points.key, named.key}) == 4
    assert named.key == "mine"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",,5,Why", "exactly one"),
        ("a,b@example.com,5,Why", "exactly one"),
        ("a,,5.5,Why", "Its by is no whole number"),
        ("a,,1 000,Why", "Its by is no whole number"),
        ("a,,=1+1,Why", "Its by is no whole number"),
        ("a,,9999999999999999999,Why", "Its by is no whole number"),
        ("a,,\u0665,Why", "Its by is no whole number"),
        ("a,,1,000,Why", "more cells than there are headings"),
        ("a,,5,The parcel, late", "more cells than there are headings"),
    ],
)
def test_a_row_that_is_no_order_is_named_and_keeps_no_other_back(tmp_path: Path, row: str, why: str) -> None:
    found = read(tmp_path, f"account,email,by,reason\n{row}\nb,,5,Why\n")
    assert [one.line for one in found.rows] == [3]
    assert why in found.refused[2]


def test_a_cell_under_no_heading_may_be_empty_and_is_refused_otherwise(tmp_path: Path) -> None:
    found = read(tmp_path, "account,by,,reason\na,5,,Why,,\na,1,000,Why\n")
    assert [(one.line, one.by) for one in found.rows] == [(2, 5)]
    assert list(found.refused) == [3]


def test_two_rows_that_say_the_same_are_one_order_and_the_second_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, "account,by,key\na,5,\na,5,\na,5,k\nb,5,k\n", words="Why")
    assert [one.line for one in found.rows] == [2, 4]
    assert "the same order as line 2" in found.refused[3]
    assert "the same order as line 4" in found.refused[5]


@pytest.mark.parametrize(
    ("text", "what", "why"),
    [
        ("", ADJUST, "is empty"),
        ("account,by,reason,colour\n", ADJUST, "'colour' is none of them"),
        ("account,by,by\n", ADJUST, "'by' stands there twice"),
        ("by,reason\n1,x\n", ADJUST, "no column account or contact or email"),
        ("account,reason\na,x\n", ADJUST, "no column by or to"),
        ("account,by\na,5\n", ADJUST, "no column reason"),
        ("account,points\na,5\n", EARN, "no column description"),
        ("account\na\n", CREATE, "'account' is none of them"),
        ("ada@example.com,5\n", ADJUST, "is none of them"),
        (b"%PDF-1.7", ADJUST, "PDF"),
    ],
)
def test_a_file_that_is_no_such_table_is_a_sentence(
    tmp_path: Path, text: str | bytes, what: Ordered, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        read(tmp_path, text, what)


def test_points_that_are_missing_are_named(tmp_path: Path) -> None:
    found = read(tmp_path, "account,points\na,\nb,7\n", EARN, words="x")
    assert ("how many points" in found.refused[2], found.rows[0].points) == (True, 7)


def rows(*told: OrderRow, what: Ordered = EARN, **more: object) -> GiveOrders:
    return GiveOrders.model_validate({"what": what, "rows": told, **more})


def a_row(line: int, **told: object) -> OrderRow:
    return OrderRow.model_validate({"line": line, "key": f"key-{line}", "points": 5, "text": "x", **told})


async def test_a_dry_run_tells_what_it_would_come_to_and_records_nothing(small_shop: Shop) -> None:
    await small_shop.observe(100)
    given = (
        a_row(2, account=ACCOUNT),
        a_row(3, contact=CONTACT),
        a_row(4, email="bob@example.com"),
        a_row(5, account=ACCOUNT, points=0),
        a_row(6, account=ACCOUNT, key="a b"),
    )
    dry = await give_orders(small_shop, rows(*given, dry_run=True), lambda _report: None)
    assert (dry.new, dry.known, sorted(dry.refused)) == (2, 0, [4, 5, 6])
    assert await small_shop.actions() == []
    done = await give_orders(small_shop, rows(*given), lambda _report: None)
    assert (done.new, done.known, done.refused) == (2, 0, dry.refused)
    allowed = rows(*given, create=Create.CONTACT)
    again = await give_orders(small_shop, allowed, lambda _report: None)
    assert (again.new, again.known, sorted(again.refused)) == (1, 2, [5, 6])
    kinds = sorted(action.kind for action in await small_shop.actions())
    assert kinds == ["account", "contact", "points", "points", "points"]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_the_breaker_holds_is_told_before_and_after(small_shop: Shop, *, dry_run: bool) -> None:
    await small_shop.observe(100)
    limit = small_shop.rules.site("any").breaker.limit(0)
    given = [a_row(line, account=ACCOUNT) for line in range(2, limit + 5)]
    answers: list[RowsAnswer] = []
    for part in (given[:700], given[700:]):
        ahead = sum(one.new for one in answers) if dry_run else 0
        command = rows(*part, dry_run=dry_run, ahead=ahead)
        answers.append(await give_orders(small_shop, command, lambda _report: None))
    assert [one.held for one in answers] == [0, 3]
