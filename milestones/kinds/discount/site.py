"""What discounts ask of Wix, and of the store, since Wix takes no key and its queries show late what was just written."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from milestones.domain.actions import State
from milestones.kinds.discount.payload import ApplyDiscount, DiscountPayload
from milestones.rewards import site
from milestones.rewards.catalogue import Buyer, Offer
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from milestones.wix import checkout, loyalty_coupons
from milestones.wix.checkout import CheckoutDiscount
from milestones.wix.errors import WixNotFoundError
from milestones.wix.loyalty_coupons import LoyaltyCoupon
from milestones.wix.transport import WixClient

_ACTIONS = table_of(Action)


@dataclass(frozen=True, slots=True)
class SiteDiscounts:
    """``kinds.discount.channel.Discounts`` on Wix."""

    client: WixClient
    clock: Callable[[], datetime]

    async def offer(self, reward_id: str, /) -> Offer | None:
        """The reward as it is now."""
        return await site.get_offer(self.client, reward_id)

    async def buyer(self, account_id: str, /) -> Buyer:
        """The account as it is now."""
        return await site.get_buyer(self.client, account_id)

    async def coupon(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        """The loyalty coupon as it is now."""
        try:
            return await loyalty_coupons.get(self.client, coupon_id)
        except WixNotFoundError:
            return None

    async def spending_fault(self, coupon: LoyaltyCoupon, /) -> str | None:
        """Why the loyalty coupon cannot be spent."""
        return await site.find_spending_fault(self.client, coupon, self.clock())

    async def list_shown(self, checkout_id: str, /) -> Sequence[CheckoutDiscount]:
        """What queries show of the checkout."""
        return await site.list_discounts(self.client, checkout_id)

    async def apply_reward(
        self, checkout_id: str, reward_id: str, /, *, revision: int, points: int | None
    ) -> CheckoutDiscount:
        """Puts a reward on the checkout."""
        return await checkout.apply_reward(
            self.client, checkout_id, reward_id, revision=revision, points_to_spend=points
        )

    async def apply_coupon(self, checkout_id: str, coupon_id: str, /, *, revision: int) -> CheckoutDiscount:
        """Puts a loyalty coupon on the checkout."""
        return await checkout.apply_coupon(self.client, checkout_id, coupon_id, revision=revision)


@dataclass(frozen=True, slots=True)
class RecentDiscounts:
    """``kinds.discount.channel.JustApplied`` on the store."""

    store: Store
    site_id: str

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        """The checkouts, with what may have been applied there for these accounts since a time."""
        statement = select(_ACTIONS).where(
            _ACTIONS.c.site_id == self.site_id,
            _ACTIONS.c.account_id.in_(accounts),
            _ACTIONS.c.kind == ApplyDiscount.kind,
            _ACTIONS.c.id.not_in(apart_from),
        )
        async with self.store.read() as tx:
            found = [Action(**row) for row in (await tx.execute(statement)).mappings()]
        payloads = [DiscountPayload.from_json(one.payload) for one in found if _may_show_late(one, since)]
        return {(payload.checkout_id, payload.thing) for payload in payloads}


def _may_show_late(action: Action, since: datetime) -> bool:
    if action.state == State.RUNNING:
        return True
    if action.state == State.DONE:
        return action.settled_at is not None and action.settled_at > since
    unanswered = {State.AVAILABLE, State.HELD, State.UNKNOWN}
    return action.state in unanswered and action.lost_at is not None and action.lost_at > since
