"""Coupons: one personal code for one grant (docs/wix-api.md, 2.11).

The code is derived from the grant, so it is its own idempotency key: Wix refuses a second coupon with the same code,
and a code of 65 secret bits that exists already can only be ours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones.domain.actions import Need, State
from milestones.domain.validity import renew
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task
from milestones.kinds.coupon.payload import CouponPayload, WhenUnmailable
from milestones.kinds.email.consent import Gatekeeper, Reader
from milestones.kinds.email.terms import expiry
from milestones.kinds.services import SiteServices
from milestones.wix import coupons
from milestones.wix.coupons import CouponSpecification
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.transport import WixClient

QUERY_LAG = timedelta(seconds=10)
"""When to look again for a coupon that exists and does not show: queries lag behind creates (section 6)."""


ASK_AGAIN = timedelta(days=1)
"""How often a customer's consent is asked for: the event that tells of it may be lost, or not be for this site."""


@dataclass(frozen=True, slots=True)
class MadeCoupon:
    """A coupon as it exists. ends: UTC, or None where Wix tells of no end."""

    id: str
    ends: datetime | None


class Coupons(Protocol):
    """The coupons of one site."""

    async def create(self, specification: Mapping[str, Any], /) -> str | None:
        """The new coupon's id, or None where its code exists already. Raises ChannelError."""

    async def find(self, code: str, /) -> MadeCoupon | None:
        """The coupon with this code, or None while queries do not show it. Raises ChannelError."""


@dataclass(frozen=True, slots=True)
class SiteCoupons:
    """``Coupons`` on Wix."""

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
        result = await coupons.find_by_code(self.client, code)
        return MadeCoupon(result.id, result.specification.expiration_time) if result is not None else None


class CouponChannel:
    """The coupons that one site gives. clock: the time now, UTC."""

    concurrency = 4

    def __init__(
        self,
        coupons: Coupons,
        *,
        gatekeeper: Gatekeeper,
        clock: Callable[[], datetime],
    ) -> None:
        self._coupons = coupons
        self._gatekeeper = gatekeeper
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """A coupon with ``when_unmailable = "wait"`` waits until its customer may be told of it."""
        readers = {task.id: _reader(task) for task in tasks if _waits(task)}
        if not readers:
            return {}
        refused = await self._gatekeeper.refusals(readers)
        again = self._clock() + ASK_AGAIN
        stop = Stop(State.WAITING, Verdict.NO_CONSENT_YET, until=again, needs=Need.CONSENT)
        return dict.fromkeys(refused, stop)

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Creates the coupon, or finds that an earlier attempt did. Raises ChannelError."""
        payload = CouponPayload.from_json(task.payload)
        specification = _renew(payload, self._clock())
        coupon_id = await self._coupons.create(specification)
        if coupon_id is not None:
            return _result(specification, coupon_id)
        made = await self._coupons.find(specification["code"])
        if made is None:
            raise ChannelError(
                "The coupon exists, but Wix's queries do not show its id yet; it is looked up again.",
                retry_at=self._clock() + QUERY_LAG,
            )
        return _result(_with_actual_end(specification, made), made.id)

    async def recover(self, task: Task) -> Found:
        """Looks the code up. Not shown means nothing, since queries lag: then the create is repeated."""
        specification = CouponPayload.from_json(task.payload).specification
        made = await self._coupons.find(specification["code"])
        if made is None:
            return Found(Fate.REPEAT)
        return Found(Fate.HAPPENED, _result(_with_actual_end(specification, made), made.id))


def _waits(task: Task) -> bool:
    return CouponPayload.from_json(task.payload).when_unmailable is WhenUnmailable.WAIT


def _reader(task: Task) -> Reader:
    return Reader(task.customer.email, CouponPayload.from_json(task.payload).consent)


def _renew(payload: CouponPayload, now: datetime) -> Mapping[str, Any]:
    ends = payload.validity
    return renew(payload.specification, None if ends is None else asdict(ends), now)


def _with_actual_end(specification: Mapping[str, Any], made: MadeCoupon) -> Mapping[str, Any]:
    """The specification with the end that the coupon has: the attempt that made it may have moved its validity."""
    if made.ends is None:
        return specification
    return {**specification, "expirationTime": round(made.ends.timestamp() * 1000)}


def _result(specification: Mapping[str, Any], coupon_id: str) -> dict[str, Any]:
    """What mails and lists show of a coupon. ``expires``: ISO 8601, UTC, or None."""
    expires = expiry(specification)
    return {
        "coupon_id": coupon_id,
        "code": specification["code"],
        "name": specification["name"],
        "expires": expires.isoformat() if expires else None,
        "specification": dict(specification),
    }


def build(services: SiteServices) -> CouponChannel:
    """The channel of a site."""
    return CouponChannel(SiteCoupons(services.client), gatekeeper=services.gatekeeper, clock=services.clock)
