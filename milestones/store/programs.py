"""What was seen of the loyalty programs when they were last looked at: where a site is not as the file has it, and what
no event tells of.

Each is one fact of the database for a site, and is no longer there when it is no longer so.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from milestones.store.database import meta
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Meta, Site

_META = table_of(Meta)
_SITES = table_of(Site)

_DRIFT, _LOOKED, _TIERS = "program-drift:", "program-looked:", "program-tiers:"
_POLLED = "program-polled:"


class Look(NamedTuple):
    """When a site was last compared with the file, and by which configuration (its hash)."""

    at: datetime
    configuration: str


async def set_drift(tx: Transaction, site_id: str, drift: Sequence[str], look: Look) -> None:
    """Remember how a site differs from the file, in sentences; none where it does not."""
    await meta.set_to(tx, _LOOKED + site_id, json.dumps([look.at.isoformat(), look.configuration]))
    if drift:
        await meta.set_to(tx, _DRIFT + site_id, json.dumps(list(drift)))
    else:
        await meta.remove(tx, _DRIFT + site_id)


async def find_look(tx: Transaction, site_id: str) -> Look | None:
    """The last comparison of a site, if there was one."""
    text = await meta.get(tx, _LOOKED + site_id)
    if text is None:
        return None
    at, configuration = json.loads(text)
    return Look(datetime.fromisoformat(at), configuration)


async def list_drifts(tx: Transaction, most: int) -> list[tuple[str, list[str]]]:
    """Active sites that are not as the file has them, so many at most, and how each differs."""
    rows = await tx.execute(
        select(_SITES.c.id, _META.c.value)
        .join(_META, _META.c.key == _DRIFT + _SITES.c.id)
        .where(_SITES.c.state == "active")
        .order_by(_SITES.c.id)
        .limit(most)
    )
    return [(site_id, json.loads(value)) for site_id, value in rows]


async def count_drifts(tx: Transaction) -> int:
    """How many active sites are not as the file has them."""
    counted = await tx.execute(
        select(func.count())
        .select_from(_SITES)
        .join(_META, _META.c.key == _DRIFT + _SITES.c.id)
        .where(_SITES.c.state == "active")
    )
    return int(counted.scalar_one())


async def set_tiers_status(tx: Transaction, site_id: str, status: str) -> None:
    """Remember whether the tiers of a site count; no event tells of it (docs/wix-api.md, 4.5)."""
    await meta.set_to(tx, _TIERS + site_id, status)


async def set_poll(tx: Transaction, site_id: str, at: datetime) -> None:
    """Remember when it was asked what no event of a site tells."""
    await meta.set_to(tx, _POLLED + site_id, at.isoformat())


async def find_poll(tx: Transaction, site_id: str) -> datetime | None:
    """When that was asked last; None where it never was."""
    text = await meta.get(tx, _POLLED + site_id)
    return None if text is None else datetime.fromisoformat(text)


async def list_standstills(tx: Transaction, most: int) -> list[tuple[str, str]]:
    """Active sites whose program was not active when it was last asked about, and its status."""
    rows = await tx.execute(
        select(_SITES.c.id, _SITES.c.program_status)
        .where(_SITES.c.state == "active", _SITES.c.program_status.in_(("PAUSED", "DRAFT")))
        .order_by(_SITES.c.id)
        .limit(most)
    )
    return [(site_id, status) for site_id, status in rows]


async def list_idle_tiers(tx: Transaction, most: int) -> list[tuple[str, str]]:
    """Active sites whose tiers were not active when they were last asked about, and their status."""
    rows = await tx.execute(
        select(_SITES.c.id, _META.c.value)
        .join(_META, _META.c.key == _TIERS + _SITES.c.id)
        .where(_SITES.c.state == "active", _META.c.value != "ACTIVE")
        .order_by(_SITES.c.id)
        .limit(most)
    )
    return [(site_id, status) for site_id, status in rows]
