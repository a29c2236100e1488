"""What a site and its operator allow to be done now."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Site, SiteState

_SITES = table_of(Site)
_SITE = Prepared(select(_SITES.c.state, _SITES.c.paused).where(_SITES.c.id == bindparam("site_id")))


@dataclass(frozen=True, slots=True)
class Permission:
    """What a site and its operator allow now. is_open: whether anything may be done. paused: keys of milestones."""

    is_open: bool
    paused: frozenset[str]

    def allows(self, milestone: str) -> bool:
        """Whether what this milestone owes may be done."""
        return self.is_open and milestone not in self.paused


async def get_permission(tx: Transaction, site_id: str) -> Permission:
    """How the site stands, with what is ordered for the whole database."""
    of_site = {"site_id": site_id}
    rows, hold = await _SITE.fetch(tx, of_site), await heartbeat.get_hold(tx)
    is_open = any(row.state == SiteState.ACTIVE and not row.paused for row in rows)
    return Permission(is_open and hold is None, frozenset(await sites.list_paused_milestones(tx, site_id)))
