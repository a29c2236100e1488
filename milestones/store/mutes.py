"""Steps that are this program's own, as rows: opened with "about to act", and closed once it is told what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, delete, select, update

from milestones.domain.actions import State
from milestones.domain.mute import Mute
from milestones.domain.observation import Measures, Point, Stamp
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import chunks, put, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, MutedStep, Site, SiteState

_ACTIONS = table_of(Action)
_MUTES = table_of(MutedStep)
_SITES = table_of(Site)

_MAY_HAPPEN = frozenset({State.RUNNING, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Ended:
    """A step of which it is told what became. happened: None where a person gave it up before anybody looked."""

    key: str
    account_id: str
    mute: Mute
    happened: bool | None


async def open_mute(
    tx: Transaction, site_id: str, key: str, intent: Mapping[str, Any], now: datetime
) -> None:
    """Mute the step that the action of this key is about to take. It takes the place of the one that it was about to take
    before: that has come to nothing, since the account has another revision by now.
    """
    row = {
        "key": key,
        "site_id": site_id,
        "account_id": intent["account_id"],
        "revision": intent["revision"],
        **intent["mute"],
        "opened_at": now,
        "closed_at": None,
    }
    await put(tx, MutedStep, [row])


def _mutes_query(ids: Sequence[Any]) -> Executable:
    return select(_MUTES).where(_MUTES.c.site_id == bindparam("site_id"), _MUTES.c.account_id.in_(ids))


_OF_ACCOUNTS = Lookup(_mutes_query)


async def get_mutes(tx: Transaction, site_id: str, account_ids: Iterable[str]) -> dict[str, list[Mute]]:
    """The mutes of these accounts; who has none is missing."""
    result: dict[str, list[Mute]] = {}
    for row in await _OF_ACCOUNTS.fetch(tx, account_ids, site_id=site_id):
        result.setdefault(row.account_id, []).append(_mute(row))
    return result


def _mute(row: Any) -> Mute:
    before = Point(Stamp(row.revision, row.at), Measures(row.balance, row.earned, row.tier_points))
    return Mute(before, row.leads_to, is_open=row.closed_at is None)


_SETTLED = (
    select(_MUTES, _ACTIONS.c.state, _ACTIONS.c.lost_at)
    .join(_SITES, (_SITES.c.id == _MUTES.c.site_id) & (_SITES.c.state == SiteState.ACTIVE))
    .outerjoin(_ACTIONS, _ACTIONS.c.key == _MUTES.c.key)
    .where(
        _MUTES.c.closed_at.is_(None),
        _ACTIONS.c.state.is_(None)
        | (_ACTIONS.c.state.in_([State.DONE, State.CANCELLED, State.DISCARDED]))
        | (_ACTIONS.c.state.not_in(_MAY_HAPPEN) & _ACTIONS.c.lost_at.is_(None)),
    )
)


async def list_ended_sites(tx: Transaction) -> list[str]:
    """The sites that have open mutes of which it is told what became of them."""
    statement = _SETTLED.with_only_columns(_MUTES.c.site_id).distinct()
    return sorted((await tx.execute(statement)).scalars())


async def list_ended(tx: Transaction, site_id: str, limit: int) -> list[Ended]:
    """Open mutes of a site of which it is told what became of them. Whoever asks has locked the site."""
    statement = _SETTLED.where(_MUTES.c.site_id == site_id).order_by(_MUTES.c.key).limit(limit)
    return [
        Ended(row["key"], row["account_id"], _mute(row), _has_happened(row["state"], row["lost_at"]))
        for row in (await tx.execute(statement)).mappings()
    ]


def _has_happened(state: str | None, lost_at: datetime | None) -> bool | None:
    if state == State.DONE:
        return True
    return None if lost_at is not None else False


async def close(tx: Transaction, happened: Sequence[str], undone: Sequence[str], now: datetime) -> None:
    """Keep the mutes of what happened, and drop the others. By the keys of their actions."""
    for keys in chunks(happened):
        await tx.execute(update(_MUTES).where(_MUTES.c.key.in_(keys)).values(closed_at=now))
    for keys in chunks(undone):
        await tx.execute(delete(_MUTES).where(_MUTES.c.key.in_(keys)))


async def forget(tx: Transaction, site_id: str, account_id: str, before: Stamp) -> None:
    """Drop the mutes of a history that was forgotten up to there."""
    old = (_MUTES.c.account_id == account_id) & (_MUTES.c.revision < before.revision)
    await tx.execute(delete(_MUTES).where(_MUTES.c.site_id == site_id, old, _MUTES.c.closed_at.is_not(None)))
