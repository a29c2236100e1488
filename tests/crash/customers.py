"""The customers of a shop, and what the daemon's database says of them."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.process import Daemon, Shop


@dataclass(frozen=True)
class Customer:
    """A member who agreed to mail."""

    account: str
    member: str
    address: str


def make_due(daemon: Daemon) -> None:
    """While the daemon is down: what shall be tried again later is due, so that no test waits for it."""
    statement = "UPDATE actions SET available_at = recorded_at WHERE state = 'available'"
    if daemon.database.startswith("sqlite"):
        with closing(sqlite3.connect(daemon.folder / "milestones.db", timeout=30)) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(daemon.database) as connected:
            connected.execute(statement)


def read(value: Any) -> dict[str, Any]:
    """A JSON column: SQLite has text, PostgreSQL an object."""
    return dict(json.loads(value) if isinstance(value, str) else value)


def addresses_of_the_willing(state: Mapping[str, Any]) -> set[str]:
    """Who agreed to mail, by the shop's own books, folded."""
    return {
        one["email"].casefold()
        for one in state["subscriptions"]
        if one["subscriptionStatus"] == "SUBSCRIBED"
        and one.get("deliverabilityStatus", "NOT_SET") in {"NOT_SET", "VALID"}
    }


async def strangers(shop: Shop) -> list[Customer]:
    """Members below the near window who agreed to mail, each with an address of their own."""
    state = await shop.state()
    willing = addresses_of_the_willing(state)
    found: dict[str, Any] = {}
    for one in state["accounts"]:
        address = one.get("contact", {}).get("email", "").casefold()
        if address in willing and one.get("memberId") and one["points"]["balance"] < 900:
            found.setdefault(address, Customer(one["id"], one["memberId"], address))
    return list(found.values())
