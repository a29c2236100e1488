"""Tokens of the API as rows. None is deleted: who had access, and until when, stays to be seen."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, insert, or_, select, update

from milestones.domain.token import Presented, Scope
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import ApiToken

_TOKENS = table_of(ApiToken)


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _TOKENS.c.revoked_at.is_(None), or_(_TOKENS.c.expires_at.is_(None), _TOKENS.c.expires_at > now)


async def add(
    tx: Transaction,
    title: str,
    presented: Presented,
    scopes: Collection[Scope],
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """Write a new token."""
    row = ApiToken(
        name=presented.name,
        title=title,
        digest=presented.digest,
        scopes=sorted(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    await tx.execute(insert(_TOKENS).values(**row.model_dump(exclude={"id"})))


async def find(tx: Transaction, name: str) -> ApiToken | None:
    """The token of this public name, in force or not."""
    row = (await tx.execute(select(_TOKENS).where(_TOKENS.c.name == name))).mappings().first()
    return None if row is None else ApiToken(**row)


async def find_in_force(tx: Transaction, text: str, now: datetime) -> ApiToken | None:
    """The token in force with this title or public name."""
    named = or_(_TOKENS.c.title == text, _TOKENS.c.name == text)
    statement = select(_TOKENS).where(named, *_in_force(now)).order_by(_TOKENS.c.id)
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else ApiToken(**row)


async def list_all(tx: Transaction) -> Sequence[ApiToken]:
    """Every token that there ever was, oldest first."""
    rows = (await tx.execute(select(_TOKENS).order_by(_TOKENS.c.id))).mappings()
    return [ApiToken(**row) for row in rows]


async def revoke(tx: Transaction, name: str, now: datetime) -> None:
    """From now on it opens nothing."""
    await tx.execute(update(_TOKENS).where(_TOKENS.c.name == name).values(revoked_at=now))


async def note_use(tx: Transaction, name: str, now: datetime) -> None:
    """It was used just now."""
    await tx.execute(update(_TOKENS).where(_TOKENS.c.name == name).values(last_used_at=now))
