"""What a site and its operator allow to be done now."""

from dataclasses import dataclass

from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.tables import SiteState


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
    site = await sites.find_site(tx, site_id)
    is_open = site is not None and site.state == SiteState.ACTIVE and not site.paused
    return Permission(
        is_open and await heartbeat.get_hold(tx) is None,
        frozenset(await sites.list_paused_milestones(tx, site_id)),
    )
