"""Rewards, prices and loyalty coupons as Wix has them now. Every function raises WixError."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from milestones.errors import UsageError
from milestones.rewards.catalogue import Buyer, Offer, read_offer
from milestones.rewards.refusals import find_code_fault, find_coupon_fault
from milestones.wix import accounts, checkout, coupons, loyalty_coupons, rewards
from milestones.wix.answers import unreadable
from milestones.wix.checkout import CheckoutDiscount
from milestones.wix.errors import WixNotFoundError
from milestones.wix.fields import Entity
from milestones.wix.loyalty_coupons import LoyaltyCoupon
from milestones.wix.paging import Page, Sort
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

E = TypeVar("E", bound=Entity)

MOST = 100
"""Coupons of an account, or discounts of a checkout, that are looked at, the newest first."""


async def list_offers(client: WixClient) -> tuple[Offer, ...]:
    """All rewards of the site, active or not."""
    return tuple(map(read_offer, await rewards.list_all(client)))


async def get_offer(client: WixClient, reward_id: str) -> Offer | None:
    """The reward; None where there is none any more."""
    try:
        return read_offer(await rewards.get(client, reward_id))
    except WixNotFoundError:
        return None


async def get_buyer(client: WixClient, account_id: str) -> Buyer:
    """The balance and the tier of an account, as they are now."""
    account = await accounts.get(client, account_id)
    return Buyer(account.points.balance, None if account.tier is None else account.tier.id)


async def list_coupons(client: WixClient, account_id: str, most: int = MOST) -> tuple[LoyaltyCoupon, ...]:
    """The newest loyalty coupons of an account, as far as queries show them."""
    newest = [Sort("createdDate", descending=True)]
    page = await loyalty_coupons.query(client, {"accountId": {"$eq": account_id}}, sort=newest, limit=most)
    return _whole(page, loyalty_coupons.query)


async def find_coupon(client: WixClient, named: str) -> LoyaltyCoupon:
    """The loyalty coupon of this id or code. Raises UsageError where there is none."""
    named = named.strip()
    try:
        return await loyalty_coupons.get(client, str(UUID(named)))
    except ValueError:
        pass
    except WixNotFoundError:
        raise UsageError(f"There is no loyalty coupon {named!r}.") from None
    for code in dict.fromkeys((named, named.upper())):
        page = await loyalty_coupons.query(client, {"couponReference.code": {"$eq": code}}, limit=2)
        if len(page.items) == 1:
            return page.items[0]
    raise UsageError(
        f"Wix tells of no loyalty coupon with the code {named!r}; `milestones rewards coupons ACCOUNT` shows them."
    )


async def find_spending_fault(client: WixClient, coupon: LoyaltyCoupon, now: datetime) -> str | None:
    """Why a loyalty coupon cannot be spent now; None where it can."""
    fault = find_coupon_fault(coupon.status)
    if fault is not None or coupon.coupon_reference.coupon_id is None:
        return fault
    try:
        code = await coupons.get(client, coupon.coupon_reference.coupon_id)
    except WixNotFoundError:
        code = None
    return find_code_fault(code, now)


async def list_discounts(client: WixClient, checkout_id: str) -> tuple[CheckoutDiscount, ...]:
    """What is, or was, on a checkout, as far as queries show it."""
    page = await checkout.query(client, {"checkoutId": {"$eq": checkout_id}}, limit=MOST)
    return _whole(page, checkout.query)


def _whole(page: Page[E], asked: CursorQuery[E]) -> tuple[E, ...]:
    """All of a page: of what is looked for, a broken one may be it."""
    if page.unreadable:
        raise unreadable(asked.call, f"{len(page.unreadable)} of {asked.key} are broken")
    return tuple(page.items)
