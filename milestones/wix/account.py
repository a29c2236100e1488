"""What a loyalty account looks like, in the answers to calls and in webhooks alike (docs/wix-api.md, 2.3)."""

from milestones.wix.fields import Entity, Instant, Revision

LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
"""The loyalty program's app: the documented source of points given by hand (docs/wix-api.md, 1 and 2.3)."""


class Points(Entity):
    """Points of one account, or of all. Whole numbers; what Wix leaves out is 0."""

    balance: int = 0
    earned: int = 0
    adjusted: int = 0
    redeemed: int = 0
    expired: int = 0


class AccountTier(Entity):
    """An account's place in the tiers. ``id`` is None in the base tier; ``points`` are those of the moving window."""

    id: str | None = None
    points: int = 0
    updated_date: Instant | None = None
    recalculation_date: Instant | None = None


class AccountContact(Entity):
    """What an account shows of its contact: personal data."""

    id: str | None = None
    email: str | None = None
    name: str | None = None
    display_name: str | None = None


class PointsExpiration(Entity):
    """When points will go, and how many."""

    expiration_date: Instant | None = None
    expiring_points_amount: int = 0


class Account(Entity):
    """A customer's account, as calls answer it and as webhooks carry it.

    Without id, revision or points it is no observation, so these three are insisted on. ``tier`` is None where Wix
    sends none (tiers are off, or the event leaves it out), which is not the same as 0 tier points.
    """

    id: str
    revision: Revision
    points: Points
    contact_id: str | None = None
    member_id: str | None = None
    tier: AccountTier | None = None
    contact: AccountContact = AccountContact()
    reward_available: bool = False
    points_expiration: PointsExpiration = PointsExpiration()
    created_date: Instant | None = None
    updated_date: Instant | None = None
    last_activity_date: Instant | None = None


class TierTotal(Entity):
    """How many accounts are in a tier; ``id`` is None for the base tier."""

    id: str | None = None
    number_of_accounts: int = 0


class ProgramTotals(Entity):
    """Sums over all accounts of the site."""

    points: Points = Points()
    tier_totals: tuple[TierTotal, ...] = ()
