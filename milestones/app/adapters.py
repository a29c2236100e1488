"""What the channels and gates ask for, answered by the Wix client and the store. ``bootstrap`` puts them together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from milestones.domain import keys
from milestones.domain.address import Form
from milestones.formats.mail_addresses import address_form
from milestones.kinds.coupon.channel import MadeCoupon
from milestones.kinds.email.message import Unsubscribe
from milestones.kinds.email.variables import Program
from milestones.store import sites
from milestones.store.database.store import Store
from milestones.store.outbox.ledger import badge_just_made, badges_just_given, point_rewards
from milestones.store.people import people
from milestones.wix import accounts, assignments, badges, coupons, programs, subscriptions, transactions
from milestones.wix.account import LOYALTY_APP_ID
from milestones.wix.coupons import CouponSpecification
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.programs import ProgramStatus
from milestones.wix.subscriptions import Subscription
from milestones.wix.transport import WixClient

PROGRAM_AGE = timedelta(minutes=5)
"""How old the program's status may be when a mail is handed over or points are given; Wix sends no event when it changes."""


@dataclass(frozen=True, slots=True)
class SiteCoupons:
    """``kinds.coupon.channel.Coupons`` on Wix."""

    client: WixClient

    async def create(self, specification: Mapping[str, Any], /) -> str | None:
        """The new coupon's id, or None where its code exists already.

        In what words Wix refuses a duplicate is documented nowhere: of any other refusal the coupon itself decides.
        """
        try:
            return await coupons.create(self.client, CouponSpecification.model_validate(specification))
        except (WixRefusedError, WixConflictError) as error:
            if coupons.is_duplicate_code(error):
                return None
            if await self.find(specification["code"]) is None:
                raise
            return None

    async def find(self, code: str, /) -> MadeCoupon | None:
        """The coupon with this code, or None while queries do not show it."""
        found = await coupons.find_by_code(self.client, code)
        return MadeCoupon(found.id, found.specification.expiration_time) if found is not None else None


@dataclass(frozen=True, slots=True)
class SiteBadges:
    """``kinds.badge.channel.Badges`` on Wix."""

    client: WixClient

    async def find(self, title: str, /) -> str | None:
        """The id of the badge with this title."""
        found = await badges.find_by_title(self.client, title)
        return found.id if found is not None else None

    async def title(self, badge_id: str, /) -> str:
        """The title of a badge."""
        return (await badges.get(self.client, badge_id)).title

    async def create(self, title: str, /) -> str:
        """Makes a badge and returns its id."""
        return (await badges.create(self.client, title)).id

    async def holders(self, badge_id: str, member_ids: Sequence[str], /) -> set[str]:
        """Which of these members have the badge."""
        pages = assignments.query_all(
            self.client, assignments.of_any(badge_ids=[badge_id], member_ids=member_ids)
        )
        shown = [found async for page in pages for found in page.items]
        return {found.member_id for found in shown if found.badge_id == badge_id and found.member_id}

    async def assign(self, badge_id: str, member_id: str, /) -> None:
        """Gives the badge; to have it already is success, in whatever words Wix says so."""
        try:
            await assignments.create(self.client, badge_id, member_id)
        except (WixRefusedError, WixConflictError) as error:
            if assignments.is_already_assigned(error):
                return
            if await assignments.find(self.client, badge_id, member_id) is None:
                raise


@dataclass(frozen=True, slots=True)
class SiteEarnings:
    """``kinds.points.channel.Earnings`` on Wix."""

    client: WixClient

    async def earn(
        self, account_id: str, *, amount: int, description: str, idempotency_key: str
    ) -> str | None:
        """Books the points once for each key. A key that was used is ours: the points are there.

        In what words Wix refuses such a key is documented nowhere: of any other refusal the transaction decides.
        """
        try:
            booking = await accounts.earn(
                self.client,
                account_id,
                amount=amount,
                description=description,
                app_id=LOYALTY_APP_ID,
                idempotency_key=idempotency_key,
            )
        except (WixRefusedError, WixConflictError) as error:
            found = await self.transaction(idempotency_key)
            if found is None and not accounts.already_earned(error):
                raise
            return found
        return booking.transaction_id

    async def transaction(self, idempotency_key: str, /) -> str | None:
        """The id of the transaction with this key, or None while queries do not show one."""
        found = await transactions.find_by_idempotency_key(self.client, idempotency_key)
        return found.id if found is not None else None


@dataclass(frozen=True, slots=True)
class SiteConsent:
    """``kinds.email.consent.Statuses`` on Wix, and the store's own opt-out list."""

    client: WixClient
    store: Store
    secret: bytes = field(repr=False)

    async def statuses(self, addresses: Sequence[str], /) -> Mapping[str, Subscription]:
        """What Wix knows of these addresses."""
        return await subscriptions.statuses(self.client, addresses)

    async def suppressed(self, site_id: str, addresses: Sequence[Form], /) -> set[Form]:
        """Which of these addresses must not be mailed."""
        by_key = {keys.address_key(self.secret, site_id, address): address for address in addresses}
        async with self.store.read() as tx:
            found = await people.suppressed(tx, list(by_key))
        return {by_key[key] for key in found}


@dataclass(frozen=True, slots=True)
class EarnedRewards:
    """``kinds.points.channel.EarnedSince`` on the store."""

    store: Store
    site_id: str

    async def __call__(
        self, account_id: str, milestone: str, since: datetime, /, *, apart_from: Collection[int]
    ) -> int:
        """Point rewards of a milestone that an account has had."""
        async with self.store.read() as tx:
            return await point_rewards(tx, self.site_id, account_id, milestone, since, apart_from)


@dataclass(frozen=True, slots=True)
class NewBadges:
    """``kinds.badge.channel.JustMade`` on the store."""

    store: Store
    site_id: str

    async def __call__(self, title: str, since: datetime, /) -> bool:
        """Whether a badge of this title may have been made since a time."""
        async with self.store.read() as tx:
            return await badge_just_made(tx, self.site_id, title, since)


@dataclass(frozen=True, slots=True)
class GivenBadges:
    """``actions.badge.JustGiven`` on the store."""

    store: Store
    site_id: str

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        """The badges that these accounts may have been given since a time."""
        async with self.store.read() as tx:
            return await badges_just_given(tx, self.site_id, accounts, since, apart_from)


@dataclass(slots=True)
class SiteProgram:
    """The loyalty program of a site, asked of Wix at most every five minutes and kept in the store for the pages."""

    client: WixClient
    store: Store
    site_id: str
    fallback_name: str
    clock: Callable[[], datetime]
    _known: Program | None = None
    _checked_at: datetime | None = None

    async def __call__(self, *, anew: bool = False) -> Program:
        """The program as it was at most five minutes ago, or as it is now. Raises WixError."""
        now = self.clock()
        if anew or self._known is None or not sites.is_fresh(self._checked_at, now, PROGRAM_AGE):
            told = await programs.get(self.client)
            self._known = Program(
                name=told.name or self.fallback_name,
                points_name=told.points_name,
                active=told.status is ProgramStatus.ACTIVE,
            )
            self._checked_at = now
            async with self.store.write() as tx:
                facts = {
                    "status": told.status.value,
                    "name": self._known.name,
                    "points_name": self._known.points_name,
                }
                await sites.set_program(tx, self.site_id, facts, now)
        return self._known


@dataclass(frozen=True, slots=True)
class OwnLinks:
    """Unsubscribe links to this program's own page."""

    public_url: str
    site_id: str
    secret: bytes = field(repr=False)

    async def __call__(self, address: str, /) -> Unsubscribe:
        """A link that takes one click and lasts for ever."""
        token = keys.unsubscribe_token(self.secret, self.site_id, address_form(address))
        return Unsubscribe(f"{self.public_url}/u/{token}", one_click=True)


@dataclass(frozen=True, slots=True)
class WixLinks:
    """Wix's own unsubscribe links, for a daemon that the world cannot reach."""

    client: WixClient

    async def __call__(self, address: str, /) -> Unsubscribe:
        """A link to a page of Wix, which asks once more."""
        return Unsubscribe(await subscriptions.unsubscribe_link(self.client, address), one_click=False)
