"""Links with members of other programs, as they are asked for: one by one, by state, and how many there are."""

from sqlalchemy import ColumnElement, and_, func, select

from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Link, LinkState

_LINKS = table_of(Link)


def of_program(site_id: str, external: str) -> ColumnElement[bool]:
    """The links of a site with a program."""
    return and_(_LINKS.c.site_id == site_id, _LINKS.c.external == external)


async def find_link(tx: Transaction, link_id: int) -> Link | None:
    """A link by its number."""
    row = (await tx.execute(select(_LINKS).where(_LINKS.c.id == link_id))).mappings().first()
    return None if row is None else Link(**row)


async def find_by_account(tx: Transaction, site_id: str, external: str, account_id: str) -> Link | None:
    """The link of an account here."""
    statement = select(_LINKS).where(of_program(site_id, external), _LINKS.c.account_id == account_id)
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else Link(**row)


async def list_listed(tx: Transaction, site_id: str, external: str) -> list[int]:
    """The numbers of all links that a person must look at."""
    statement = select(_LINKS.c.id).where(of_program(site_id, external), _LINKS.c.state == LinkState.LISTED)
    return list((await tx.execute(statement.order_by(_LINKS.c.id))).scalars())


async def list_some(tx: Transaction, site_id: str, external: str, limit: int) -> list[Link]:
    """The first links, whatever became of them."""
    statement = select(_LINKS).where(of_program(site_id, external)).order_by(_LINKS.c.id).limit(limit)
    return [Link(**row) for row in (await tx.execute(statement)).mappings()]


async def list_links(
    tx: Transaction, site_id: str, external: str, state: str, limit: int = 100
) -> list[Link]:
    """Links in a state, the oldest first."""
    statement = (
        select(_LINKS)
        .where(of_program(site_id, external), _LINKS.c.state == state)
        .order_by(_LINKS.c.id)
        .limit(limit)
    )
    return [Link(**row) for row in (await tx.execute(statement)).mappings()]


async def count_by_state(tx: Transaction, site_id: str, external: str) -> dict[str, int]:
    """How many links of each state there are."""
    statement = (
        select(_LINKS.c.state, func.count()).where(of_program(site_id, external)).group_by(_LINKS.c.state)
    )
    return {row[0]: row[1] for row in (await tx.execute(statement)).all()}


async def count(tx: Transaction, site_id: str, external: str) -> int:
    """How many links there are."""
    return sum((await count_by_state(tx, site_id, external)).values())


async def count_listed(tx: Transaction) -> dict[str, int]:
    """How many links a person must look at, by program."""
    statement = (
        select(_LINKS.c.external, func.count())
        .where(_LINKS.c.state == LinkState.LISTED)
        .group_by(_LINKS.c.external)
    )
    return {row[0]: row[1] for row in (await tx.execute(statement)).all()}
