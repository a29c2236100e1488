"""Valid things with a sentence's worth of defaults; every builder takes overrides.

``an_account(balance=995)`` is the account as Wix tells it; ``a_milestone()``, ``a_point()`` and the others are
the domain's own values.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from milestones.domain.actions import Context
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import Consent, Milestone, Near, Repeat
from milestones.domain.observation import (
    UNKNOWN_CUSTOMER,
    Customer,
    Measure,
    Measures,
    Observation,
    Point,
    Source,
    Stamp,
)
from milestones.domain.policy import Rate
from milestones.kinds.badge.payload import Badge
from milestones.kinds.coupon.payload import Coupon, Discount
from milestones.kinds.email.payload import Email
from milestones.kinds.points.payload import Points
from milestones.kinds.webhook.payload import Webhook

NOW = datetime(2026, 11, 20, 9, 15, 30, tzinfo=UTC)
GO_LIVE = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = b"a secret that tests know"
SITE = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"
ACCOUNT = "a1a1a1a1-0000-4000-8000-000000000001"
CONTACT = "c1c1c1c1-0000-4000-8000-000000000001"
MEMBER = "d1d1d1d1-0000-4000-8000-000000000001"


def an_account(
    *,
    balance: int = 995,
    earned: int | None = None,
    tier_points: int | None = None,
    revision: int = 17,
    updated_at: datetime = NOW,
    created_at: datetime = GO_LIVE - timedelta(days=400),
    email: str | None = "ada@example.com",
    name: str = "Ada",
    **overrides: Any,
) -> dict[str, Any]:
    """A loyalty account as Wix tells it (docs/wix-api.md, 2.3). Overrides replace whole top-level fields."""
    earned = balance if earned is None else earned
    contact = {"id": CONTACT, "name": name, "displayName": name}
    return {
        "id": ACCOUNT,
        "contactId": CONTACT,
        "memberId": MEMBER,
        "points": {
            "balance": balance,
            "earned": earned,
            "adjusted": 0,
            "redeemed": earned - balance,
            "expired": 0,
        },
        "rewardAvailable": False,
        "createdDate": told(created_at),
        "updatedDate": told(updated_at),
        "lastActivityDate": told(updated_at),
        "revision": str(revision),
        **({"tier": {"points": tier_points}} if tier_points is not None else {}),
        "contact": contact if email is None else {**contact, "email": email},
        **overrides,
    }


def told(moment: datetime) -> str:
    """A moment as Wix writes it: ISO 8601, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def a_point(
    balance: int = 995,
    revision: int = 17,
    *,
    earned: int | None = None,
    tier_points: int | None = None,
    at: int = 0,
    sequence: int = 0,
) -> Point:
    """A state of an account. ``earned`` is the balance unless told otherwise, as of somebody who never spent."""
    measures = Measures(balance, balance if earned is None else earned, tier_points)
    return Point(Stamp(revision, at, sequence), measures)


def points_of(*balances: int) -> list[Point]:
    """A history: these balances at revision 1, 2, 3 and so on."""
    return [a_point(balance, revision) for revision, balance in enumerate(balances, start=1)]


def an_observation(
    balance: int = 995,
    revision: int = 17,
    *,
    account_id: str = ACCOUNT,
    point: Point | None = None,
    source: Source = Source.WEBHOOK,
    told_at: datetime = NOW,
    created_at: datetime | None = GO_LIVE - timedelta(days=400),
    customer: Customer = UNKNOWN_CUSTOMER,
) -> Observation:
    """One account's measures at one revision, of an account that is older than go-live."""
    return Observation(account_id, point or a_point(balance, revision), source, told_at, created_at, customer)


def a_customer(
    *,
    contact_id: str | None = CONTACT,
    member_id: str | None = MEMBER,
    email: str | None = "ada@example.com",
    name: str | None = "Ada",
) -> Customer:
    """Who an account belongs to: a contact who is a member and has an address."""
    return Customer(contact_id, member_id, email, name)


def a_near_window(
    *,
    within: int = 100,
    template: str = "almost-there",
    uses: frozenset[str] = frozenset({"points", "milestone"}),
    remind_every: timedelta = timedelta(days=30),
    max_reminders: int = 2,
) -> Near:
    """The window of the sample configuration: the last 100 points, twice, 30 days apart."""
    return Near(within, template, uses, remind_every, max_reminders)


def a_milestone(threshold: int = 1000, **overrides: Any) -> Milestone:
    """So many points of balance, once, with a near window and no rewards."""
    milestone = Milestone(
        key=f"stars-{threshold}",
        title=f"{threshold:,} stars",
        measure=Measure.BALANCE,
        threshold=threshold,
        repeat=Repeat.ONCE,
        rewards=(),
        near=a_near_window(),
    )
    return replace(milestone, **overrides)


def a_ladder(every_points: int = 1000, **overrides: Any) -> Milestone:
    """A reward at every so many points."""
    return a_milestone(every_points, **{"key": "ladder", "repeat": Repeat.LADDER, **overrides})


def a_repeating(threshold: int = 1000, rearm_below: int = 200, **overrides: Any) -> Milestone:
    """A milestone that is reached anew after a fall under ``rearm_below``."""
    return a_milestone(
        threshold, **{"key": "again", "repeat": Repeat.EVERY, "rearm_below": rearm_below, **overrides}
    )


def a_coupon(**overrides: Any) -> Coupon:
    """The coupon of the sample configuration: ten percent off in the store, for 30 days."""
    coupon = Coupon(
        name="10% off for 1,000 stars",
        discount=Discount.PERCENT_OFF,
        amount="10",
        scope="stores",
        minimum_subtotal=None,
        valid_for=timedelta(days=30),
    )
    return replace(coupon, **overrides)


def a_badge(
    *, title: str | None = "Star customer", badge_id: str | None = None, create: bool = False
) -> Badge:
    """A badge by its title."""
    return Badge(title, badge_id, create)


def some_points(
    *, amount: int = 50, description: str = "A present", cap: tuple[int, timedelta] | None = None
) -> Points:
    """Points as a reward."""
    return Points(amount, description, Rate(*cap) if cap is not None else None)


def an_email(
    *,
    template: str = "milestone-reached",
    uses: frozenset[str] = frozenset({"coupon"}),
    consent: Consent = Consent.MARKETING,
) -> Email:
    """The mail that shows the coupon."""
    return Email(template, uses, consent)


def a_webhook(*, url: str = "https://crm.example.com/hook", secret_name: str = "CRM_SECRET") -> Webhook:
    """A POST to the operator's own service."""
    return Webhook(url, secret_name)


def a_crossing(
    milestone: Milestone | None = None,
    *,
    occurrence: int = 1,
    revision: int = 17,
    value: int = 1010,
    at: int = 0,
) -> Crossing:
    """An account that went over the threshold at revision 17."""
    return Crossing(milestone or a_milestone(), occurrence, revision, value, at)


def a_context(
    *,
    site: str = SITE,
    account_id: str = ACCOUNT,
    secret: bytes = SECRET,
    now: datetime = NOW,
    timezone: str = "UTC",
    configuration: str = "c0ffee",
) -> Context:
    """What planning needs beside the definition."""
    zone = ZoneInfo(timezone)
    return Context(site, account_id, secret, now=now, timezone=zone, configuration=configuration)
