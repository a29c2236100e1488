"""A configuration for tests of the store: one site, any milestones, no breaker unless asked for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from milestones.domain.milestone import Milestone
from milestones.domain.policy import Breaker
from milestones.pipeline.context import SiteRules
from milestones.store import sites
from milestones.store.database.store import Store
from tests.builders import GO_LIVE, SECRET, SITE
from tests.databases import make_tables

NO_BREAKER = Breaker(1.0, 1_000_000)


@dataclass
class FixedRules:
    """``pipeline.Rules`` with the same answer for every site."""

    milestones: tuple[Milestone, ...]
    shadow: bool = False
    breaker: Breaker = NO_BREAKER
    new_sites: str = "observe"
    secret: bytes = field(default=SECRET, repr=False)

    def site(self, site_id: str) -> SiteRules:
        del site_id
        return SiteRules(self.milestones, self.breaker, "configuration", self.shadow)

    def new_site(self, site_id: str) -> str:
        del site_id
        return self.new_sites


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """A store with its schema."""
    make_tables(url)
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


async def go_live(store: Store, rules: FixedRules, site_id: str = SITE) -> None:
    """The site was taken on at GO_LIVE."""
    async with store.write() as tx:
        await sites.take_on(tx, site_id, "main", GO_LIVE)
        await sites.define(tx, site_id, rules.milestones, GO_LIVE)
