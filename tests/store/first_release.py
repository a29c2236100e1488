"""A shop as the first release wrote it: what every later version must take over.

The rows stand in ``first_release.json``, since the code that made them changes. Until the first release
``python -m tests.store.first_release`` writes them anew; after it, nobody does.
"""

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Boolean, Connection, create_engine, inspect, text, update

from milestones.domain.actions import State
from milestones.domain.agreement import Agreement
from milestones.domain.continuity import Beat
from milestones.domain.event import ContactDeleted, SubscriptionChanged
from milestones.domain.member import Member
from milestones.domain.order import OrderSource, Person
from milestones.domain.token import Presented, Scope
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.pipeline.orders import Asking, place
from milestones.store import agreements, calls, links, mutes, sites, tokens
from milestones.store.database import heartbeat, schema
from milestones.store.database.statements import add_missing, table_of
from milestones.store.outbox import earnings, ledger, rests
from milestones.store.outbox.rests import Rest
from milestones.store.people import people, rejected
from milestones.store.tables import Action, ApiCall, Earning, ErasedMail, ExternalProgram
from milestones.store.views import links as link_views
from tests.builders import NOW, SITE, a_customer
from tests.shop import Shop, opened_shop, write_config

ROWS = Path(__file__).with_name("first_release.json")
REVISION = "0001"

Rows = Mapping[str, list[dict[str, Any]]]


def rows() -> Rows:
    """The rows by table, with the values that SQL literals would have."""
    found: Rows = json.loads(ROWS.read_text())
    return found


def fill(text_url: str) -> None:
    """Make an empty database what the first release left."""
    engine = schema._engine(schema._migration_url(text_url))
    with engine.begin() as connection:
        config = schema._script()
        config.attributes["connection"] = connection
        command.upgrade(config, REVISION)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        for table, of_table in rows().items():
            _insert(connection, table, of_table)
    engine.dispose()


def _insert(connection: Connection, table: str, of_table: list[dict[str, Any]]) -> None:
    columns = inspect(connection).get_columns(table)
    flags = {column["name"] for column in columns if isinstance(column["type"], Boolean)}
    for row in of_table:
        values = {
            name: bool(value) if name in flags else bytes.fromhex(value["hex"]) if _is_bytes(value) else value
            for name, value in row.items()
        }
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(f":{name}" for name in values)
        connection.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({places})'), values)
    if "id" in of_table[0] and isinstance(of_table[0]["id"], int) and connection.dialect.name == "postgresql":
        highest = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM \"{table}\""
        connection.execute(text(highest))


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict)


def contents(text_url: str) -> dict[str, list[dict[str, Any]]]:
    """Everything in a database, as its driver tells it."""
    engine = create_engine(schema._migration_url(text_url))
    with engine.connect() as connection:
        found = {
            table: [dict(row) for row in connection.execute(text(f'SELECT * FROM "{table}"')).mappings()]
            for table in inspect(connection).get_table_names()
        }
    engine.dispose()
    return found


# How the rows were made


async def _live(shop: Shop) -> None:
    """A bit of everything: given, held, waiting, failed and of unknown fate; gone customers; kept bodies."""
    await shop.observe(960, 1010, account="given")
    await shop.drain()
    shop.channels["coupon"].answers = [ChannelError("Wix did not answer.", lost=True)]
    shop.channels["badge"].answers = [ChannelError("There is no such badge.", permanent=True)]
    await shop.observe(950, 1020, account="half-given", customer=a_customer(member_id=None))
    await shop.drain()
    await shop.observe(980, account="near")
    await shop.remind("near", value=980)
    await shop.observe(700, 1500, account="held", customer=a_customer(email="held@example.com"))
    async with shop.store.write() as tx:
        await sites.pause(tx, SITE, "again-500", paused=True)
        await ledger.add_traces(tx, SITE, "reminder", [("near", "stars-1000", Verdict.NEAR)], NOW)
        changed = SubscriptionChanged("ada@example.com", "SUBSCRIBED", "VALID", NOW)
        key = await people.save_subscription(tx, SITE, shop.secret, changed, NOW)
        await people.suppress(tx, [key], "unsubscribed", NOW)
        await people.delete_contact(tx, SITE, shop.secret, ContactDeleted("gone"), NOW)
        await add_missing(
            tx,
            ErasedMail,
            [{"site_id": SITE, "message_id": "<gone@example.com>"}],
            unique=["site_id", "message_id"],
        )
        await rejected.add(tx, SITE, "wix.of.a.new.kind", "It was not understood.", b"\x00{}", NOW)
        await rests.save_rests(tx, SITE, {"email": Rest(NOW, NOW, NOW, 1, "The mail server is not there.")})
        await heartbeat.beat(tx, Beat(NOW, "machine", "place"))
        till = Presented("0123456789", "d" * 64)
        await tokens.add(tx, "till", till, [Scope.READ], NOW, None)
        await calls.begin(tx, ApiCall(key="k", fingerprint="f", run="r", begun_at=NOW))
        await calls.keep_answer(tx, "k", {"moved": 1})
    request = AdjustPoints(10, None, "A late bill")
    asking = Asking(SITE, OrderSource.CLI, "a-key", Person(account_id="near"), request)
    await place(shop.store, shop.rules, asking, NOW)
    async with shop.store.write() as tx:
        earning = Earning(
            owner="an order that is forgotten",
            site_id=SITE,
            rule="follow-us",
            person_key="near",
            account_id="near",
            points=50,
            recorded_at=NOW,
        )
        await earnings.add_earnings(tx, [earning])
        member = Member("7", email="near@example.com", balance=970)
        await links.add_links(tx, SITE, "smile", shop.secret, [(member, "near")], NOW)
        (link,) = await link_views.list_some(tx, SITE, "smile", 1)
        await agreements.add(tx, link, Agreement(1, 980, 970, 0, 10), NOW, updated=None)
        read = ExternalProgram(site_id=SITE, name="smile", read_at=NOW, full_at=NOW, members=1)
        await agreements.save_program(tx, read)
        mute = {"at": 0, "balance": 980, "earned": 980, "tier_points": None, "leads_to": 5000}
        intent = {"account_id": "given", "revision": 2, "mute": mute}
        await mutes.open_mute(tx, SITE, "an action that is forgotten", intent, NOW)
        actions = table_of(Action)
        theirs = update(actions).where(actions.c.account_id == "held")
        await tx.execute(theirs.values(state=State.HELD, verdict=Verdict.BREAKER))


async def _written(folder: Path) -> dict[str, list[dict[str, Any]]]:
    async with opened_shop(write_config(folder)) as shop:
        await _live(shop)
    with closing(sqlite3.connect(folder / "var" / "milestones.db")) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {
            name: [
                {
                    column: {"hex": value.hex()} if isinstance(value, bytes) else value
                    for column, value in dict(row).items()
                }
                for row in connection.execute(f'SELECT * FROM "{name}"')
            ]
            for (name,) in names.fetchall()
            if name != "alembic_version"
        }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = asyncio.run(_written(Path(folder)))
    ROWS.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
