"""What redemptions ask of Wix, and of the store, since Wix takes no key and its queries show late what was just written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from milestones.domain.actions import State
from milestones.kinds.redemption.payload import RedeemReward, RedemptionPayload
from milestones.rewards import site
from milestones.rewards.catalogue import Buyer, Offer
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from milestones.wix import loyalty_coupons
from milestones.wix.errors import WixNotFoundError
from milestones.wix.loyalty_coupons import LoyaltyCoupon
from milestones.wix.transport import WixClient

_ACTIONS = table_of(Action)


@dataclass(frozen=True, slots=True)
class SiteRedemptions:
    """``kinds.redemption.channel.Redemptions`` on Wix."""

    client: WixClient

    async def offer(self, reward_id: str, /) -> Offer | None:
        """The reward as it is now."""
        return await site.get_offer(self.client, reward_id)

    async def buyer(self, account_id: str, /) -> Buyer:
        """The account as it is now."""
        return await site.get_buyer(self.client, account_id)

    async def redeem(self, reward_id: str, account_id: str, /) -> LoyaltyCoupon:
        """Redeems points."""
        return await loyalty_coupons.redeem(self.client, reward_id, account_id)

    async def get(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        """The loyalty coupon as it is now."""
        try:
            return await loyalty_coupons.get(self.client, coupon_id)
        except WixNotFoundError:
            return None

    async def newest(self, account_id: str, /) -> Sequence[LoyaltyCoupon]:
        """The newest loyalty coupons of an account."""
        return await site.list_coupons(self.client, account_id)


@dataclass(frozen=True, slots=True)
class OtherRedemptions:
    """``kinds.redemption.channel.Others`` on the store."""

    store: Store
    site_id: str

    async def doubtful(
        self, accounts: Collection[str], /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        """The accounts, with the rewards, of which a redemption is under way or was lost."""
        found = await self._list(accounts, apart_from)
        return {
            (one.account_id, RedemptionPayload.from_json(one.payload).reward_id)
            for one in found
            if (one.state == State.RUNNING or (one.lost_at is not None and _is_open(one)))
            and "coupon_id" not in (one.intent or {})
        }

    async def list_taken(self, accounts: Collection[str], /, *, apart_from: Collection[int]) -> set[str]:
        """The loyalty coupons that redemptions of these accounts have made, as far as it is known."""
        found = await self._list(accounts, apart_from)
        told = [*(one.result or {} for one in found), *(one.intent or {} for one in found)]
        return {one["coupon_id"] for one in told if one.get("coupon_id")}

    async def _list(self, accounts: Collection[str], apart_from: Collection[int]) -> list[Action]:
        statement = select(_ACTIONS).where(
            _ACTIONS.c.site_id == self.site_id,
            _ACTIONS.c.account_id.in_(accounts),
            _ACTIONS.c.kind == RedeemReward.kind,
            _ACTIONS.c.id.not_in(apart_from),
        )
        async with self.store.read() as tx:
            return [Action(**row) for row in (await tx.execute(statement)).mappings()]


def _is_open(action: Action) -> bool:
    return action.state in {State.AVAILABLE, State.HELD}
