"""After every kind of lost answer, the simulated Wix holds each effect once: the keys of the design, section 5, work."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from milestones.wix import accounts, assignments, badges, contacts, coupons, transactions
from milestones.wix.account import Account
from milestones.wix.coupons import CouponScope, CouponSpecification
from milestones.wix.errors import WixConflictError, WixError, WixUnavailableError
from milestones.wix.transport import WixClient
from tests.wix.fakes import outcome
from wixsandbox.faults import Fault, Match
from wixsandbox.server import RunningSandbox

COUPON = CouponSpecification(
    name="10% off",
    code="STAR-1",
    start_time=datetime(2026, 11, 20, tzinfo=UTC),
    usage_limit=1,
    percent_off_rate=Decimal(10),
    scope=CouponScope(namespace="stores"),
)
AFTER = [
    Fault(effect="drop_after"),
    Fault(effect="status_after", status=500),
    Fault(effect="status_after", status=503, body="<html>busy</html>"),
    Fault(effect="malformed"),
    Fault(effect="truncate"),
]
BEFORE = [Fault(effect="drop_before"), Fault(effect="status", status=500), Fault(effect="status", status=504)]
LOST = [pytest.param(fault, id=f"{fault.effect}-{fault.status}") for fault in [*AFTER, *BEFORE]]


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def lost(shop: RunningSandbox, fault: Fault, path: str, act: Callable[[], Awaitable[object]]) -> None:
    """Acts while the answer to this path gets lost."""
    shop.sandbox.faults.add(fault.model_copy(update={"match": Match(method="POST", path=path)}))
    with pytest.raises(WixUnavailableError) as caught:
        await act()
    assert caught.value.lost
    assert not caught.value.permanent


async def a_member(client: WixClient) -> Account:
    page = await accounts.query(client, {"memberId": {"$exists": True}})
    return page.items[0]


@pytest.mark.parametrize("fault", LOST)
async def test_a_coupon_is_repeated_and_a_duplicate_is_ours(
    shop: RunningSandbox, client: WixClient, fault: Fault
) -> None:
    await lost(shop, fault, "/stores/v2/coupons", lambda: coupons.create(client, COUPON))
    again = await outcome(coupons.create(client, COUPON))
    assert not isinstance(again, WixError) or coupons.is_duplicate_code(again)
    assert await coupons.find_by_code(client, COUPON.code) is not None
    codes = [made["specification"]["code"] for made in shop.sandbox.world.coupons]
    assert codes.count(COUPON.code) == 1


@pytest.mark.parametrize("fault", LOST)
async def test_a_badge_is_given_again_and_already_assigned_is_success(
    shop: RunningSandbox, client: WixClient, fault: Fault
) -> None:
    badge, member_id = await badges.create(client, "Star"), (await a_member(client)).member_id
    assert member_id is not None
    await lost(shop, fault, "/badges/v4/assignments", lambda: assignments.create(client, badge.id, member_id))
    again = await outcome(assignments.create(client, badge.id, member_id))
    assert not isinstance(again, WixError) or assignments.is_already_assigned(again)
    given = [one for one in shop.sandbox.world.assignments if one["badgeId"] == badge.id]
    assert len(given) == 1


@pytest.mark.parametrize("fault", LOST)
async def test_points_are_earned_again_with_the_same_key(
    shop: RunningSandbox, client: WixClient, fault: Fault
) -> None:
    before = await a_member(client)

    async def earn() -> accounts.Booking:
        return await accounts.earn(client, before.id, amount=5, description="A like", idempotency_key="once")

    await lost(shop, fault, "/loyalty-accounts", earn)
    booking = await earn()
    assert (await accounts.get(client, before.id)).points.balance == before.points.balance + 5
    booked = await transactions.find_by_idempotency_key(client, "once")
    assert booked is not None
    assert booked.id == booking.transaction_id


@pytest.mark.parametrize("fault", LOST)
async def test_an_adjustment_is_repeated_against_its_revision_and_the_description_tells_whose_it_was(
    shop: RunningSandbox, client: WixClient, fault: Fault
) -> None:
    before = await a_member(client)

    async def adjust() -> accounts.Booking:
        return await accounts.adjust(
            client, before.id, amount=5, description="sync 7", revision=before.revision
        )

    await lost(shop, fault, "/loyalty-accounts", adjust)
    again = await outcome(adjust())
    if isinstance(again, WixError):
        assert isinstance(again, WixConflictError)
        assert await transactions.find_by_description(client, before.id, "sync 7") is not None
    assert (await accounts.get(client, before.id)).points.balance == before.points.balance + 5


@pytest.mark.parametrize("fault", LOST)
async def test_a_contact_and_its_account_are_made_once(
    shop: RunningSandbox, client: WixClient, fault: Fault
) -> None:
    contacts_before, accounts_before = len(shop.sandbox.world.contacts), await accounts.count(client)
    await lost(shop, fault, "/contacts/v4", lambda: contacts.create(client, "new@example.com"))
    made = await outcome(contacts.create(client, "new@example.com"))
    contact_id = contacts.duplicate_of(made) if isinstance(made, WixError) else made.id
    assert contact_id is not None
    await lost(shop, fault, "/loyalty-accounts", lambda: accounts.create(client, contact_id))
    again = await outcome(accounts.create(client, contact_id))
    assert not isinstance(again, WixError) or accounts.already_exists(again)
    assert await accounts.fetch_by(client, contact_id=contact_id) is not None
    assert len(shop.sandbox.world.contacts) == contacts_before + 1
    assert await accounts.count(client) == accounts_before + 1
