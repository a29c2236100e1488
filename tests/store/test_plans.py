"""What a customer, an event or a command costs does not grow with the shop: no statement of theirs goes through a table."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from milestones.commands.models.orders import AdjustAccount
from milestones.commands.models.questions import ListActions, ListOrders
from milestones.commands.orders import adjust
from milestones.commands.questions import list_actions, list_orders
from milestones.domain.order import OrderSource
from milestones.store.outbox import claims
from milestones.store.outbox.schedule import LANES
from milestones.store.views.backlog import get_backlog
from milestones.views.customers import find_accounts, find_customers
from milestones.views.explain import explain
from tests.builders import ACCOUNT, CONTACT, MEMBER, SITE
from tests.shop import Shop, opened_shop, write_config

LARGE = frozenset(
    [
        "accounts",
        "actions",
        "attempts",
        "awaited",
        "grants",
        "mails",
        "mutes",
        "observations",
        "orders",
        "reminders",
        "traces",
    ]
)
"""What grows with the shop, by the names that statements give it."""

WHOLE = re.compile(r"(?:SCAN|SEARCH(?! \w+ USING INDEX ix_actions_fast)(?= .*\(site_id=\?\)$)) (\w+)")
"""A step that goes through a table, or through all of a site's, which is nearly the same. Of what people wait for there
is little, and an index of its own.
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every statement that reaches SQLite, with what it asks for filled in."""
    found: set[str] = set()
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(found.add)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


@pytest.fixture
async def shop(asked: set[str], tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened_shop(write_config(tmp_path / "shop")) as found:
        asked.clear()
        yield found


def scans(shop: Shop, asked: set[str], *, in_order: bool = False) -> list[str]:
    """Of what was asked, that which goes through all of a large table. in_order: or through all that waits, to sort it."""
    path = shop.settings.path.parent / "var" / "milestones.db"
    statements = sorted(one for one in asked if one.startswith(("SELECT", "UPDATE", "DELETE", "WITH")))
    assert statements != []
    found = []
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            through = {match[1] for step in plan if (match := WHOLE.match(step))}
            sorts = in_order and "LIMIT" in statement and "USE TEMP B-TREE FOR ORDER BY" in plan
            if through & LARGE or sorts:
                found.append(f"{statement}\n  " + "\n  ".join(plan))
    return found


async def test_what_events_tell_and_what_they_lead_to_is_looked_up(shop: Shop, asked: set[str]) -> None:
    await shop.observe(100, 950, 1020)
    await shop.observe(400, account="another")
    await shop.drain()
    await shop.remind("another", value=960)
    await shop.drain()
    assert scans(shop, asked) == []


async def test_what_is_due_is_the_beginning_of_its_index(shop: Shop, asked: set[str]) -> None:
    await shop.observe(100, 950, 1020)
    async with shop.store.write() as tx:
        generation = await claims.begin(tx, SITE)
        asked.clear()
        for lane in LANES:
            await claims.claim(tx, SITE, generation, lane, shop.now)
    assert scans(shop, asked, in_order=True) == []


@pytest.mark.parametrize("text", [ACCOUNT, CONTACT, MEMBER, "ada@example.com"])
async def test_whoever_is_meant_is_looked_up_and_explained(shop: Shop, asked: set[str], text: str) -> None:
    await shop.observe(950, 1020)
    asked.clear()
    async with shop.store.read() as tx:
        await find_customers(tx, shop.settings, text, None)
        (account,) = await find_accounts(tx, text, None)
        await explain(tx, shop.settings, account, shop.now)
    assert scans(shop, asked) == []


@pytest.mark.parametrize("site", [None, SITE])
async def test_what_a_program_asks_of_a_key_or_of_an_account_is_looked_up(
    shop: Shop, asked: set[str], site: str | None
) -> None:
    await shop.observe(950, 1020)
    command = AdjustAccount(
        account=ACCOUNT, by=5, reason="A late bill", key="k", source=OrderSource.API, wait=0
    )
    order = await adjust(shop, command, print)
    asked.clear()
    for question in (
        ListOrders(site=site, key="k"),
        ListOrders(site=site, key="k", source=OrderSource.API, account=ACCOUNT),
        ListOrders(site=site, account=ACCOUNT),
    ):
        page = await list_orders(shop, question, print)
        assert [one.order for one in page.orders] == [order.order]
    for nobody in (ListOrders(site=site, key="k2"), ListOrders(key="k", source=OrderSource.CLI)):
        assert (await list_orders(shop, nobody, print)).orders == ()
    owed = await list_actions(shop, ListActions(site=site, account=ACCOUNT, kind="adjust"), print)
    assert len(owed.actions) == 1
    assert scans(shop, asked) == []


async def test_what_waits_is_counted_by_its_index(shop: Shop, asked: set[str]) -> None:
    await shop.observe(950, 1020)
    asked.clear()
    async with shop.store.read() as tx:
        await get_backlog(tx, shop.now)
    assert scans(shop, asked) == []
