"""What becomes of the customers when a definition is new, changed, renamed, removed or put back."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import event

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure
from milestones.errors import StoreUnavailableError, UsageError
from milestones.pipeline import observe
from milestones.store import accounts, sites
from milestones.store.database.store import Store
from milestones.store.views import timeline
from tests.builders import (
    GO_LIVE,
    NOW,
    SITE,
    a_coupon,
    a_ladder,
    a_milestone,
    a_point,
    a_repeating,
    an_observation,
)
from tests.store.rules import FixedRules, go_live, opened
from tests.store.test_crossings import grants_of

STARS = a_milestone(1000, key="stars")
Steps = Sequence[int | tuple[Milestone, ...]]


async def lived(store: Store, steps: Steps) -> dict[str, list[int]]:
    """One account through balances, and configurations that are put into force in between."""
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    revision = 0
    for i, step in enumerate(steps):
        now = NOW + timedelta(hours=i)
        if isinstance(step, tuple):
            rules.milestones = step
            async with store.write() as tx:
                await sites.define(tx, SITE, step, now)
        else:
            revision += 1
            await observe.observe(store, rules, SITE, [an_observation(step, revision, told_at=now)], now)
    return await grants_of(store, SITE)


@pytest.mark.parametrize(
    ("steps", "given"),
    [
        # New: nothing for those who are above already; those who reach it later get it.
        ((10, 1200, (STARS, a_milestone(500, key="new")), 1300), {"stars": [1]}),
        ((10, 1200, (STARS, a_milestone(500, key="new")), 400, 600), {"stars": [1], "new": [1]}),
        # Lower threshold: starts from the balance at that moment; who is between the two gets nothing by itself.
        ((10, 600, (a_milestone(500, key="stars"),), 700), {}),
        ((10, 400, (a_milestone(500, key="stars"),), 500), {"stars": [1]}),
        # Higher threshold: who had it does not get the same key twice.
        ((10, 1200, (a_milestone(2000, key="stars"),), 2500), {"stars": [1]}),
        ((10, 800, (a_milestone(2000, key="stars"),), 1500, 2000), {"stars": [1]}),
        # Renamed: another milestone, which starts now.
        ((10, 1200, (a_milestone(1000, key="other"),), 1300), {"stars": [1]}),
        ((10, 900, (a_milestone(1000, key="other"),), 1000), {"other": [1]}),
        # Removed: nothing more, and nothing for what was reached meanwhile when it is put back.
        ((10, 900, (), 1200), {}),
        ((10, 900, (), 1200, (STARS,), 1300), {}),
        ((10, 900, (), (STARS,), 1200), {"stars": [1]}),
        # Another kind under the same key: `once` means the key, whatever it was that gave it.
        (
            (
                10,
                (a_ladder(500, key="kind"),),
                1100,
                (a_milestone(1500, key="kind"),),
                1600,
                (a_ladder(500, key="kind"),),
                2000,
            ),
            {"kind": [500, 1000, 2000]},
        ),
        ((10, (a_repeating(1000, 400, key="stars"),), 1100, (STARS,), 300, 1100), {"stars": [1]}),
        # A new title or reward is no new definition: who was below before and above after crosses.
        ((10, (a_milestone(1000, key="stars", title="New", rewards=(a_coupon(),)),), 1200), {"stars": [1]}),
        # A ladder whose steps change: rungs are points, so none is given twice.
        (
            (
                10,
                (a_milestone(1000, key="ladder", repeat=Repeat.LADDER),),
                2100,
                (a_milestone(500, key="ladder", repeat=Repeat.LADDER),),
                2600,
            ),
            {"ladder": [1000, 2000, 2500]},
        ),
        # EVERY that is redefined while spent: it starts anew from where the account is.
        (
            (
                10,
                (a_milestone(1000, key="again", repeat=Repeat.EVERY, rearm_below=400),),
                1100,
                (a_milestone(1000, key="again", repeat=Repeat.EVERY, rearm_below=500),),
                450,
                1000,
            ),
            {"again": [1, 2]},
        ),
    ],
)
async def test_a_definition_that_changes(store: Store, steps: Steps, given: dict[str, list[int]]) -> None:
    assert await lived(store, steps) == given


async def test_an_event_from_before_a_change_is_judged_by_nothing_that_came_after(store: Store) -> None:
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    late = an_observation(400, 2)
    for item in (an_observation(900, 1), an_observation(700, 3)):
        await observe.observe(store, rules, SITE, [item], NOW)
    rules.milestones = (a_milestone(600, key="stars"),)
    await observe.observe(store, rules, SITE, [an_observation(800, 4)], NOW)
    await observe.observe(store, rules, SITE, [late], NOW)
    assert await grants_of(store, SITE) == {}


async def test_a_repeating_milestone_that_looks_at_another_measure_gives_what_is_reached_next(
    store: Store,
) -> None:
    rules = FixedRules((a_repeating(1000, 400, measure=Measure.EARNED),))
    await go_live(store, rules)

    async def see(*balances_and_earned: tuple[int, int]) -> None:
        for balance, earned in balances_and_earned:
            seen = an_observation(point=a_point(balance, earned, earned=earned))
            await observe.observe(store, rules, SITE, [seen], NOW)

    # The last that was heard before the change is what was given.
    await see((10, 900), (110, 1000))
    rules.milestones = (a_repeating(1000, 400),)
    await see((1000, 1890))
    assert await grants_of(store, SITE) == {"again": [1, 2]}


async def test_what_others_changed_meanwhile_is_in_force(store: Store, database_url: str) -> None:
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    await observe.observe(store, rules, SITE, [an_observation(900, 1)], NOW)
    async with opened(database_url) as another, another.write() as tx:
        await sites.define(tx, SITE, (), NOW)
    # Its definition was retired, so it starts anew from here.
    await observe.observe(store, rules, SITE, [an_observation(1200, 2)], NOW)
    assert await grants_of(store, SITE) == {"stars": [1]}
    async with store.read() as tx:
        [version] = await sites.get_versions(tx, SITE, rules.milestones)
    assert version.number == 2


async def test_a_definition_whose_transaction_was_undone_is_not_in_force(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    rules.milestones = (a_milestone(500, key="new"),)
    hour = timedelta(hours=1)

    async def refuse(*_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(accounts, "save", refuse)
        with pytest.raises(StoreUnavailableError):
            await observe.observe(store, rules, SITE, [an_observation(10, 1)], NOW)
    # Born between the two, it is no younger than the definition, and did not begin with 0 under it.
    seen = an_observation(600, 1, account_id="another", created_at=NOW + hour)
    await observe.observe(store, rules, SITE, [seen], NOW + 2 * hour)
    assert await grants_of(store, SITE) == {}


async def test_an_event_reads_no_definitions_that_nobody_changed(store: Store) -> None:
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    read: list[str] = []
    assert store._writer is not None

    @event.listens_for(store._writer.sync_engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "definition_versions" in statement:
            read.append(statement)

    for revision, balance in enumerate((10, 20, 1000), 1):
        await observe.observe(store, rules, SITE, [an_observation(balance, revision)], NOW)
        if revision == 1:
            assert read, "the first event learns them"
            read.clear()
    assert read == []


async def test_a_restart_with_the_same_configuration_makes_no_version(store: Store) -> None:
    await go_live(store, FixedRules((STARS,)))
    async with store.write() as tx:
        again = await sites.define(tx, SITE, (STARS,), NOW)
    assert (again.newest, again.versions["stars"].activated_at) == (1, GO_LIVE)


async def test_a_pause_survives_a_change_of_the_definition(store: Store) -> None:
    await go_live(store, FixedRules((STARS,)))
    async with store.write() as tx:
        await sites.pause(tx, SITE, "stars", paused=True)
        await sites.define(tx, SITE, (a_milestone(2000, key="stars"),), NOW)
        assert await sites.list_paused_milestones(tx, SITE) == {"stars"}


async def test_a_pause_outlives_its_definition(store: Store) -> None:
    await go_live(store, FixedRules((STARS,)))
    async with store.write() as tx:
        await sites.pause(tx, SITE, "stars", paused=True)
        await sites.define(tx, SITE, (), NOW)
        assert await sites.list_paused_milestones(tx, SITE) == {"stars"}
        await sites.define(tx, SITE, (STARS,), NOW)
        assert await timeline.list_paused(tx) == [(SITE, "stars")]
        await sites.define(tx, SITE, (), NOW)
        await sites.pause(tx, SITE, "stars", paused=False)
        await sites.define(tx, SITE, (STARS,), NOW)
        assert await sites.list_paused_milestones(tx, SITE) == set()


async def test_what_was_taken_out_of_the_configuration_cannot_be_backfilled(store: Store) -> None:
    rules = FixedRules((STARS,))
    await go_live(store, rules)
    rules.milestones = ()
    with pytest.raises(UsageError, match="stars was taken out"):
        await observe.backfill(store, rules, SITE, "stars", ["account"], NOW)
