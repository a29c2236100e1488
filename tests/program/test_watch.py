"""Drift is looked for and told, and what no event tells is asked; nothing is changed by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milestones.config import Settings, parse
from milestones.maintenance.programs import Watch, check
from milestones.store import programs, sites
from milestones.store.tables import Site
from milestones.views.notices import list_program_notices
from tests.program.conftest import BASE, Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

MILESTONE = '[[milestones]]\nkey = "t"\ntitle = "T"\nmeasure = "tier_points"\nthreshold = 5\n'


class Watched:
    """A shop that is watched by a clock of the test's."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.now = datetime.now(UTC)
        self.settings = self.parsed("")
        self.watch = Watch(shop.store, lambda _site: shop.client, lambda: self.settings, lambda: self.now)

    def parsed(self, text: str) -> Settings:
        return parse(BASE + MILESTONE + text, Path("/tmp/config.toml"), {})

    async def site(self) -> Site:
        async with self.shop.store.write() as tx:
            await sites.take_on(tx, "site", "Corner", self.now)
            found = await sites.find_site(tx, "site")
        assert found is not None
        return found

    async def look(self, *, heard: bool = False, later: timedelta = timedelta(0)) -> list[str]:
        """The notices after a look."""
        self.now += later
        await check(self.watch, await self.site(), heard=heard)
        async with self.shop.store.read() as tx:
            return await list_program_notices(tx, self.settings)


async def test_a_site_that_is_no_longer_as_the_file_has_it_is_told_and_left_alone(shop: Shop) -> None:
    watched = Watched(shop)
    watched.settings = watched.parsed(
        '[program]\nname = "Star Club"\n[[program.badges]]\ntitle = "First order"\n'
    )
    assert await watched.look() == []
    shop.world.program["name"] = "Renamed in the dashboard"
    assert await watched.look() == [], "it was compared today"
    before = shop.world.changes
    [notice] = await watched.look(heard=True)
    assert notice.startswith(
        "The loyalty program is not as the file has it. To do: Change what the program says of itself. `milestones"
    )
    assert shop.world.changes == before
    async with shop.store.read() as tx:
        assert await programs.count_drifts(tx) == 1
    shop.world.program["name"] = "Star Club"
    assert await watched.look(later=timedelta(days=1, minutes=1)) == []


async def test_another_configuration_is_compared_at_once(shop: Shop) -> None:
    watched = Watched(shop)
    assert await watched.look() == []
    watched.settings = watched.parsed("[program]\nactive = false\nname = 'Other'\n")
    [notice] = await watched.look()
    assert "Pause the program" in notice
    assert "And 1 more." in notice
    watched.settings = watched.parsed("")
    assert await watched.look() == [], "a file that wants nothing is no difference"


async def test_a_pause_of_the_program_or_of_the_tiers_is_found_without_an_event(shop: Shop) -> None:
    watched = Watched(shop)
    assert await watched.look() == []
    shop.world.program["status"] = "PAUSED"
    shop.world.tier_settings = {**shop.world.tier_settings, "status": "PAUSED"}
    assert await watched.look(later=timedelta(minutes=5)) == []
    paused, idle = await watched.look(later=timedelta(minutes=11))
    assert "is paused at Wix" in paused
    assert idle == "The tiers are paused at Wix, so nobody has tier points: t cannot be reached."


async def test_tiers_are_asked_for_also_where_somebody_asks_for_the_program_all_the_time(shop: Shop) -> None:
    watched = Watched(shop)
    assert await watched.look() == []
    shop.world.tier_settings = {**shop.world.tier_settings, "status": "PAUSED"}
    told: list[str] = []
    for _ in range(3):
        # As a gate does, every five minutes.
        watched.now += timedelta(minutes=6)
        facts = {"status": "ACTIVE", "name": "Star Club", "points_name": "Stars"}
        async with shop.store.write() as tx:
            await sites.set_program(tx, "site", facts, watched.now)
        told = await watched.look()
    assert told == ["The tiers are paused at Wix, so nobody has tier points: t cannot be reached."]


async def test_only_events_of_programs_are_heard(shop: Shop) -> None:
    watch = Watched(shop).watch
    watch.hear("site", "wix.badges.v4.badge_assignment_created")
    watch.hear("site", "wix.loyalty.v1.account_reward_availability_updated")
    assert (watch.changed, watch.bell.is_set()) == (set(), False)
    watch.hear("site", "wix.loyalty.v1.reward_updated")
    assert (watch.changed, watch.bell.is_set()) == ({"site"}, True)
