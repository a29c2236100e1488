"""Sites that come, go, and come back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from milestones.domain.event import AccountSeen, AppInstalled, AppRemoved, Event, Heard
from milestones.domain.observation import Source
from milestones.errors import StoreError
from milestones.pipeline import observe
from milestones.pipeline.context import Chosen
from milestones.store import scans, sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import GO_LIVE, NOW, SITE, a_milestone, an_observation
from tests.store.rules import FixedRules, go_live
from tests.store.test_crossings import grants_of

RULES = FixedRules((a_milestone(1000, key="stars"),))
COMES_BACK = FixedRules(RULES.milestones, new_sites="active")
BACK = NOW + timedelta(days=30)


def heard(event: Event, site_id: str = SITE) -> Heard:
    return Heard(site_id, "an event", event)


@pytest.mark.parametrize(
    ("new_sites", "state"), [("ignore", None), ("observe", "observed"), ("active", "active")]
)
async def test_a_site_that_nobody_named(store: Store, new_sites: str, state: str | None) -> None:
    rules = FixedRules(RULES.milestones, new_sites=new_sites)
    event = AccountSeen(an_observation(10, 1))
    outcome = await observe.hear(store, rules, [heard(event, "stranger")], NOW)
    async with store.read() as tx:
        site = await sites.find_site(tx, "stranger")
    assert (site.state if site else None) == state
    assert outcome.new_sites == (set() if state is None else {"stranger"})


async def test_a_removed_app_hears_nothing(store: Store) -> None:
    await go_live(store, RULES)
    await observe.hear(store, RULES, [heard(AccountSeen(an_observation(10, 1)))], NOW)
    await observe.hear(store, RULES, [heard(AppRemoved())], NOW)
    await observe.hear(store, RULES, [heard(AccountSeen(an_observation(1000, 2)))], NOW)
    assert await grants_of(store, SITE) == {}


async def test_an_app_that_comes_back_begins_anew_and_what_was_given_stays_given(store: Store) -> None:
    rules = FixedRules(RULES.milestones, new_sites="active")
    await go_live(store, rules)
    given, below = "given", "below"
    for account, balances in ((given, (10, 1000)), (below, (10,))):
        for revision, balance in enumerate(balances, 1):
            seen = an_observation(balance, revision, account_id=account)
            await observe.hear(store, rules, [heard(AccountSeen(seen))], NOW)
    await observe.hear(store, rules, [heard(AppRemoved())], NOW)
    back = NOW + timedelta(days=30)
    await observe.hear(store, rules, [heard(AppInstalled())], back)
    for account in (given, below):
        for revision, balance in ((10, 1500), (11, 400), (12, 1600)):
            seen = an_observation(balance, revision, account_id=account, told_at=back + timedelta(days=1))
            outcome = await observe.hear(store, rules, [heard(AccountSeen(seen))], back)
            if (account, revision) == (below, 10):
                assert outcome.grants == 0, "nobody saw it cross"
    assert await grants_of(store, SITE) == {"stars": [1, 1]}
    async with store.read() as tx:
        site = await sites.find_site(tx, SITE)
    assert site is not None
    assert (site.go_live_at, site.baseline_done_at) == (back, None)


async def test_a_removal_that_is_told_late_silences_nobody(store: Store) -> None:
    await go_live(store, RULES)
    await observe.hear(store, RULES, [heard(AccountSeen(an_observation(10, 1)))], NOW)
    await observe.hear(store, RULES, [heard(AppRemoved())], NOW)
    later = an_observation(1000, 2, told_at=NOW + timedelta(minutes=5))
    await observe.hear(store, RULES, [heard(AccountSeen(later))], NOW + timedelta(minutes=5))
    assert await grants_of(store, SITE) == {"stars": [1]}


async def test_who_became_a_customer_while_the_app_was_away_is_given_nothing_by_the_baseline(
    store: Store,
) -> None:
    await go_live(store, COMES_BACK)
    await observe.hear(store, COMES_BACK, [heard(AppRemoved())], NOW)
    await observe.hear(store, COMES_BACK, [heard(AppInstalled())], BACK)
    meanwhile = an_observation(
        1500, 10, told_at=BACK, created_at=NOW + timedelta(days=1), source=Source.BASELINE
    )
    assert (await observe.observe(store, COMES_BACK, SITE, [meanwhile], BACK)).grants == 0


async def test_an_app_that_comes_back_is_read_from_the_first_page(store: Store) -> None:
    await go_live(store, COMES_BACK)
    async with store.write() as tx:
        begun = await scans.start(tx, SITE, "baseline", NOW)
        begun.cursor, begun.pages = "the second page", 1
        await scans.save_page(tx, begun)
    await observe.hear(store, COMES_BACK, [heard(AppRemoved())], NOW)
    await observe.hear(store, COMES_BACK, [heard(AppInstalled())], BACK)
    with pytest.raises(StoreError, match="began anew"):
        async with store.write() as tx:
            await scans.save_page(tx, begun)
    async with store.write() as tx:
        anew = await scans.start(tx, SITE, "baseline", BACK)
    assert (anew.cursor, anew.pages, anew.started_at) == (None, 0, BACK)


async def test_reminders_of_a_scan_that_was_given_up_are_cancelled(store: Store) -> None:
    await go_live(store, COMES_BACK)
    await observe.observe(store, COMES_BACK, SITE, [an_observation(950, 1)], NOW)
    async with store.write() as tx:
        scan = await scans.start(tx, SITE, "near", NOW)
    chosen = Chosen(an_observation().account_id, "stars", approach=1, number=1, value=950)
    await observe.remind(store, COMES_BACK, scan, [chosen], NOW)
    await observe.hear(store, COMES_BACK, [heard(AppRemoved())], NOW)
    await observe.hear(store, COMES_BACK, [heard(AppInstalled())], BACK)
    columns = table_of(Action).c
    async with store.read() as tx:
        [found] = (await tx.execute(select(columns.state, columns.verdict))).all()
    assert tuple(found) == ("cancelled", "site_not_active")


async def test_an_app_that_was_only_observed_after_its_return_begins_anew_all_the_same(store: Store) -> None:
    await go_live(store, RULES)
    await observe.hear(store, RULES, [heard(AccountSeen(an_observation(10, 1)))], NOW)
    await observe.hear(store, RULES, [heard(AppRemoved())], NOW)
    await observe.hear(store, RULES, [heard(AppInstalled())], BACK)
    async with store.write() as tx:
        site = await sites.find_site(tx, SITE)
        assert site is not None
        assert site.state == "observed"
        assert await sites.take_on(tx, SITE, "main", BACK)
    outcome = await observe.observe(store, RULES, SITE, [an_observation(1500, 9, told_at=BACK)], BACK)
    assert outcome.grants == 0, "nobody saw it cross"


@pytest.mark.parametrize("together", [True, False])
async def test_a_removal_and_a_return_mean_the_same_in_one_batch_and_in_two(
    store: Store, together: bool
) -> None:
    await go_live(store, COMES_BACK)
    told = [heard(AppRemoved()), heard(AppInstalled())]
    for batch in [told] if together else [[item] for item in told]:
        await observe.hear(store, COMES_BACK, batch, BACK)
    async with store.read() as tx:
        site = await sites.find_site(tx, SITE)
    assert site is not None
    assert (site.state, site.go_live_at, site.removed_at) == ("active", BACK, None)


@pytest.mark.parametrize("told", [[AppRemoved()], [AppInstalled(), AppRemoved()]])
async def test_a_site_that_is_known_by_its_removal_alone_is_not_taken_on(
    store: Store, told: list[Event]
) -> None:
    outcome = await observe.hear(store, COMES_BACK, [heard(event, "stranger") for event in told], NOW)
    assert outcome.new_sites == set()
    async with store.read() as tx:
        assert await sites.find_site(tx, "stranger") is None


@pytest.mark.parametrize("lived", [False, True])
async def test_a_removed_site_that_was_only_observed_is_not_taken_on_by_what_its_accounts_do(
    store: Store, lived: bool
) -> None:
    if lived:
        await go_live(store, RULES)
        await observe.hear(store, RULES, [heard(AppRemoved())], NOW)
    for event in (AppInstalled(), AppRemoved(), AppRemoved()):
        await observe.hear(store, RULES, [heard(event)], NOW)
    seen = [an_observation(balance, revision, told_at=BACK) for revision, balance in ((1, 10), (2, 1000))]
    outcome = await observe.hear(store, RULES, [heard(AccountSeen(one)) for one in seen], BACK)
    assert outcome.grants == 0
    async with store.read() as tx:
        site = await sites.find_site(tx, SITE)
    assert site is not None
    assert site.state == "observed"


async def test_a_return_that_is_told_before_its_removal_leaves_the_site_removed(store: Store) -> None:
    await go_live(store, COMES_BACK)
    await observe.hear(store, COMES_BACK, [heard(AppInstalled()), heard(AppRemoved())], BACK)
    async with store.read() as tx:
        site = await sites.find_site(tx, SITE)
    assert site is not None
    assert (site.state, site.go_live_at) == ("removed", GO_LIVE)
