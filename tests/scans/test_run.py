"""Scans against the sandbox: who is found, what is resumed, what is never done twice."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from milestones.domain.actions import State
from milestones.domain.milestone import Milestone
from milestones.domain.observation import Measure
from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.pipeline.context import Outcome
from milestones.scans.run import Kind, SiteNotActiveError, run
from milestones.store import sites
from milestones.store.tables import Account, Action, Grant, ObservationRun, Reminder, Scan, Trace
from milestones.wix.errors import WixRefusedError
from tests.builders import a_ladder, a_milestone, a_near_window
from tests.scans.conftest import NEAR, Ground


async def test_the_baseline_reads_everybody_and_gives_nothing(ground: Ground) -> None:
    read: list[tuple[int, int | None]] = []
    scan = await run(
        ground.work(progress=lambda _kind, seen, total: read.append((seen, total))), Kind.BASELINE
    )
    everybody = len(ground.sandbox.world.accounts)
    assert scan.counts["read"] == everybody == len(await ground.rows(Account))
    assert read[-1] == (everybody, everybody)
    assert (await ground.rows(Grant), await ground.rows(Action)) == ([], [])
    site = await ground.site()
    assert site.baseline_done_at is not None
    assert site.accounts == everybody


async def test_near_customers_who_agreed_are_reminded_and_nobody_else(ground: Ground) -> None:
    expected = ground.near_and_subscribed()
    assert len(expected) > 5, "the shop has near customers"
    await run(ground.work(), Kind.NEAR)
    actions = await ground.rows(Action)
    assert {row["account_id"] for row in actions} == expected
    assert Counter(row["state"] for row in actions) == {"available": len(expected)}


async def test_a_second_scan_reminds_nobody_again(ground: Ground) -> None:
    await run(ground.work(), Kind.NEAR)
    first = len(await ground.rows(Reminder))
    ground.now += timedelta(hours=1)
    await run(ground.work(), Kind.NEAR)
    assert len(await ground.rows(Reminder)) == first
    verdicts = {row["verdict"] for row in await ground.rows(Trace)}
    assert verdicts >= {Verdict.NEAR, Verdict.TOO_SOON, Verdict.NOT_SUBSCRIBED}


async def test_reminders_leave_only_when_the_whole_scan_is_recorded(ground: Ground) -> None:
    states: list[set[str]] = []

    async def look() -> None:
        states.append({row["state"] for row in await ground.rows(Action)})

    pages = 0

    def stopping() -> bool:
        return pages > 0

    def tell(outcome: Outcome) -> None:
        nonlocal pages
        pages += outcome.reminders > 0

    await run(ground.work(tell=tell, stopping=stopping), Kind.NEAR)
    await look()
    await run(ground.work(), Kind.NEAR)
    await look()
    assert states == [{State.HELD}, {State.AVAILABLE}]
    assert {row["account_id"] for row in await ground.rows(Action)} == ground.near_and_subscribed()


async def test_a_scan_that_died_goes_on_at_its_page(ground: Ground) -> None:
    seen: list[int] = []

    def die_after_the_second_page(_kind: Kind, read: int, _total: int | None) -> None:
        seen.append(read)
        if len(seen) == 2:
            raise ChannelError("the network is gone")

    with pytest.raises(ChannelError):
        await run(ground.work(progress=die_after_the_second_page), Kind.BASELINE)
    [stopped] = await ground.rows(Scan)
    assert (stopped["state"], stopped["pages"], stopped["error"]) == ("running", 2, "the network is gone")
    scan = await run(ground.work(), Kind.BASELINE)
    assert scan.id == stopped["id"]
    assert scan.counts["read"] == len(ground.sandbox.world.accounts)
    assert scan.pages == 4


@pytest.mark.parametrize("status", [400, 404, 409, 410, 428])
async def test_a_forgotten_cursor_starts_the_scan_again(ground: Ground, status: int) -> None:
    switches = ground.sandbox.world.switches
    ground.sandbox.switch(switches.model_copy(update={"bad_cursor_status": status}))
    with pytest.raises(ChannelError):
        await run(ground.work(progress=_fail), Kind.BASELINE)
    async with ground.store.write() as tx:
        await tx.exec_driver_sql("UPDATE scans SET cursor = 'forgotten'")
    scan = await run(ground.work(), Kind.BASELINE)
    everybody = len(ground.sandbox.world.accounts)
    assert len(await ground.rows(Account)) == everybody
    assert (scan.counts["read"], (await ground.site()).accounts) == (everybody, everybody)


async def test_a_scan_that_died_behind_its_last_page_reads_none_again(ground: Ground) -> None:
    everybody = len(ground.sandbox.world.accounts)

    def die_at_the_end(_kind: Kind, read: int, _total: int | None) -> None:
        if read == everybody:
            raise ChannelError("gone")

    with pytest.raises(ChannelError):
        await run(ground.work(progress=die_at_the_end), Kind.SWEEP)
    read: list[int] = []
    scan = await run(ground.work(progress=lambda _kind, seen, _total: read.append(seen)), Kind.SWEEP)
    assert (read, scan.counts["read"], (await ground.site()).accounts) == ([], everybody, everybody)


async def test_a_refusal_that_is_not_of_the_page_does_not_start_the_scan_again(ground: Ground) -> None:
    read: list[int] = []

    def refused_on_the_second_page(_kind: Kind, seen: int, _total: int | None) -> None:
        read.append(seen)
        if len(read) == 2:
            raise WixRefusedError("not allowed")

    with pytest.raises(WixRefusedError):
        await run(ground.work(progress=refused_on_the_second_page), Kind.SWEEP)
    assert read == [100, 200]


@pytest.mark.parametrize("now_defined", [(), (a_milestone(1000, near=None),), (a_milestone(3000),)])
async def test_who_was_chosen_before_a_reload_is_not_reminded_of_what_holds_no_more(
    ground: Ground, now_defined: tuple[Milestone, ...]
) -> None:
    work = ground.work()
    ground.rules.milestones = tuple(replace(one, key=NEAR.key) for one in now_defined)
    await run(work, Kind.NEAR)
    assert await ground.rows(Reminder) == []


def _fail(_kind: Kind, _read: int, _total: int | None) -> None:
    raise ChannelError("gone")


async def test_of_a_site_whose_app_was_removed_nothing_is_asked(ground: Ground) -> None:
    async with ground.store.write() as tx:
        await sites.change(tx, ground.site_id, state="removed", removed_at=ground.now)
    with pytest.raises(SiteNotActiveError):
        await run(ground.work(), Kind.NEAR)
    assert await ground.rows(Scan) == []


async def test_a_crossing_that_no_event_told_of_is_found_by_the_scan_for_changes(ground: Ground) -> None:
    await run(ground.work(), Kind.BASELINE)
    account_id = await cross(ground)
    await run(ground.work(), Kind.REACHED)
    assert sum(outcome.grants for outcome in ground.told) == 1
    [grant] = await ground.rows(Grant)
    assert (grant["account_id"], grant["source"]) == (account_id, "reached")


async def cross(ground: Ground) -> str:
    """Somebody reaches 1,000 points by the hand of the shop, and no event tells."""
    account = next(one for one in ground.sandbox.world.accounts if one.balance < 900)
    await ground.client.call(
        "POST",
        "/loyalty-accounts/v1/accounts/{id}/adjust-points",
        ids={"id": account.id},
        body={"balance": 1000, "description": "a present", "revision": str(account.revision)},
        reads=False,
    )
    return account.id


@pytest.mark.parametrize(
    ("at_go_live", "then", "later"),
    [
        (2, 2, 2),  # this machine's clock is two hours fast, and stays so
        (0, 2, 2),  # or is set forward,
        (2, 2, 0),  # or set right again,
        (2, 0, 0),
        (-2, -2, -2),  # or is slow
        (0, -2, 0),
    ],
)
async def test_what_changed_is_found_at_once_however_wrong_the_clock_of_this_machine_is(
    ground: Ground, at_go_live: int, then: int, later: int
) -> None:
    ground.now = ground.wix_now + timedelta(hours=at_go_live)
    async with ground.store.write() as tx:
        await sites.change(tx, ground.site_id, go_live_at=ground.now)
    await run(ground.work(), Kind.BASELINE)
    found = []
    for hours in (then, later, later):
        found.append(await cross(ground))
        ground.wix_now += timedelta(hours=1)
        ground.now = ground.wix_now + timedelta(hours=hours)
        await run(ground.work(), Kind.REACHED)
        assert [row["account_id"] for row in await ground.rows(Grant)] == found


async def test_a_scan_for_changes_reads_what_is_new_and_once_more_what_was_newest(ground: Ground) -> None:
    await run(ground.work(), Kind.REACHED)
    read = []
    for crossings in (2, 0, 1, 0):
        ground.wix_now = ground.now = ground.now + timedelta(hours=1)
        for _ in range(crossings):
            await cross(ground)
        read.append((await run(ground.work(), Kind.REACHED)).counts["read"])
    assert read == [2 + 1, 2, 2 + 1, 1]


async def test_a_scan_that_would_mail_too_many_is_held_whole(ground: Ground) -> None:
    ground.rules.breaker = Breaker(0.001, 3)
    await run(ground.work(), Kind.NEAR)
    assert {(row["state"], row["verdict"]) for row in await ground.rows(Action)} == {
        (State.HELD, Verdict.BREAKER)
    }


async def test_nobody_is_reminded_while_the_program_is_not_active(ground: Ground) -> None:
    ground.active = False
    await run(ground.work(), Kind.NEAR)
    assert await ground.rows(Reminder) == []
    assert {row["verdict"] for row in await ground.rows(Trace)} == {Verdict.PROGRAM_NOT_ACTIVE}


async def test_when_wix_cannot_tell_consent_nobody_is_reminded(ground: Ground) -> None:
    fault: dict[str, Any] = {
        "match": {"method": "POST", "path": "/email-marketing/v1/email-subscriptions/query"},
        "effect": "status",
        "status": 500,
        "times": 100,
    }
    answer = await ground.client._http.post("http://wix.test/_sandbox/faults", content=json.dumps(fault))
    assert answer.is_success
    with pytest.raises(ChannelError):
        await run(ground.work(), Kind.NEAR)
    assert await ground.rows(Reminder) == []


async def test_the_sweep_finds_what_the_windows_cannot_ask(ground: Ground) -> None:
    await run(ground.work(), Kind.SWEEP)
    assert {row["account_id"] for row in await ground.rows(Reminder)} == ground.near_and_subscribed()
    assert len(await ground.rows(ObservationRun)) == len(ground.sandbox.world.accounts)


async def test_who_is_near_by_several_measures_is_told_of_the_nearest_alone(ground: Ground) -> None:
    """A scan asks for each measure by itself, and finds these customers several times."""
    ladder = a_ladder(500, key="ladder", measure=Measure.EARNED, near=a_near_window(within=499))
    ground.rules.milestones = (replace(NEAR, near=a_near_window(within=400)), ladder)
    for _ in range(2):
        await run(ground.work(), Kind.NEAR)
    reminders = await ground.rows(Reminder)
    assert max(Counter(row["account_id"] for row in reminders).values()) == 1
    assert {row["milestone"] for row in reminders} == {NEAR.key, "ladder"}
    accounts = {account.id: account for account in ground.sandbox.world.accounts}
    for row in reminders:
        account = accounts[row["account_id"]]
        missing = {"ladder": 500 - account.earned % 500}
        if 600 <= account.balance < 1000:
            missing[NEAR.key] = 1000 - account.balance
        assert missing[row["milestone"]] == min(missing.values())
    verdicts = {row["verdict"] for row in await ground.rows(Trace)}
    assert verdicts >= {Verdict.NEAR, Verdict.NEARER_ONE, Verdict.ONE_AT_A_TIME}
    assert Verdict.AT_MOST not in verdicts
