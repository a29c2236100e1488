"""What a loyalty account looks like, in the answers to calls and in webhooks alike (docs/wix-api.md, 2.3)."""

from typing import Annotated

from pydantic import BeforeValidator

from milestones.formats import untrusted
from milestones.wix.fields import (
    Entity,
    MaybeInstant,
    MaybeText,
    PointAmount,
    Revision,
    Tally,
    Text,
    maybe_object,
)

LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"
"""The loyalty program's app: the documented source of points given by hand (docs/wix-api.md, 1 and 2.3)."""


class Points(Entity):
    """Points of one account, or of all. Whole numbers; what Wix leaves out is 0."""

    balance: PointAmount = 0
    earned: PointAmount = 0
    adjusted: Tally = 0
    redeemed: Tally = 0
    expired: Tally = 0


class AccountTier(Entity):
    """An account's place in the tiers. ``id`` is None in the base tier; ``points`` are those of the moving window."""

    id: MaybeText = None
    points: PointAmount = 0
    updated_date: MaybeInstant = None
    recalculation_date: MaybeInstant = None


class AccountContact(Entity):
    """What an account shows of its contact: personal data."""

    id: MaybeText = None
    email: MaybeText = None
    name: MaybeText = None
    display_name: MaybeText = None


class PointsExpiration(Entity):
    """When points will go, and how many."""

    expiration_date: MaybeInstant = None
    expiring_points_amount: Tally = 0


class Account(Entity):
    """A customer's account, as calls answer it and as webhooks carry it.

    Without id, revision or points it is no observation, so these three are insisted on, as is that points which are
    told are points. Of the rest, what cannot be read is missing, as it is in a webhook. ``tier`` is None where Wix
    sends none (tiers are off, or the event leaves it out), which is not the same as 0 tier points.
    """

    id: Text
    revision: Revision
    points: Annotated[Points, BeforeValidator(untrusted.fields)]
    contact_id: MaybeText = None
    member_id: MaybeText = None
    tier: Annotated[AccountTier | None, BeforeValidator(untrusted.fields)] = None
    contact: Annotated[AccountContact, BeforeValidator(maybe_object)] = AccountContact()
    reward_available: Annotated[bool, BeforeValidator(lambda value: value is True)] = False
    points_expiration: Annotated[PointsExpiration, BeforeValidator(maybe_object)] = PointsExpiration()
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None
    last_activity_date: MaybeInstant = None


class TierTotal(Entity):
    """How many accounts are in a tier; ``id`` is None for the base tier."""

    id: MaybeText = None
    number_of_accounts: Tally = 0


class ProgramTotals(Entity):
    """Sums over all accounts of the site."""

    points: Points = Points()
    tier_totals: tuple[TierTotal, ...] = ()
