"""Sites that come, go, and come back."""

from datetime import timedelta

import pytest

from milestones import pipeline
from milestones.domain.event import AccountSeen, AppInstalled, AppRemoved, Event, Heard
from milestones.store import sites
from milestones.store.database import Store
from tests.builders import NOW, SITE, a_milestone, an_observation
from tests.store.rules import FixedRules, go_live
from tests.store.test_crossings import grants_of

RULES = FixedRules((a_milestone(1000, key="stars"),))


def heard(event: Event, site_id: str = SITE) -> Heard:
    return Heard(site_id, "an event", event)


@pytest.mark.parametrize(
    ("new_sites", "state"), [("ignore", None), ("observe", "observed"), ("active", "active")]
)
async def test_a_site_that_nobody_named(store: Store, new_sites: str, state: str | None) -> None:
    rules = FixedRules(RULES.milestones, new_sites=new_sites)
    event = AccountSeen(an_observation(10, 1))
    outcome = await pipeline.hear(store, rules, [heard(event, "stranger")], NOW)
    async with store.read() as tx:
        site = await sites.named(tx, "stranger")
    assert (site.state if site else None) == state
    assert outcome.new_sites == (set() if state is None else {"stranger"})


async def test_a_removed_app_hears_nothing(store: Store) -> None:
    await go_live(store, RULES)
    await pipeline.hear(store, RULES, [heard(AccountSeen(an_observation(10, 1)))], NOW)
    await pipeline.hear(store, RULES, [heard(AppRemoved())], NOW)
    await pipeline.hear(store, RULES, [heard(AccountSeen(an_observation(1000, 2)))], NOW)
    assert await grants_of(store, SITE) == {}


async def test_an_app_that_comes_back_begins_anew_and_what_was_given_stays_given(store: Store) -> None:
    rules = FixedRules(RULES.milestones, new_sites="active")
    await go_live(store, rules)
    given, below = "given", "below"
    for account, balances in ((given, (10, 1000)), (below, (10,))):
        for revision, balance in enumerate(balances, 1):
            seen = an_observation(balance, revision, account_id=account)
            await pipeline.hear(store, rules, [heard(AccountSeen(seen))], NOW)
    await pipeline.hear(store, rules, [heard(AppRemoved())], NOW)
    back = NOW + timedelta(days=30)
    await pipeline.hear(store, rules, [heard(AppInstalled())], back)
    for account in (given, below):
        for revision, balance in ((10, 1500), (11, 400), (12, 1600)):
            seen = an_observation(balance, revision, account_id=account, told_at=back + timedelta(days=1))
            outcome = await pipeline.hear(store, rules, [heard(AccountSeen(seen))], back)
            if (account, revision) == (below, 10):
                assert outcome.grants == 0, "nobody saw it cross"
    assert await grants_of(store, SITE) == {"stars": [1, 1]}
    async with store.read() as tx:
        site = await sites.named(tx, SITE)
    assert site is not None
    assert (site.go_live_at, site.baseline_done_at) == (back, None)


async def test_a_removal_that_is_told_late_silences_nobody(store: Store) -> None:
    await go_live(store, RULES)
    await pipeline.hear(store, RULES, [heard(AccountSeen(an_observation(10, 1)))], NOW)
    await pipeline.hear(store, RULES, [heard(AppRemoved())], NOW)
    later = an_observation(1000, 2, told_at=NOW + timedelta(minutes=5))
    await pipeline.hear(store, RULES, [heard(AccountSeen(later))], NOW + timedelta(minutes=5))
    assert await grants_of(store, SITE) == {"stars": [1]}
