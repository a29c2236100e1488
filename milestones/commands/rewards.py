"""``rewards``: the catalogue, redeeming, and spending at a checkout. Wix is read while a person waits; what is done is
ordered.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.orders import Keyed, OrderAnswer
from milestones.commands.models.rewards import (
    CouponLine,
    CouponsAnswer,
    DiscountCheckout,
    DiscountLine,
    DiscountsAnswer,
    ListCoupons,
    ListDiscounts,
    ListRewards,
    RedeemForAccount,
    RewardLine,
    RewardPrice,
    RewardsAnswer,
    ShowReward,
)
from milestones.commands.orders import give_order, is_recorded
from milestones.domain.order import Person
from milestones.errors import MilestonesError, UsageError
from milestones.kinds.discount.payload import ApplyDiscount
from milestones.kinds.redemption.payload import RedeemReward
from milestones.rewards import site as shop
from milestones.rewards.catalogue import Buyer, Offer, find_offer
from milestones.rewards.refusals import find_coupon_fault, find_discount_fault, find_redemption_fault
from milestones.store.tables import Account
from milestones.views.customers import find_account
from milestones.views.lookup import find_one_site
from milestones.wix import tiers
from milestones.wix.pacing import a_person_waits
from milestones.wix.rewards import RewardType
from milestones.wix.transport import WixClient

_TYPES: Mapping[RewardType, Literal["coupon", "discount", "unknown"]] = {
    RewardType.COUPON_REWARD: "coupon",
    RewardType.DISCOUNT_AMOUNT: "discount",
    RewardType.UNKNOWN: "unknown",
}


async def list_rewards(host: Host, command: ListRewards, _report: Report[NoReport]) -> RewardsAnswer:
    """All rewards of a site. Raises UsageError, NobodyError and WixError."""
    return await _catalogue(host, command, None)


async def show_reward(host: Host, command: ShowReward, _report: Report[NoReport]) -> RewardsAnswer:
    """One reward. Raises UsageError, NobodyError and WixError."""
    return await _catalogue(host, command, command.reward)


async def _catalogue(host: Host, command: ListRewards | ShowReward, named: str | None) -> RewardsAnswer:
    account, site_id = await _find_where(host, command.account, command.site)
    client = host.scan_work(site_id).client
    with a_person_waits():
        offers = await shop.list_offers(client)
        chosen = offers if named is None else (find_offer(offers, named),)
        names = {tier.id: tier.tier_definition.name or tier.id for tier in await tiers.list_all(client)}
        buyer = None if account is None else await shop.get_buyer(client, account.id)
    return RewardsAnswer(
        site=site_id,
        account=None if account is None else account.id,
        balance=None if buyer is None else buyer.balance,
        tier=None if buyer is None or buyer.tier_id is None else names.get(buyer.tier_id, buyer.tier_id),
        rewards=tuple(_line(offer, names, buyer) for offer in chosen),
    )


def _line(offer: Offer, names: Mapping[str, str], buyer: Buyer | None) -> RewardLine:
    price = None if buyer is None else offer.find_price(buyer.tier_id)
    find_fault = find_discount_fault if offer.type is RewardType.DISCOUNT_AMOUNT else find_redemption_fault
    return RewardLine(
        id=offer.id,
        name=offer.name,
        type=_TYPES[offer.type],
        active=offer.active,
        terms=offer.terms,
        prices=tuple(
            RewardPrice(
                tier=None if price.tier_id is None else names.get(price.tier_id, price.tier_id),
                tier_id=price.tier_id,
                points=price.points,
                worth=price.worth,
            )
            for price in offer.prices
        ),
        cost=None if price is None else price.points,
        worth=None if price is None else price.worth,
        fault=None if buyer is None else find_fault(offer, buyer),
    )


async def redeem(host: Host, command: RedeemForAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Order a redemption. Raises MilestonesError where Wix would refuse it, UsageError, NobodyError and WixError."""
    account, site_id = await _find_where(host, command.account, command.site)
    assert account is not None, "the command names one"
    client = host.scan_work(site_id).client
    with a_person_waits():
        offer = find_offer(await shop.list_offers(client), command.reward)
        cost = 0
        if not await _is_decided(host, account, command):
            buyer = await shop.get_buyer(client, account.id)
            cost = _price(offer, buyer, find_redemption_fault(offer, buyer))
    return await give_order(
        host, site_id, Person(account_id=account.id), RedeemReward(offer.id, offer.name, cost), command
    )


async def apply(host: Host, command: DiscountCheckout, _report: Report[NoReport]) -> OrderAnswer:
    """Order a discount. Raises MilestonesError where Wix would refuse it, UsageError, NobodyError and WixError."""
    if (command.coupon is None) == (command.reward is None):
        raise UsageError("Give either a reward, with the account that pays for it, or a loyalty coupon.")
    if command.reward is not None and command.account is None:
        raise UsageError("A reward needs the account whose points pay for it.")
    # In one spelling, by which the same checkout is known as the same.
    command = command.model_copy(update={"checkout": _checkout_id(command.checkout)})
    account, site_id = await _find_where(host, command.account, command.site)
    client = host.scan_work(site_id).client
    if command.reward is not None:
        assert account is not None, "it was asked for"
        with a_person_waits():
            request = await _order_reward(host, client, account, command, command.reward)
        return await give_order(host, site_id, Person(account_id=account.id), request, command)
    assert command.coupon is not None, "it is one of the two"
    with a_person_waits():
        account_id, request = await _order_coupon(host, client, site_id, command, command.coupon)
    if account is not None and account_id != account.id:
        raise MilestonesError(f"The loyalty coupon belongs to another account, {account_id}.")
    return await give_order(host, site_id, Person(account_id=account_id), request, command)


async def _order_reward(
    host: Host, client: WixClient, account: Account, command: DiscountCheckout, named: str
) -> ApplyDiscount:
    offer = find_offer(await shop.list_offers(client), named)
    request = ApplyDiscount(command.checkout, offer.name, reward_id=offer.id, points=command.points)
    if request.fault() is not None or await _is_decided(host, account, command):
        return request
    buyer = await shop.get_buyer(client, account.id)
    cost = _price(offer, buyer, find_discount_fault(offer, buyer, command.points))
    return ApplyDiscount(command.checkout, offer.name, reward_id=offer.id, points=command.points, cost=cost)


async def _order_coupon(
    host: Host, client: WixClient, site_id: str, command: DiscountCheckout, named: str
) -> tuple[str, ApplyDiscount]:
    """Whose loyalty coupon it is, and what is ordered."""
    coupon = await shop.find_coupon(client, named)
    if coupon.account_id is None:
        raise MilestonesError("Wix does not tell whose loyalty coupon that is, so it is not spent.")
    request = ApplyDiscount(
        command.checkout,
        coupon.reward_name or "A loyalty coupon",
        coupon_id=coupon.id,
        points=command.points,
    )
    if request.fault() is None and not await is_recorded(host, site_id, command):
        fault = await shop.find_spending_fault(client, coupon, host.runtime.clock())
        if fault is not None:
            raise MilestonesError(fault)
    return coupon.account_id, request


async def list_coupons(host: Host, command: ListCoupons, _report: Report[NoReport]) -> CouponsAnswer:
    """The newest loyalty coupons of an account. Raises UsageError, NobodyError and WixError."""
    account, site_id = await _find_where(host, command.account, command.site)
    assert account is not None, "the command names one"
    with a_person_waits():
        found = await shop.list_coupons(host.scan_work(site_id).client, account.id, command.limit)
    lines = (
        CouponLine(
            id=one.id,
            code=one.coupon_reference.code,
            reward=one.reward_name,
            status=one.status.value,
            created_at=one.created_date,
            at_checkout=one.refundable,
            fault=find_coupon_fault(one.status),
        )
        for one in found
    )
    return CouponsAnswer(site=site_id, account=account.id, coupons=tuple(lines))


async def list_discounts(host: Host, command: ListDiscounts, _report: Report[NoReport]) -> DiscountsAnswer:
    """The discounts of a checkout. Raises UsageError and WixError."""
    checkout_id = _checkout_id(command.checkout)
    _, site_id = await _find_where(host, None, command.site)
    client = host.scan_work(site_id).client
    with a_person_waits():
        found = await shop.list_discounts(client, checkout_id)
        names = {offer.id: offer.name for offer in await shop.list_offers(client)} if found else {}
    lines = (
        DiscountLine(
            id=one.id,
            status=one.status.value,
            type=one.discount_type,
            reward_id=one.reward_id,
            reward=names.get(one.reward_id or ""),
            coupon_id=one.loyalty_coupon_id,
        )
        for one in found
    )
    return DiscountsAnswer(site=site_id, checkout=checkout_id, discounts=tuple(lines))


def _checkout_id(text: str) -> str:
    """The id of a checkout as Wix spells it. Raises UsageError."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise UsageError(
            "A checkout is named by its id, such as 0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42."
        ) from None


async def _find_where(host: Host, account: str | None, site: str | None) -> tuple[Account | None, str]:
    """The account, if one is named, and the site. Raises UsageError and NobodyError."""
    async with host.runtime.store.read() as tx:
        if account is None:
            return None, (await find_one_site(tx, site)).id
        found = await find_account(tx, account, site)
        return found, found.site_id


async def _is_decided(host: Host, account: Account, given: Keyed) -> bool:
    """Whether Wix need not be asked what speaks against it: the order is recorded, or cannot be for this customer."""
    return account.erased_at is not None or await is_recorded(host, account.site_id, given)


def _price(offer: Offer, buyer: Buyer, fault: str | None) -> int:
    if fault is not None:
        raise MilestonesError(fault)
    price = offer.find_price(buyer.tier_id)
    assert price is not None, "what has no price is refused"
    return price.points
