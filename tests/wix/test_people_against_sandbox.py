"""People, coupons and badges over HTTP against the simulated Wix, whichever way it behaves where nobody could verify."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from milestones.wix import (
    accounts,
    assignments,
    badges,
    contacts,
    coupons,
    members,
    subscriptions,
)
from milestones.wix.coupons import CouponScope, CouponSpecification
from milestones.wix.errors import (
    WixError,
    WixNotFoundError,
)
from milestones.wix.subscriptions import SubscriptionStatus
from milestones.wix.transport import WixClient
from tests.wix.fakes import outcome, some_account, switch
from wixsandbox.server import RunningSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")
START = datetime.now(UTC)


def coupon(code: str) -> CouponSpecification:
    return CouponSpecification(
        name="10% off",
        code=code,
        start_time=START,
        expiration_time=START + timedelta(days=30),
        usage_limit=1,
        percent_off_rate=Decimal(10),
        scope=CouponScope(namespace="stores"),
    )


async def test_a_contact_is_found_by_mail_and_a_second_one_is_refused_by_name(client: WixClient) -> None:
    made = await contacts.create(client, "Ann.Lee@example.com", first_name="Ann", last_name="Lee")
    found = await contacts.find_by_email(client, "Ann.Lee@example.com")
    assert found is not None
    assert (found.id, found.info.name.first) == (made.id, "Ann")
    with pytest.raises(WixError) as caught:
        await contacts.create(client, "ann.lee@example.com")
    assert contacts.duplicate_of(caught.value) == made.id
    assert (await contacts.get(client, made.id)).emails == {"ann.lee@example.com"}
    await contacts.delete(client, made.id)
    with pytest.raises(WixNotFoundError):
        await contacts.get(client, made.id)


async def test_contacts_and_members_are_read_page_by_page(client: WixClient) -> None:
    pages = [page async for page in contacts.query_all(client, limit=50)]
    assert len({contact.id for page in pages for contact in page.items}) == pages[0].total
    signed_up = [page async for page in members.query_all(client, limit=50)]
    assert len({member.id for page in signed_up for member in page.items}) == signed_up[0].total
    member = signed_up[0].items[0]
    assert await members.get(client, member.id) == member
    assert member.contact_id is not None
    assert await members.find_by_contact(client, member.contact_id) == member


@pytest.mark.parametrize("status", [400, 409, 428])
@pytest.mark.parametrize("times", ["number", "text"])
async def test_a_coupon_is_made_once(
    shop: RunningSandbox, client: WixClient, status: int, times: str
) -> None:
    switch(shop, duplicate_coupon_status=status, coupon_times=times)
    specification = coupon("STAR-1")
    made = await coupons.create(client, specification)
    with pytest.raises(WixError) as caught:
        await coupons.create(client, specification)
    assert coupons.is_duplicate_code(caught.value)
    found = await coupons.find_by_code(client, "STAR-1")
    assert found is not None
    assert (found.id, found.specification.code, found.specification.usage_limit) == (made, "STAR-1", 1)
    assert found.specification.start_time is not None
    assert specification.start_time is not None
    assert abs(found.specification.start_time - specification.start_time) < timedelta(seconds=1)
    await coupons.deactivate(client, made)
    assert not (await coupons.get(client, made)).specification.active
    await coupons.delete(client, made)
    with pytest.raises(WixNotFoundError):
        await coupons.get(client, made)


async def test_coupons_are_read_page_by_page(client: WixClient) -> None:
    made = {await coupons.create(client, coupon(f"STAR-{number}")) for number in range(5)}
    pages = [page async for page in coupons.query_all(client, limit=2)]
    assert made <= {found.id for page in pages for found in page.items}


@pytest.mark.parametrize("twice", ["already_exists", "existing"])
async def test_a_badge_is_given_once(shop: RunningSandbox, client: WixClient, twice: str) -> None:
    switch(shop, badge_assigned_twice=twice)
    badge = await badges.create(client, "Star customer", description="Reached 1,000 stars")
    found = await badges.find_by_title(client, "Star customer")
    assert found is not None
    assert found == await badges.get(client, badge.id)
    member_id = (await some_account(client, member=True)).member_id
    assert member_id is not None
    given = await assignments.create(client, badge.id, member_id)
    again = await outcome(assignments.create(client, badge.id, member_id))
    assert assignments.is_already_assigned(again) if isinstance(again, WixError) else again.id == given.id
    assert (await assignments.find(client, badge.id, member_id)) is not None
    pages = [page async for page in assignments.query_all(client, assignments.of_any(badge_ids=[badge.id]))]
    assert [one.id for page in pages for one in page.items] == [given.id]
    await assignments.delete(client, given.id)
    assert (await assignments.find(client, badge.id, member_id)) is None
    await badges.delete(client, badge.id)


async def test_somebody_who_is_no_member_gets_no_badge(client: WixClient) -> None:
    badge = await badges.create(client, "Star customer")
    with pytest.raises(WixError) as caught:
        await assignments.create(client, badge.id, "00000000-0000-0000-0000-000000000000")
    assert not assignments.is_already_assigned(caught.value)


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize("limits", [(100, 100), (7, 100), (100, 7)])
async def test_consent_is_read_for_everybody(
    shop: RunningSandbox, client: WixClient, ignore_case: bool, limits: tuple[int, int]
) -> None:
    switch(shop, emails_ignore_case=ignore_case, email_page_limit=limits[0], email_filter_limit=limits[1])
    await subscriptions.upsert(client, "Ann@Example.com", SubscriptionStatus.SUBSCRIBED)
    everybody = [page async for page in accounts.query_all(client)]
    emails = [account.contact.email for page in everybody for account in page.items if account.contact.email]
    found = await subscriptions.statuses(client, [*emails, "Ann@Example.com", "stranger@example.com"])
    assert found["ann@example.com"].consents
    assert "stranger@example.com" not in found
    assert set(found) <= {email.casefold() for email in emails} | {"ann@example.com"}
    assert len({subscription.subscription_status for subscription in found.values()}) > 1
    await subscriptions.upsert(client, "Ann@Example.com", SubscriptionStatus.UNSUBSCRIBED)
    again = await subscriptions.statuses(client, ["Ann@Example.com"])
    assert not again["ann@example.com"].consents


async def test_wix_makes_a_link_to_unsubscribe(shop: RunningSandbox, client: WixClient) -> None:
    link = await subscriptions.unsubscribe_link(client, "ann@example.com", language="de")
    assert link.startswith(shop.base_url)
