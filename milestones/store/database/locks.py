"""Every lock that a transaction takes, and THE order in which it takes them.

SQLite has one writer and needs none of this: there, nothing here waits. On PostgreSQL a transaction takes what it needs of
these, each at most once, from the top to the bottom, so that no two wait for each other:

1. the row of a site (``lock_site``); of several, in the order of their ids. Whoever drains a site, moves its actions by a
   person's word, changes its definitions, or writes about somebody who is gone or was merged, takes it first;
2. accounts and contacts (``lock_accounts``), all at once, in the order of their numbers: whoever writes about them;
3. the breaker of a site (``lock_breaker``): whoever counts for it.

Above them stand the lock of the daemon (``daemon_lock``), which is held from start to stop by a connection of its own, and
that of a migration (``schema``), which is the only one of its transaction. Rows that a statement writes are locked by that,
and only by those who hold what is named here.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import bindparam, select, text

from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Site

_SITES = table_of(Site)
_LOCK = Prepared(select(_SITES.c.generation).where(_SITES.c.id == bindparam("site_id")).with_for_update())

_BREAKER = "the breaker"
"""Stands for all accounts of a site; the id of none."""


async def lock_site(tx: Transaction, site_id: str) -> int | None:
    """Keep others from draining the site and from moving its actions, until the transaction ends. Returns the generation
    in force, None of a site that nobody ever heard of.
    """
    rows = await _LOCK.fetch(tx, {"site_id": site_id})
    return rows[0].generation if rows else None


async def lock_accounts(tx: Transaction, accounts: Iterable[tuple[str, str]]) -> None:
    """On PostgreSQL, keep other replicas from these accounts until the transaction ends.

    Always in one order, so that two replicas cannot wait for each other; by advisory lock, since an account
    that is first heard of by two replicas at once has no row to lock yet. SQLite has one writer.
    """
    if tx.dialect.name != "postgresql":
        return
    numbers = sorted({_lock_number(site, account) for site, account in accounts})
    await tx.execute(
        text("SELECT pg_advisory_xact_lock(number) FROM unnest(CAST(:numbers AS bigint[])) AS number"),
        {"numbers": numbers},
    )


def _lock_number(site: str, account: str) -> int:
    digest = hashlib.blake2b(f"{site}\0{account}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def lock_breaker(tx: Transaction, site_id: str) -> None:
    """Have nobody else count for the breaker of a site until this transaction ends: each of two that count at once would
    let through what the limit has room for.
    """
    await lock_accounts(tx, [(site_id, _BREAKER)])
