"""A reward or a loyalty coupon on a checkout. Wix takes no key for that, and whether it refuses a second one is documented
nowhere (docs/wix-api.md, 2.7); but it shows what a checkout has, a little late.

So what is there is looked at before each time, the first included, and noted with the act. After a lost answer a discount
of the same on that checkout that was not there before is ours; and while queries lag it is awaited, never repeated.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.discount.payload import DiscountPayload
from milestones.kinds.discount.site import RecentDiscounts, SiteDiscounts
from milestones.kinds.program import CurrentProgram, gate_by_program, refusal_while_inactive
from milestones.kinds.services import SiteServices
from milestones.rewards.catalogue import Buyer, Offer
from milestones.rewards.refusals import find_discount_fault
from milestones.wix.checkout import CheckoutDiscount, DiscountStatus
from milestones.wix.errors import WixNotFoundError
from milestones.wix.loyalty_coupons import LoyaltyCoupon
from milestones.wix.rewards import RewardType

GONE = frozenset(
    {
        DiscountStatus.REFUNDED,
        DiscountStatus.REFUNDED_DUE_TO_TIMEOUT,
        DiscountStatus.REFUNDED_DUE_TO_MANUAL_DISCOUNT_REMOVAL,
        DiscountStatus.SCHEDULED_FOR_REFUND,
        DiscountStatus.UNUSED,
    }
)
"""What is not on its checkout any more: the same may be applied again."""


class Discounts(Protocol):
    """The checkouts, rewards and loyalty coupons of one site. Every method raises ChannelError."""

    async def offer(self, reward_id: str, /) -> Offer | None:
        """The reward as it is now; None where there is none any more."""

    async def buyer(self, account_id: str, /) -> Buyer:
        """The account as it is now."""

    async def coupon(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        """The loyalty coupon as it is now; None where there is none any more."""

    async def spending_fault(self, coupon: LoyaltyCoupon, /) -> str | None:
        """Why the loyalty coupon cannot be spent, as a sentence; None where it can."""

    async def list_shown(self, checkout_id: str, /) -> Sequence[CheckoutDiscount]:
        """What is, or was, on the checkout, as far as queries show it."""

    async def apply_reward(
        self, checkout_id: str, reward_id: str, /, *, revision: int, points: int | None
    ) -> CheckoutDiscount:
        """Puts a reward on the checkout; points are named where the reward lets choose."""

    async def apply_coupon(self, checkout_id: str, coupon_id: str, /, *, revision: int) -> CheckoutDiscount:
        """Puts a loyalty coupon on the checkout."""


class JustApplied(Protocol):
    """The checkouts, with the ids of what may have been applied there for these accounts since a time.

    apart_from: actions that are not counted, by id.
    """

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> Collection[tuple[str, str]]:
        """Raises StoreError."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What Wix is to be told. points: that are spent, as far as it is known. chosen: whether Wix is told how many."""

    revision: int
    points: int | None = None
    chosen: bool = False


class DiscountChannel:
    """The discounts of one site. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self,
        discounts: Discounts,
        just_applied: JustApplied,
        *,
        program: CurrentProgram,
        query_lag: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._discounts = discounts
        self._just_applied = just_applied
        self._program = program
        self._query_lag = query_lag
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Waits while the program is not active; and where the same was just applied to the checkout, until that shows."""
        inactive = await gate_by_program(self._program, tasks, self._clock)
        if inactive:
            return inactive
        now = self._clock()
        accounts = {task.account_id for task in tasks}
        batch = [task.id for task in tasks]
        applied = set(await self._just_applied(accounts, now - self._query_lag, apart_from=batch))
        stop = Stop(State.AVAILABLE, Verdict.DISCOUNT_UNDER_WAY, until=now + self._query_lag)
        stops = {}
        # What was lost goes before what is new.
        for task in sorted(tasks, key=lambda task: (task.lost_at is None, task.id)):
            payload = DiscountPayload.from_json(task.payload)
            pair = payload.checkout_id, payload.thing
            if pair in applied:
                stops[task.id] = stop
            applied.add(pair)
        return stops

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Applies it once. Raises ChannelError."""
        payload = DiscountPayload.from_json(task.payload)
        shown = [
            one for one in await self._discounts.list_shown(payload.checkout_id) if _is_same(one, payload)
        ]
        if task.lost_at is not None and (mine := _find_mine(shown, task.intent)) is not None:
            return _result(mine, payload, (task.intent or {}).get("points"))
        there = next((one for one in shown if one.status not in GONE), None)
        if there is not None:
            raise ChannelError(
                f"{payload.what} is on this checkout already (discount {there.id}); it is not applied twice.",
                permanent=True,
            )
        prepared = await self._prepare(task, payload)
        intent = {"there": [one.id for one in shown], "points": prepared.points}
        try:
            with effects.intending(intent):
                discount = await self._apply(payload, prepared)
        except ChannelError as error:
            if not error.permanent or error.connection_wide:
                raise
            raise await self._describe_refusal(error, task, payload, prepared) from error
        return _result(discount, payload, prepared.points)

    async def recover(self, task: Task) -> Found:
        """Looks at the checkout, and awaits what queries may not show yet."""
        payload = DiscountPayload.from_json(task.payload)
        shown = [
            one for one in await self._discounts.list_shown(payload.checkout_id) if _is_same(one, payload)
        ]
        mine = _find_mine(shown, task.intent)
        if mine is not None:
            return Found(Fate.HAPPENED, _result(mine, payload, (task.intent or {}).get("points")))
        await_query(task.lost_at, self._clock(), self._query_lag)
        return Found(Fate.REPEAT)

    async def _prepare(self, task: Task, payload: DiscountPayload) -> _Prepared:
        """What Wix is to be told now. Raises ChannelError where it would refuse."""
        if payload.reward_id is None:
            return await self._prepare_coupon(str(payload.coupon_id))
        offer = await self._discounts.offer(payload.reward_id)
        if offer is None:
            raise ChannelError(f"The reward {payload.what} was deleted in Wix.", permanent=True)
        buyer = await self._discounts.buyer(task.account_id)
        fault = find_discount_fault(offer, buyer, payload.points, payload.cost)
        if fault is not None:
            raise ChannelError(fault, permanent=True)
        price = offer.find_price(buyer.tier_id)
        assert price is not None, "what has no price is refused"
        points = payload.points or price.points
        return _Prepared(offer.revision, points, chosen=offer.type is RewardType.DISCOUNT_AMOUNT)

    async def _prepare_coupon(self, coupon_id: str) -> _Prepared:
        coupon = await self._discounts.coupon(coupon_id)
        if coupon is None:
            raise ChannelError("There is no such loyalty coupon any more.", permanent=True)
        fault = await self._discounts.spending_fault(coupon)
        if fault is not None:
            raise ChannelError(fault, permanent=True)
        return _Prepared(coupon.revision)

    async def _apply(self, payload: DiscountPayload, prepared: _Prepared) -> CheckoutDiscount:
        if payload.reward_id is None:
            return await self._discounts.apply_coupon(
                payload.checkout_id, str(payload.coupon_id), revision=prepared.revision
            )
        return await self._discounts.apply_reward(
            payload.checkout_id,
            payload.reward_id,
            revision=prepared.revision,
            points=prepared.points if prepared.chosen else None,
        )

    async def _describe_refusal(
        self, error: ChannelError, task: Task, payload: DiscountPayload, before: _Prepared
    ) -> ChannelError:
        """What a refusal means. In what words Wix refuses is documented nowhere (docs/wix-api.md, 8)."""
        if not (await self._program(anew=True)).active:
            return refusal_while_inactive("the discount", self._clock())
        if await self._prepare(task, payload) != before:
            return ChannelError(f"{payload.what} changed while it was applied; it is read anew.")
        if isinstance(error, WixNotFoundError):
            return ChannelError(
                f"Wix knows no checkout {payload.checkout_id}; it may be paid for, or over.", permanent=True
            )
        return ChannelError(
            f"{error} Perhaps it knows no checkout {payload.checkout_id}, or that is paid for, or over.",
            permanent=True,
        )


def _is_same(discount: CheckoutDiscount, payload: DiscountPayload) -> bool:
    """Whether a discount of the checkout is of the same reward or coupon."""
    if payload.reward_id is not None:
        return discount.reward_id == payload.reward_id
    return discount.loyalty_coupon_id == payload.coupon_id


def _find_mine(
    shown: Sequence[CheckoutDiscount], intent: Mapping[str, Any] | None
) -> CheckoutDiscount | None:
    """That which was not there before. Whoever else may have applied the same there has done what was ordered."""
    there = (intent or {}).get("there", ())
    return next((one for one in shown if one.id not in there), None)


def _result(discount: CheckoutDiscount, payload: DiscountPayload, points: int | None) -> dict[str, Any]:
    """points: that were spent; None of a coupon."""
    return {
        "discount_id": discount.id,
        "checkout_id": payload.checkout_id,
        "points": points,
        "status": discount.status.value,
    }


def build(services: SiteServices) -> DiscountChannel:
    """The channel of a site."""
    return DiscountChannel(
        SiteDiscounts(services.client, services.clock),
        RecentDiscounts(services.store, services.site_id),
        program=services.program,
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
