"""Every way in which grants, log and Wix can disagree, and that they agree when nothing was touched."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, update

from milestones.commands.models.verify import Verify, VerifyAnswer
from milestones.commands.verify import verify
from milestones.domain.actions import State
from milestones.pipeline import observe
from milestones.scans.run import Kind, run
from milestones.store import retention, sites
from milestones.store.database.statements import table_of
from milestones.store.tables import Action, Grant
from tests.builders import a_badge, a_coupon, a_milestone, a_point, a_repeating, an_observation
from tests.scans.conftest import Ground, ground

__all__ = ["ground"]


class Host:
    """What ``verify`` needs of the daemon."""

    def __init__(self, ground: Ground) -> None:
        self.runtime: Any = ground
        self.scan_work = lambda _site: ground.work()


async def verified(ground: Ground, *, online: bool = False) -> VerifyAnswer:
    return await verify(Host(ground), Verify(online=online), lambda _report: None)  # type: ignore[arg-type]


def whats(answer: VerifyAnswer) -> list[str]:
    return sorted(found.what for found in answer.differences)


async def crossed(ground: Ground) -> None:
    ground.rules.milestones = (a_milestone(rewards=(a_coupon(), a_badge())),)
    for revision, balance in ((1, 10), (2, 1000)):
        seen = an_observation(balance, revision, told_at=ground.now)
        await observe.observe(ground.store, ground.rules, ground.site_id, [seen], ground.now)


async def test_what_nobody_touched_agrees(ground: Ground) -> None:
    await run(ground.work(), Kind.BASELINE)
    await crossed(ground)
    result = await verified(ground)
    assert (result.grants, result.differences) == (1, ())
    assert result.accounts == len(ground.sandbox.world.accounts) + 1


async def test_a_grant_that_is_gone_is_missed(ground: Ground) -> None:
    await crossed(ground)
    async with ground.store.write() as tx:
        await tx.execute(delete(table_of(Grant)))
    assert whats(await verified(ground)) == ["grant_missing"]


async def test_a_grant_that_nothing_bears_out_is_found(ground: Ground) -> None:
    await crossed(ground)
    async with ground.store.write() as tx:
        await tx.execute(update(table_of(Grant)).values(value=5000))
    assert whats(await verified(ground)) == ["grant_without_evidence"]


async def seen(ground: Ground, *balances: int, revision: int = 1) -> None:
    for number, balance in enumerate(balances, start=revision):
        told = an_observation(balance, number, told_at=ground.now)
        await observe.observe(ground.store, ground.rules, ground.site_id, [told], ground.now)


async def given_once_more(ground: Ground, **values: Any) -> None:
    """A second grant like the first, as a fault of this program would write it."""
    [first] = await ground.rows(Grant)
    second = {**first, "occurrence": 2, **values}
    del second["id"]
    async with ground.store.write() as tx:
        await tx.execute(insert(table_of(Grant)).values(second))


async def test_a_second_grant_in_one_cycle_is_found(ground: Ground) -> None:
    ground.rules.milestones = (a_repeating(),)
    await seen(ground, 10, 1000, 1100)
    await given_once_more(ground, revision=3, value=1100)
    result = await verified(ground)
    assert whats(result) == ["grant_twice"]
    assert result.differences[0].sentence == (
        "again was given at revision 2 and again at revision 3, and the log does not show a fall below 200 points "
        "between them."
    )


async def test_a_second_grant_in_a_second_cycle_is_as_it_should_be(ground: Ground) -> None:
    ground.rules.milestones = (a_repeating(),)
    await seen(ground, 10, 1000, 1100, 100, 1200)
    result = await verified(ground)
    assert (result.grants, result.differences) == (2, ())


async def test_a_late_fall_between_two_crossings_makes_no_difference(ground: Ground) -> None:
    ground.rules.milestones = (a_repeating(),)
    await seen(ground, 10, 1000)
    await seen(ground, 1100, revision=5)
    await seen(ground, 100, 1000, revision=3)
    result = await verified(ground)
    assert (result.grants, result.differences) == (2, ())


async def test_forgotten_cycles_of_a_young_account_are_no_difference(ground: Ground) -> None:
    ground.rules.milestones = (a_repeating(),)
    born = ground.now + timedelta(hours=1)
    for number, balance in enumerate((10, 1000, 100, 1000), start=1):
        told = an_observation(balance, number, told_at=born, created_at=born)
        await observe.observe(ground.store, ground.rules, ground.site_id, [told], born)
    await forgotten(ground, born + timedelta(days=2), 1100, 5)
    result = await verified(ground)
    assert (result.grants, result.differences) == (2, ())


async def test_a_grant_is_held_against_the_definition_of_its_time(ground: Ground) -> None:
    ground.rules.milestones = (a_repeating(1000),)
    await seen(ground, 10, 1000)
    ground.now += timedelta(hours=1)
    ground.rules.milestones = (a_repeating(2000),)
    async with ground.store.write() as tx:
        await sites.define(tx, ground.site_id, ground.rules.milestones, ground.now)
    await seen(ground, 1100, 2000, 100, 2000, revision=3)
    result = await verified(ground)
    assert (result.grants, result.differences) == (3, ())


async def forgotten(ground: Ground, later: datetime, balance: int, revision: int) -> None:
    """Later this is seen, and all that may be forgotten of what was before is."""
    young = an_observation(
        point=a_point(balance, revision, at=int(later.timestamp()) * 1_000_000), told_at=later
    )
    await observe.observe(ground.store, ground.rules, ground.site_id, [young], later)
    async with ground.store.write() as tx:
        versions = await sites.get_versions(tx, ground.site_id, ground.rules.milestones)
        await retention.forget_observations(tx, ground.site_id, versions, later, "")


async def test_a_grant_whose_past_was_forgotten_is_no_difference(ground: Ground) -> None:
    await crossed(ground)
    await forgotten(ground, ground.now + timedelta(days=2), 1100, 3)
    result = await verified(ground)
    assert (result.forgotten, result.differences) == (1, ())


async def test_a_grant_of_before_the_app_was_removed_is_no_difference(ground: Ground) -> None:
    await crossed(ground)
    ground.now += timedelta(days=1)
    async with ground.store.write() as tx:
        await sites.change(tx, ground.site_id, state="removed", removed_at=ground.now)
        await sites.take_on(tx, ground.site_id, "main", ground.now)
    again = an_observation(1000, 2, told_at=ground.now)
    await observe.observe(ground.store, ground.rules, ground.site_id, [again], ground.now)
    result = await verified(ground)
    assert (result.forgotten, result.differences) == (1, ())


async def test_a_coupon_that_wix_lost_and_one_that_is_not_recorded(ground: Ground) -> None:
    await crossed(ground)
    actions = table_of(Action)
    async with ground.store.write() as tx:
        await tx.execute(update(actions).where(actions.c.kind == "coupon").values(state=State.DONE))
        await tx.execute(delete(actions).where(actions.c.kind == "badge"))
    assert whats(await verified(ground, online=True)) == ["coupon_missing_in_wix"]
    [coupon] = await ground.rows(Action)
    await ground.client.call(
        "POST", "/stores/v2/coupons", body={"specification": coupon["payload"]["specification"]}, reads=False
    )
    assert whats(await verified(ground, online=True)) == []
    async with ground.store.write() as tx:
        await tx.execute(update(actions).values(state=State.CANCELLED))
    assert whats(await verified(ground, online=True)) == ["coupon_unrecorded"]


async def test_what_was_just_done_is_no_difference_while_queries_lag(ground: Ground) -> None:
    await crossed(ground)
    sandbox = ground.sandbox
    sandbox.switch(sandbox.world.switches.model_copy(update={"query_lag_seconds": 60}))
    actions = table_of(Action)
    [coupon] = [row for row in await ground.rows(Action) if row["kind"] == "coupon"]
    made = await ground.client.call(
        "POST", "/stores/v2/coupons", body={"specification": coupon["payload"]["specification"]}, reads=False
    )
    badge, member = next(iter(sandbox.world.badges)), next(iter(sandbox.world.members))
    given = {"coupon": {"coupon_id": made["id"]}, "badge": {"badge_id": badge["id"], "member_id": member.id}}
    async with ground.store.write() as tx:
        for kind, result in given.items():
            done = update(actions).where(actions.c.kind == kind).values(state=State.DONE, result=result)
            await tx.execute(done.values(settled_at=ground.now))
    assert whats(await verified(ground, online=True)) == []
    ground.now += timedelta(hours=1)
    assert whats(await verified(ground, online=True)) == ["badge_missing_in_wix"]


async def test_a_badge_that_somebody_took_away(ground: Ground) -> None:
    await crossed(ground)
    actions = table_of(Action)
    badge = next(iter(ground.sandbox.world.badges))
    member = next(iter(ground.sandbox.world.members))
    async with ground.store.write() as tx:
        await tx.execute(delete(actions).where(actions.c.kind == "coupon"))
        result = {"badge_id": badge["id"], "member_id": member.id, "title": "x"}
        await tx.execute(update(actions).values(state=State.DONE, result=result))
    assert whats(await verified(ground, online=True)) == ["badge_missing_in_wix"]
