"""A person's word on actions, on both databases."""

from typing import Any

import pytest
from pydantic import ValidationError

from milestones.commands.models.outbox import (
    CancelActions,
    HoldActions,
    MoveActions,
    MoveAnswer,
    ReleaseActions,
    ResolveActions,
    RetryActions,
)
from milestones.commands.registry import carry_out
from milestones.domain.actions import Need, State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop
from milestones.store import scans
from milestones.store.outbox import operator
from milestones.store.views import lookup
from milestones.store.views.lookup import Which
from tests.builders import ACCOUNT, NOW, SITE
from tests.shop import Shop

REFUSED = ChannelError("not this way", permanent=True)
OTHER = "a1a1a1a1-0000-4000-8000-000000000002"


COMMANDS: dict[str, type[MoveActions]] = {
    "retry": RetryActions,
    "release": ReleaseActions,
    "hold": HoldActions,
    "cancel": CancelActions,
    "resolve": ResolveActions,
}


async def give(shop: Shop, name: str, **fields: Any) -> MoveAnswer:
    return await carry_out(shop, COMMANDS[name].model_validate(fields))


async def reach(shop: Shop, account: str = ACCOUNT) -> None:
    await shop.observe(600, 1000, account=account)


async def test_a_coupon_that_failed_is_retried_and_its_mail_goes_on(shop: Shop) -> None:
    shop.channels["coupon"].answers = [REFUSED]
    await reach(shop)
    await shop.drain()
    assert await shop.states() == {"coupon": "discarded", "badge": "done", "email": "held"}
    coupon = await shop.action("coupon")
    told = await give(shop, "retry", ids=[coupon.id])
    assert (told.moved, told.states) == (1, {"available": 1})
    assert await shop.states() == {"coupon": "available", "badge": "done", "email": "waiting"}
    assert shop.outcomes[-1].wake == {SITE}
    again = await shop.action("coupon")
    assert (again.attempts, again.error, again.settled_at) == (0, None, None)
    await shop.drain()
    assert await shop.states() == {"coupon": "done", "badge": "done", "email": "done"}


async def test_cancelling_a_coupon_holds_its_mail_for_a_person(shop: Shop) -> None:
    await reach(shop)
    coupon = await shop.action("coupon")
    await give(shop, "cancel", ids=[coupon.id])
    assert await shop.states() == {"coupon": "cancelled", "badge": "available", "email": "held"}
    mail = await shop.action("email")
    assert mail.verdict == Verdict.BLOCKED
    await shop.drain()
    assert shop.channels["email"].performed == []


async def test_a_mail_stays_held_while_what_it_shows_is_cancelled(shop: Shop) -> None:
    await reach(shop)
    await give(shop, "cancel", kind="coupon")
    mail = await shop.action("email")
    told = await give(shop, "release", ids=[mail.id])
    assert told.states == {"held": 1}
    assert (await shop.action("email")).verdict == Verdict.BLOCKED


@pytest.mark.parametrize(("drained", "state"), [(False, "waiting"), (True, "available")])
async def test_a_released_mail_waits_for_what_it_shows_and_for_nothing_else(
    shop: Shop, drained: bool, state: str
) -> None:
    await reach(shop)
    await give(shop, "hold", kind="email")
    if drained:
        await shop.drain()
    assert (await shop.action("email")).verdict == Verdict.HELD_BY_PERSON
    told = await give(shop, "release", kind="email")
    assert told.states == {state: 1}
    await shop.drain()
    assert (await shop.states())["email"] == "done"


async def test_what_a_breaker_holds_is_released_by_its_verdict(shop: Shop) -> None:
    for account in (ACCOUNT, OTHER):
        await reach(shop, account)
    await shop.set("badge", state=State.HELD, verdict=Verdict.BREAKER)
    await shop.set("email", state=State.HELD, verdict=Verdict.HELD_BY_PERSON)
    told = await give(shop, "release", verdict="breaker")
    assert told.moved == 2
    assert {action.state for action in await shop.actions(kind="badge")} == {"available"}
    assert {action.state for action in await shop.actions(kind="email")} == {"held"}


async def test_what_was_recorded_after_a_person_looked_is_not_touched(shop: Shop) -> None:
    await reach(shop)
    newest = max(action.id or 0 for action in await shop.actions())
    await reach(shop, OTHER)
    told = await give(shop, "cancel", up_to=newest)
    assert told.moved == 3
    assert {action.state for action in await shop.actions(account=OTHER)} == {"available", "waiting"}


async def test_what_shadow_mode_decided_can_be_done_after_all(shop: Shop) -> None:
    await reach(shop)
    for kind in ("coupon", "badge", "email"):
        await shop.set(kind, state=State.CANCELLED, verdict=Verdict.SHADOW, settled_at=NOW)
    await give(shop, "retry", verdict="shadow")
    assert await shop.states() == {"coupon": "available", "badge": "available", "email": "waiting"}
    await shop.drain()
    assert set((await shop.states()).values()) == {"done"}


class TestOfUnknownFate:
    async def lost(self, shop: Shop) -> None:
        """A mail was handed over, and nobody can tell what became of it."""
        shop.channels["email"].answers = [ChannelError("no answer", lost=True)]
        shop.channels["email"].found = Found(Fate.UNTOLD)
        await reach(shop)
        await shop.drain()
        shop.later(hours=3)
        await shop.drain()
        assert (await shop.states())["email"] == "unknown"

    async def test_retried_it_is_looked_for_first(self, shop: Shop) -> None:
        await self.lost(shop)
        await give(shop, "retry", kind="email", state="unknown")
        mail = await shop.action("email")
        assert (mail.state, mail.lost) == ("available", True)
        await shop.drain()
        assert (await shop.states())["email"] == "unknown"
        assert len(shop.channels["email"].performed) == 1

    async def test_resolved_as_again_it_is_repeated_knowingly(self, shop: Shop) -> None:
        await self.lost(shop)
        mail = await shop.action("email")
        await give(shop, "resolve", ids=[mail.id], **{"as": "again"})
        await shop.drain()
        assert (await shop.states())["email"] == "done"
        assert len(shop.channels["email"].performed) == 2

    async def test_resolved_as_done_it_is_never_repeated(self, shop: Shop) -> None:
        await self.lost(shop)
        mail = await shop.action("email")
        await give(shop, "resolve", ids=[mail.id], **{"as": "done"})
        await shop.drain()
        mail = await shop.action("email")
        assert (mail.state, mail.settled_at, mail.lost) == ("done", shop.now, False)
        assert len(shop.channels["email"].performed) == 1

    async def test_a_coupon_resolved_as_done_gives_its_code_to_the_mail(self, shop: Shop) -> None:
        await reach(shop)
        await shop.set("coupon", state=State.UNKNOWN, verdict=Verdict.LOST_ANSWER)
        coupon = await shop.action("coupon")
        await give(shop, "resolve", ids=[coupon.id], **{"as": "done"})
        await shop.drain()
        (mail,) = shop.channels["email"].performed
        assert mail.inputs["coupon"]["code"] == coupon.payload["specification"]["code"]

    async def test_it_is_not_simply_cancelled(self, shop: Shop) -> None:
        await self.lost(shop)
        mail = await shop.action("email")
        told = await give(shop, "cancel", ids=[mail.id])
        assert told.moved == 0
        assert "resolve" in told.refused[mail.id or 0]

    async def test_only_that_is_resolved(self, shop: Shop) -> None:
        await reach(shop)
        badge = await shop.action("badge")
        told = await give(shop, "resolve", ids=[badge.id], **{"as": "done"})
        assert told.refused == {badge.id: "is not of unknown fate but available"}


async def test_what_the_other_side_has_begun_and_not_finished_is_neither_held_nor_cancelled(
    shop: Shop,
) -> None:
    await reach(shop)
    await shop.set("coupon", verdict=Verdict.PENDING, lost_at=NOW)
    coupon = await shop.action("coupon")
    for order in ("hold", "cancel"):
        told = await give(shop, order, ids=[coupon.id])
        assert (told.moved, "is not finished on the other side" in told.refused[coupon.id or 0]) == (0, True)


async def test_the_pause_between_attempts_ends_by_a_persons_word(shop: Shop) -> None:
    shop.channels["badge"].answers = [ChannelError("busy", retry_at=NOW.replace(hour=20))]
    await reach(shop)
    await shop.drain()
    badge = await shop.action("badge")
    assert badge.available_at > NOW
    await give(shop, "retry", ids=[badge.id])
    assert (await shop.action("badge")).available_at == NOW


async def test_a_return_period_does_not(shop: Shop) -> None:
    await reach(shop)
    ends = NOW.replace(month=12)
    await shop.set("badge", state=State.CANCELLED, verdict=Verdict.SHADOW, available_at=ends)
    await give(shop, "retry", kind="badge", state="cancelled")
    assert (await shop.action("badge")).available_at == ends


async def test_a_gate_that_said_no_is_asked_again_after_a_release(shop: Shop) -> None:
    await reach(shop)
    badge = await shop.action("badge")
    assert badge.id is not None
    shop.channels["badge"].stops = {badge.id: Stop(State.WAITING, Verdict.NO_MEMBER, needs=Need.MEMBER)}
    await shop.drain()
    await give(shop, "hold", kind="badge")
    await give(shop, "release", kind="badge")
    shop.channels["badge"].stops = {}
    await shop.drain()
    assert (await shop.states())["badge"] == "done"


async def test_the_mails_of_a_scan_that_is_not_complete_are_not_released(shop: Shop) -> None:
    await shop.observe(960)
    async with shop.store.write() as tx:
        scan = await scans.start(tx, SITE, "near", NOW)
    await shop.remind()
    await shop.set("email", state=State.HELD, verdict=Verdict.SCAN_UNDER_WAY, scan_id=scan.id)
    mail = await shop.action("email")
    told = await give(shop, "release", ids=[mail.id])
    assert told.refused == {mail.id: "goes out when the scan that found it is complete"}
    assert (await give(shop, "release", verdict="scan_under_way")).moved == 0


@pytest.mark.parametrize(
    ("order", "state", "why"),
    [
        ("retry", State.DONE, "is done"),
        ("retry", State.RUNNING, "is under way"),
        ("retry", State.HELD, "is held; `milestones outbox release` lets it go"),
        ("release", State.DONE, "is not held but done"),
        ("hold", State.RUNNING, "is under way"),
        ("hold", State.CANCELLED, "is cancelled"),
        ("cancel", State.DONE, "is done already"),
        ("cancel", State.RUNNING, "is under way"),
    ],
)
async def test_what_an_order_does_not_take_is_left_alone_with_a_reason(
    small_shop: Shop, order: str, state: State, why: str
) -> None:
    await reach(small_shop)
    await small_shop.set("badge", state=state, verdict=Verdict.DONE, acted_at=NOW)
    badge = await small_shop.action("badge")
    told = await give(small_shop, order, ids=[badge.id])
    assert (told.moved, told.refused) == (0, {badge.id: why})
    assert (await small_shop.action("badge")).state == state


async def test_a_number_that_is_none_is_said_so(small_shop: Shop) -> None:
    assert (await give(small_shop, "retry", ids=[99])).refused == {99: "is not in the outbox"}


async def test_what_is_to_be_asked_about_is_what_the_order_then_takes(small_shop: Shop) -> None:
    await reach(small_shop)
    await small_shop.set("badge", state=State.DONE)
    async with small_shop.store.read() as tx:
        found = await operator.takes(tx, "cancel", Which())
    assert (await give(small_shop, "cancel")).moved == len(found) == 2


async def test_a_persons_word_is_in_the_trace(small_shop: Shop) -> None:
    await reach(small_shop)
    await give(small_shop, "hold", kind="badge")
    await give(small_shop, "cancel", kind="badge")
    async with small_shop.store.read() as tx:
        traces = await lookup.list_traces(tx, SITE, ACCOUNT)
    assert {(row.stage, row.verdict, row.last_at) for row in traces} == {
        ("person", "held_by_person", NOW),
        ("person", "cancelled_by_person", NOW),
    }


@pytest.mark.parametrize(
    ("order", "arguments"), [("retry", {"colour": "red"}), ("resolve", {"ids": [1], "as": "maybe"})]
)
async def test_arguments_that_mean_nothing_are_refused(
    small_shop: Shop, order: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        await give(small_shop, order, **arguments)
