"""Forgetting changes no later answer, and takes nothing that is needed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from milestones.config import RetentionSettings
from milestones.domain.actions import State
from milestones.domain.milestone import Repeat
from milestones.maintenance.retention import forget
from milestones.pipeline import observe
from milestones.store import scans, sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action, Grant, ObservationRun, Scan
from tests.builders import (
    GO_LIVE,
    NOW,
    SITE,
    a_badge,
    a_coupon,
    a_milestone,
    a_point,
    an_email,
    an_observation,
)
from tests.examples import of_examples
from tests.store.rules import FixedRules, go_live
from tests.store.test_crossings import RULES, grants_of

KEPT = RetentionSettings()
_NUMBERS = count()
"""Hypothesis gives one store to all examples of a test, and may draw the same number twice: so each has its own site."""


async def forgotten(
    store: Store, rules: FixedRules, now: datetime, kept: RetentionSettings = KEPT, site_id: str = SITE
) -> dict[str, int]:
    async with store.read() as tx:
        versions = {site_id: await sites.get_versions(tx, site_id, rules.milestones)}
    return await forget(store, kept, dict(versions), now)


@pytest.mark.parametrize("young", [True, False])
@settings(
    max_examples=of_examples(0.2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    balances=st.lists(st.sampled_from([0, 299, 399, 400, 650, 999, 1000, 1300]), min_size=2, max_size=6),
    forget_after=st.integers(1, 5),
)
async def test_forgetting_changes_no_later_grant(
    store: Store, young: bool, balances: Sequence[int], forget_after: int
) -> None:
    found = []
    number = next(_NUMBERS)
    for forgets in (False, True):
        site_id = f"site-{number}-{young}-{forgets}"
        await go_live(store, RULES, site_id)
        created_at = GO_LIVE + timedelta(days=1) if young else GO_LIVE - timedelta(days=9)
        for i, balance in enumerate(balances, 1):
            at = (GO_LIVE + timedelta(days=10 * i) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
                microseconds=1
            )
            seen = an_observation(point=a_point(balance, i, at=at), created_at=created_at)
            now = GO_LIVE + timedelta(days=10 * i)
            await observe.observe(store, RULES, site_id, [seen], now)
            if forgets and i >= forget_after:
                await forgotten(
                    store,
                    RULES,
                    now + timedelta(days=1),
                    KEPT.model_copy(update={"observations": timedelta(0)}),
                    site_id,
                )
        found.append(await grants_of(store, site_id))
    assert found[0] == found[1]


async def test_a_history_that_is_forgotten_is_not_taken_for_a_start_at_nothing(store: Store) -> None:
    rules = FixedRules((a_milestone(key="every", repeat=Repeat.EVERY, rearm_below=400),))
    await go_live(store, rules)
    for i, balance in enumerate((10, 1000, 1100, 1200), 1):
        seen = an_observation(balance, i, created_at=GO_LIVE + timedelta(days=1))
        await observe.observe(store, rules, SITE, [seen], NOW)
    await forgotten(store, rules, NOW + timedelta(days=500))
    async with store.read() as tx:
        kept = (await tx.execute(select(table_of(ObservationRun).c.balance))).scalars().all()
    assert kept == [1200]
    await observe.observe(store, rules, SITE, [an_observation(1300, 5)], NOW)
    assert await grants_of(store, SITE) == {"every": [1]}


async def test_what_was_heard_lately_stays_although_no_date_was_told(store: Store) -> None:
    # An event of points tells no `updatedDate` (docs/wix-api.md, 4.4).
    rules = FixedRules((a_milestone(1000, key="once"),))
    await go_live(store, rules)
    later = NOW + timedelta(days=500)
    for revision, balance, now in ((1, 10, NOW), (2, 20, NOW), (4, 900, later), (6, 950, later)):
        await observe.observe(store, rules, SITE, [an_observation(balance, revision)], now)
    assert (await forgotten(store, rules, later))["observations"] == 1
    await observe.observe(store, rules, SITE, [an_observation(1000, 5)], later)
    assert await grants_of(store, SITE) == {"once": [1]}


async def test_actions_go_when_all_of_their_grant_is_settled_and_old_and_grants_never(store: Store) -> None:
    rules = FixedRules((a_milestone(rewards=(a_coupon(), a_badge(), an_email())),))
    await go_live(store, rules)
    actions = table_of(Action)
    for account in ("old", "open"):
        for revision, balance in ((1, 10), (2, 1000)):
            await observe.observe(
                store, rules, SITE, [an_observation(balance, revision, account_id=account)], NOW
            )
    async with store.write() as tx:
        await tx.execute(update(actions).values(state=State.DONE, settled_at=NOW))
        await tx.execute(
            update(actions)
            .where(actions.c.account_id == "open", actions.c.kind == "email")
            .values(state=State.HELD)
        )
    assert (await forgotten(store, rules, NOW + timedelta(days=179)))["actions"] == 0
    assert (await forgotten(store, rules, NOW + timedelta(days=181)))["actions"] == 3
    async with store.read() as tx:
        assert set((await tx.execute(select(actions.c.account_id))).scalars()) == {"open"}
        assert len((await tx.execute(select(table_of(Grant)))).all()) == 2


async def test_the_newest_scan_of_each_kind_stays_for_its_watermark(store: Store) -> None:
    await go_live(store, RULES)
    for kind in ("near", "near", "reached"):
        async with store.write() as tx:
            scan = await scans.start(tx, SITE, kind, NOW)
            await scans.finish(tx, scan, 10, NOW)
    assert (await forgotten(store, RULES, NOW + timedelta(days=200)))["scans"] == 1
    async with store.read() as tx:
        left = (await tx.execute(select(table_of(Scan).c.kind))).scalars().all()
    assert sorted(left) == ["near", "reached"]
