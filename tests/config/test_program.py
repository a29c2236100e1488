"""``[program]``: what it means, and every fault of it with its place. The snippets stand below a base of four lines."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.cli.check import json_schema
from milestones.config import parse
from milestones.domain.program import Program, own_prices
from milestones.errors import ConfigurationError
from milestones.formats.toml import write_value
from tests.config.conftest import BASE, Faults, Reader

E = '[[program.earn]]\ntitle = "Orders"\non = "order_paid"\n'
R = '[[program.rewards]]\ntitle = "R"\ncost = 100\n'
L = '[[program.tiers.levels]]\ntitle = "Gold"\npoints = 5000\n'
B = '[[program.badges]]\ntitle = "Star"\n'

WHOLE = """
[program]
name = "Corner Stars"
points = "Stars"
icon = { url = "https://example.com/star.png", width = 40 }
active = true
expiry = { enabled = true, months = 6, percent = 50 }

[[program.earn]]
title = "Orders"
on = "order_paid"
points = 10
per_money = 1
at = { Gold = 20, Silver = { points = 15, per_money = 0.5 } }

[[program.earn]]
title = "A review"
on = { app = "reviews", activity = "reviews/Created" }
points = 50
active = false

[[program.rewards]]
title = "5 off"
coupon = { money_off = 5, minimum_subtotal = 20 }
cost = 500
at = { Gold = 400 }

[[program.rewards]]
title = "Money"
discount = { money_off = "1.00" }
cost = 100

[program.tiers]
status = "active"
window = 12
base = { title = "Bronze" }
levels = [{ title = "Silver", points = 2500 }, { title = "Gold", points = 5000, was = "Golden" }]

[[program.badges]]
title = "Star"
background = "#112233"
"""


def test_a_program_is_read_whole(read: Reader) -> None:
    program = read(BASE + WHOLE).for_site("").program
    assert program.details == {
        "name": "Corner Stars",
        "points": "Stars",
        "expiry.months": 6,
        "expiry.percent": 50,
        "icon.url": "https://example.com/star.png",
        "icon.width": 40,
    }
    assert (program.active, program.expires) == (True, True)
    assert program.settings == {"status": "active", "window": 12, "base.title": "Bronze"}
    assert program.earn is not None
    orders, review = program.earn
    assert orders.content.fields["on"] == "order_paid"
    assert orders.content.at["Gold"] == {"points": 20, "per_money": Decimal(1)}
    assert orders.content.at["Silver"] == {"points": 15, "per_money": Decimal("0.5")}
    assert review.content.fields["on"] == "reviews reviews/Created"
    assert review.content.fields["active"] is False
    assert program.rewards is not None
    five, money = program.rewards
    assert five.content.fields["value"] == Decimal(5)
    assert five.content.at == {"Gold": {"cost": 400, "value": Decimal(5)}}
    assert money.content.fields == {
        "title": "Money",
        "active": True,
        "cost": 100,
        "type": "discount",
        "gives": "money_off",
        "value": Decimal("1.00"),
    }
    assert program.tiers is not None
    assert [(tier.title, tier.was) for tier in program.tiers] == [("Silver", None), ("Gold", "Golden")]
    assert program.badges is not None
    assert program.badges[0].content.fields == {"title": "Star", "background": "#112233"}


def test_a_file_without_a_program_wants_nothing(read: Reader) -> None:
    assert read(BASE).for_site("").program == Program()
    assert not read(BASE + "[program]\n").for_site("").program.says_something
    assert read(BASE + "[program]\nearn = []\n").for_site("").program.says_something


def test_a_site_may_have_a_program_of_its_own(read: Reader) -> None:
    sites = '[[sites]]\nname = "a"\n[sites.program]\nname = "Of a"\n'
    settings = read(BASE + '[program]\nname = "Of all"\npoints = "Stars"\n' + sites)
    assert settings.for_site("any").program.details == {"name": "Of a"}, "in place of the other, and whole"


def test_wixs_own_word_for_a_known_activity_is_its_plain_name(read: Reader) -> None:
    text = '[[program.earn]]\ntitle = "t"\non = "stores/OrderPaid"\npoints = 1\n'
    program = read(BASE + text).for_site("").program
    assert program.earn is not None
    assert program.earn[0].content.fields["on"] == "order_paid"


def test_what_a_tier_only_repeats_is_not_said(read: Reader) -> None:
    program = read(BASE + E + "points = 5\nat = { Gold = 5, Silver = 6 }\n").for_site("").program
    assert program.earn is not None
    assert own_prices(program.earn[0].kind, program.earn[0].content) == {
        "Silver": {"points": 6, "per_money": None}
    }


def test_a_window_that_wix_may_not_take_is_doubted(read: Reader) -> None:
    site = '[[sites]]\nname = "a"\n[sites.program.tiers]\nwindow = 3\n'
    warnings = read(BASE + "[program.tiers]\nwindow = 11\n" + site).warnings
    assert sum("program.tiers.window: is less than the 12 months" in warning for warning in warnings) == 2
    assert not any(
        "12 months" in warning for warning in read(BASE + "[program.tiers]\nwindow = 12\n").warnings
    )


FAULTS = [
    ('[program]\nname = "x"\n', "6:1: program.name: must have 2 characters or more"),
    ('[program]\nname = "   "\n', "6:1: program.name: must be a text that can be seen, on one line"),
    (
        '[program]\npoints = "a\\u202eb"\n',
        "6:1: program.points: must be a text that can be seen, on one line",
    ),
    ("[program]\nicon = {}\n", "6:1: program.icon: needs the id or the url of the image"),
    ("[program]\nactive = 1\n", "6:1: program.active: must be true or false"),
    ("[program]\nexpiry = { percent = 101 }\n", "6:12: program.expiry.percent: must be 100 or less"),
    ("[program]\nearn = 3\n", "6:1: program.earn: must be a list"),
    # Rules
    (E, "5:3: program.earn[0].points: is missing; how many does it give?"),
    (E + "points = 10000000\n", "8:1: program.earn[0].points: must be 9999999 or less"),
    (E + "points = 1.5\n", "8:1: program.earn[0].points: must be a whole number"),
    (
        E + "points = 1\nper_money = nan\n",
        "9:1: program.earn[0].per_money: must be more than 0, and 1,000,000,000 at most",
    ),
    (
        E + "points = 1\nper_money = -1\n",
        "9:1: program.earn[0].per_money: must be more than 0, and 1,000,000,000 at most",
    ),
    (
        E + "points = 1\nat = { Gold = { points = 2, per_money = 1 } }\n",
        "5:3: program.earn[0].per_money: is missing, and tiers have it: a rule goes by money for all, or for none",
    ),
    (
        E.replace("order_paid", "booking_confirmed") + "points = 1\nper_money = 1\n",
        "9:1: program.earn[0].per_money: cannot be had with booking_confirmed: Wix gives a fixed number of points",
    ),
    (
        E + "points = 1\n" + E.replace("Orders", "Again") + "points = 1\n",
        "11:1: program.earn[1].on: is order_paid, as of earn[0]; Wix keeps one rule for it",
    ),
    (
        E + 'points = 1\nfield = "x"\n',
        "9:1: program.earn[0].field: needs per_money; it names the amount that is counted",
    ),
    # Rewards
    (R, "5:3: program.rewards[0]: needs exactly one of coupon and discount"),
    (
        R + "coupon = { percent_off = 5, money_off = 5, scope = 'stores' }\n",
        (
            "8:1: program.rewards[0].coupon: has percent_off and money_off; give exactly one of percent_off, "
            "money_off, free_shipping"
        ),
    ),
    (
        R + "coupon = { percent_off = 5 }\n",
        '8:1: program.rewards[0].coupon: needs scope (such as "stores") or minimum_subtotal',
    ),
    (
        R + "discount = { money_off = 4.999 }\n",
        "8:14: program.rewards[0].discount.money_off: must be more than 0, with at most two decimals",
    ),
    (
        R + "discount = { money_off = 4 }\nat = { Gold = { cost = 5, percent_off = 3 } }\n",
        "9:27: program.rewards[0].at.Gold.percent_off: does not fit: this reward gives money_off",
    ),
    (
        R.replace("100", "0") + "discount = { money_off = 4 }\n",
        "7:1: program.rewards[0].cost: must be 1 or more",
    ),
    (
        (R + "discount = { money_off = 4 }\n") * 2,
        (
            "10:1: program.rewards[1].title: 'R' is used twice; rewards[0] has it too. "
            "Tell them apart by their ids"
        ),
    ),
    (
        R + 'id = "a b"\ndiscount = { money_off = 4 }\n',
        "8:1: program.rewards[0].id: is no id; `milestones program export` shows those of the site",
    ),
    # Tiers
    (
        '[program.tiers]\nstatus = "on"\n',
        "6:1: program.tiers.status: must be 'active', 'paused', 'draft' or 'disabled'",
    ),
    ("[program.tiers]\nwindow = 37\n", "6:1: program.tiers.window: must be 36 or less"),
    (
        L + L.replace("Gold", "Silver"),
        "10:1: program.tiers.levels[1].points: is 5000, as of levels[0]; each needs its own",
    ),
    (
        "".join(L.replace("Gold", f"T{n}").replace("5000", str(n + 1)) for n in range(21)),
        "5:3: program.tiers.levels: has 21; Wix takes 20 beside the base tier",
    ),
    # Badges
    (B + 'background = "red"\n', '7:1: program.badges[0].background: must be a colour such as "#796EFF"'),
    (
        B + B,
        "8:1: program.badges[1].title: 'Star' is used twice; badges[0] has it too. Tell them apart by their ids",
    ),
    (
        B + 'was = "x"\n' + B.replace("Star", "S") + 'was = "x"\n',
        "10:1: program.badges[1].was: is that of badges[0] too",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), FAULTS)
def test_a_fault_is_told_with_its_place(text: str, sentence: str, faults: Faults) -> None:
    found = faults(BASE + text)
    assert len(found) == 1, found
    assert found[0].startswith(f"config.toml:{sentence}")


def test_every_fault_is_told_at_once(faults: Faults) -> None:
    found = faults(
        BASE + "[program]\nnam = 'x'\n" + E + "points = -1\n" + R + L.replace("5000", "true") + B + "x = 1\n"
    )
    assert len(found) == 5, found


def test_the_schema_knows_the_program() -> None:
    import tomllib

    schema = jsonschema_rs.validator_for(json_schema())
    assert schema.is_valid(tomllib.loads(BASE + WHOLE))
    assert not schema.is_valid(tomllib.loads(BASE + "[program]\nnam = 'x'\n"))


_KEYS = st.sampled_from(
    [
        "name",
        "points",
        "icon",
        "url",
        "id",
        "active",
        "expiry",
        "enabled",
        "months",
        "percent",
        "earn",
        "rewards",
        "tiers",
        "levels",
        "badges",
        "title",
        "was",
        "on",
        "app",
        "activity",
        "per_money",
        "field",
        "at",
        "Gold",
        "coupon",
        "discount",
        "cost",
        "money_off",
        "percent_off",
        "free_shipping",
        "scope",
        "minimum_subtotal",
        "status",
        "window",
        "base",
        "description",
        "background",
        "text",
        "x",
    ]
)
_VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.decimals(-(10**12), 10**12, allow_nan=False, places=3),
    st.sampled_from(
        ["", " ", "order_paid", "birthday", "stores", "stores/product/", "/", "#12345G", "active", "1e400"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
_TREES = st.recursive(
    _VALUES,
    lambda deeper: st.one_of(st.lists(deeper, max_size=3), st.dictionaries(_KEYS, deeper, max_size=5)),
    max_leaves=30,
)


@pytest.mark.examples
@given(tree=st.dictionaries(_KEYS, _TREES, max_size=6))
def test_whatever_stands_there_is_read_or_is_a_sentence(tree: Any) -> None:
    text = f"program = {write_value(tree)}\n" + BASE
    found: list[str] = []
    try:
        parse(text, Path("/nowhere/config.toml"), {})
    except ConfigurationError as error:
        found = error.faults
    assert all(fault.startswith("/nowhere/config.toml:") for fault in found), found


def test_a_program_nested_too_deep_is_a_sentence(faults: Faults) -> None:
    [found] = faults("program = " + "[" * 10_000 + "]" * 10_000 + "\n" + BASE)
    assert "nested too deep" in found
