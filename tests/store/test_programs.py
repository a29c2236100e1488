"""What was seen of loyalty programs is kept, shown for active sites alone, and gone when it is no longer so."""

from milestones.store import programs, sites
from milestones.store.database.store import Store
from milestones.store.programs import Look
from tests.builders import NOW


async def test_what_was_seen_is_kept_until_it_is_no_longer_so(database_url: str) -> None:
    store = await Store.open(database_url)
    try:
        async with store.write() as tx:
            for site in ("one", "two"):
                await sites.take_on(tx, site, site, NOW)
                await programs.set_drift(tx, site, ["Change it."], Look(NOW, "abc"))
                await programs.set_tiers_status(tx, site, "PAUSED")
                facts = {"status": "PAUSED", "name": site, "points_name": "Stars"}
                await sites.set_program(tx, site, facts, NOW)
            await programs.set_drift(tx, "unheard of", ["Change it."], Look(NOW, "abc"))
        async with store.write() as tx:
            await programs.set_drift(tx, "two", [], Look(NOW, "def"))
            await programs.set_tiers_status(tx, "two", "ACTIVE")
        async with store.read() as tx:
            assert await programs.list_drifts(tx, 5) == [("one", ["Change it."])]
            assert await programs.count_drifts(tx) == 1
            assert await programs.find_look(tx, "two") == Look(NOW, "def")
            assert await programs.find_look(tx, "three") is None
            assert await programs.list_idle_tiers(tx, 5) == [("one", "PAUSED")]
            assert await programs.list_standstills(tx, 1) == [("one", "PAUSED")]
    finally:
        await store.close()
