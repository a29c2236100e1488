"""Points redeemed for a loyalty coupon. Wix takes neither a key nor a revision for that, so a blind repetition may redeem
twice, and it answers before it has taken the points (docs/wix-api.md, 2.6).

So what is about to be redeemed is noted before the act, with the coupons that were there. After a lost answer exactly one
new coupon of that account, reward and time is ours; anything else only a person can tell. And what Wix has not finished is
asked about until it has.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, PendingError
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.program import CurrentProgram, gate_by_program, refusal_while_inactive
from milestones.kinds.redemption.payload import RedemptionPayload
from milestones.kinds.redemption.site import OtherRedemptions, SiteRedemptions
from milestones.kinds.services import SiteServices
from milestones.rewards.catalogue import Buyer, Offer
from milestones.rewards.refusals import find_redemption_fault
from milestones.wix.loyalty_coupons import LoyaltyCoupon, LoyaltyCouponStatus

ONE_AFTER_THE_OTHER = timedelta(seconds=2)
"""When to look again whether the redemption before is settled."""

CLOCKS = timedelta(minutes=1)
"""By how much this machine's clock and Wix's may differ, and how long a call may travel: a coupon of another time is not
ours. Where they differ by more a lost answer is for a person to resolve, and nothing is doubled.
"""

FIRST_LOOK, LONGEST_LOOK = timedelta(seconds=1), timedelta(minutes=15)
"""Between two looks at a coupon that is PENDING: how long that lasts is documented nowhere (docs/wix-api.md, 8)."""

MADE = frozenset({LoyaltyCouponStatus.ACTIVE, LoyaltyCouponStatus.APPLIED})
OPEN = frozenset({LoyaltyCouponStatus.PENDING, LoyaltyCouponStatus.UNKNOWN})


class Redemptions(Protocol):
    """The rewards and loyalty coupons of one site. Every method raises ChannelError."""

    async def offer(self, reward_id: str, /) -> Offer | None:
        """The reward as it is now; None where there is none any more."""

    async def buyer(self, account_id: str, /) -> Buyer:
        """The account as it is now."""

    async def redeem(self, reward_id: str, account_id: str, /) -> LoyaltyCoupon:
        """Redeems points, once more each time that it is called."""

    async def get(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        """The loyalty coupon as it is now, and not as queries show it; None where there is none any more."""

    async def newest(self, account_id: str, /) -> Sequence[LoyaltyCoupon]:
        """The newest loyalty coupons of an account, as far as queries show them."""


class Others(Protocol):
    """The other redemptions of one site that are recorded. Every method raises StoreError.

    apart_from: actions that are not counted, by id.
    """

    async def doubtful(
        self, accounts: Collection[str], /, *, apart_from: Collection[int]
    ) -> Collection[tuple[str, str]]:
        """The accounts, with the rewards, of which a redemption is under way or was lost."""

    async def list_taken(
        self, accounts: Collection[str], /, *, apart_from: Collection[int]
    ) -> Collection[str]:
        """The loyalty coupons that redemptions of these accounts have made."""


class RedemptionChannel:
    """The redemptions of one site. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self,
        redemptions: Redemptions,
        others: Others,
        *,
        program: CurrentProgram,
        query_lag: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._redemptions = redemptions
        self._others = others
        self._program = program
        self._query_lag = query_lag
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Waits while the program is not active. Of one account and reward one is redeemed after the other: of two that
        are lost at once, nobody could tell whose coupon is whose.
        """
        inactive = await gate_by_program(self._program, tasks, self._clock)
        if inactive:
            return inactive
        now = self._clock()
        accounts = {task.account_id for task in tasks}
        begun = set(await self._others.doubtful(accounts, apart_from=[task.id for task in tasks]))
        stop = Stop(State.AVAILABLE, Verdict.REDEMPTION_UNDER_WAY, until=now + ONE_AFTER_THE_OTHER)
        stops = {}
        # What was lost goes before what is new.
        for task in sorted(tasks, key=lambda task: (task.lost_at is None, task.id)):
            pair = (task.account_id, RedemptionPayload.from_json(task.payload).reward_id)
            if pair in begun:
                stops[task.id] = stop
            begun.add(pair)
        return stops

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Redeems once. Raises ChannelError, and PendingError until the points are taken."""
        payload = RedemptionPayload.from_json(task.payload)
        offer, cost = await self._check(task, payload)
        there = [one.id for one in await self._redemptions.newest(task.account_id)]
        intent = {
            "account_id": task.account_id,
            "reward_id": offer.id,
            "reward": offer.name,
            "cost": cost,
            "at": self._clock().isoformat(),
            "there": there,
        }
        try:
            with effects.intending(intent):
                coupon = await self._redemptions.redeem(offer.id, task.account_id)
        except ChannelError as error:
            if not error.permanent or error.connection_wide:
                raise
            if not (await self._program(anew=True)).active:
                raise refusal_while_inactive("the redemption", self._clock()) from error
            await self._check(task, payload)
            raise
        if coupon.status in MADE:
            return _result(coupon, intent)
        # Nothing more is asked before its id is kept: what failed here would be redeemed again.
        raise self._pending(coupon, intent)

    async def recover(self, task: Task) -> Found:
        """Asks for the coupon; where its answer was lost, looks for the one that must be it."""
        intent = task.intent
        if intent is None:
            return Found(Fate.REPEAT)
        if intent.get("coupon_id") is None:
            found = await self._find(task, intent)
            if len(found) != 1:
                return Found(Fate.UNTOLD, why=_describe_doubt(found, intent))
            (coupon,) = found
        else:
            known = await self._redemptions.get(intent["coupon_id"])
            if known is None:
                raise ChannelError(
                    "Wix had made the loyalty coupon and has it no more: somebody deleted it. Whether the points were "
                    "taken, `milestones accounts show ACCOUNT --transactions` tells.",
                    permanent=True,
                )
            coupon = known
        return Found(Fate.HAPPENED, await self._follow(coupon, intent))

    async def _check(self, task: Task, payload: RedemptionPayload) -> tuple[Offer, int]:
        """The reward and its price now. Raises ChannelError where Wix would refuse."""
        offer = await self._redemptions.offer(payload.reward_id)
        if offer is None:
            raise ChannelError(f"The reward {payload.reward} was deleted in Wix.", permanent=True)
        buyer = await self._redemptions.buyer(task.account_id)
        fault = find_redemption_fault(offer, buyer, payload.cost)
        if fault is not None:
            raise ChannelError(fault, permanent=True)
        price = offer.find_price(buyer.tier_id)
        assert price is not None, "what has no price is refused"
        return offer, price.points

    async def _find(self, task: Task, intent: Mapping[str, Any]) -> list[LoyaltyCoupon]:
        """The new coupons of this account, reward and time."""
        assert task.lost_at is not None, "what was not lost is not looked for"
        # All that may be it must show before one of them is.
        await_query(task.lost_at, self._clock(), self._query_lag)
        accounts = {task.account_id, intent["account_id"]}
        taken = {*intent["there"], *await self._others.list_taken(accounts, apart_from=[task.id])}
        since = datetime.fromisoformat(intent["at"]) - CLOCKS
        until = task.lost_at + CLOCKS
        return [
            one
            for account in sorted(accounts)
            for one in await self._redemptions.newest(account)
            if one.id not in taken
            and not one.refundable
            and one.reward_name in {None, intent["reward"]}
            and (one.created_date is None or since <= one.created_date <= until)
        ]

    async def _follow(self, coupon: LoyaltyCoupon, intent: Mapping[str, Any]) -> dict[str, Any]:
        """What became of a loyalty coupon. Raises PendingError while that is open, and ChannelError where nothing did."""
        if coupon.status in MADE:
            return _result(coupon, intent)
        if coupon.status in OPEN:
            raise self._pending(coupon, intent)
        raise ChannelError(await self._describe_failure(coupon, intent), permanent=True)

    def _pending(self, coupon: LoyaltyCoupon, intent: Mapping[str, Any]) -> PendingError:
        now = self._clock()
        age = now - datetime.fromisoformat(intent["at"])
        return PendingError(
            "Wix has made the coupon and not taken the points yet; its code is told when it has.",
            retry_at=now + min(max(age / 4, FIRST_LOOK), LONGEST_LOOK),
            known={**intent, "coupon_id": coupon.id},
        )

    async def _describe_failure(self, coupon: LoyaltyCoupon, intent: Mapping[str, Any]) -> str:
        if coupon.status is LoyaltyCouponStatus.ARCHIVED:
            said = "The Wix coupon of this redemption was deleted, so its code is of no use."
        else:
            buyer = await self._redemptions.buyer(intent["account_id"])
            said = (
                "Wix could not take the points, so there is no coupon: the reward costs "
                f"{intent['cost']:,} points and the account has {buyer.balance:,} now."
            )
        if coupon.transaction_id is None:
            return said
        return (
            f"{said} Points were taken all the same (transaction {coupon.transaction_id}); where Wix does not give them "
            "back, `milestones accounts adjust` does."
        )


def _describe_doubt(found: Sequence[LoyaltyCoupon], intent: Mapping[str, Any]) -> str:
    since = f"{datetime.fromisoformat(intent['at']):%Y-%m-%d %H:%M} UTC"
    if not found:
        return (
            f"The answer was lost, and Wix shows no new loyalty coupon for {intent['reward']} since {since}. It is not "
            "redeemed again by itself."
        )
    ids = ", ".join(one.id for one in found)
    return (
        f"The answer was lost, and Wix shows {len(found)} new loyalty coupons for {intent['reward']} since {since}, of "
        f"which one may be this: {ids}."
    )


def _result(coupon: LoyaltyCoupon, intent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "coupon_id": coupon.id,
        "code": coupon.coupon_reference.code,
        "reward_id": intent["reward_id"],
        "reward": intent["reward"],
        "cost": intent["cost"],
        "status": coupon.status.value,
        "transaction_id": coupon.transaction_id,
    }


def build(services: SiteServices) -> RedemptionChannel:
    """The channel of a site."""
    return RedemptionChannel(
        SiteRedemptions(services.client),
        OtherRedemptions(services.store, services.site_id),
        program=services.program,
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
