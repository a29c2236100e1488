"""May this address be mailed? Asked in batches, answered with a named verdict, closed on doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from milestones.domain.address import Form
from milestones.domain.milestone import Consent
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form, is_listed, sendable_address

BATCH = 100
"""Addresses in one question to Wix. The largest that it takes is unverified (docs/wix-api.md, 2.17)."""

_SUBSCRIBED = "SUBSCRIBED"
_DELIVERABLE = frozenset({"NOT_SET", "VALID"})


class Subscription(Protocol):
    """What Wix knows about an address; states as in the docs/wix-api.md, 2.17, and unknown ones as they come."""

    @property
    def subscription_status(self) -> str:
        """SUBSCRIBED is the only yes."""

    @property
    def deliverability_status(self) -> str:
        """NOT_SET and VALID are the only harmless ones."""


class Statuses(Protocol):
    """Asks Wix about at most BATCH addresses; the answer is by any spelling of each, and who is unknown is missing."""

    async def __call__(self, addresses: Sequence[str], /) -> Mapping[str, Subscription]:
        """Raises ChannelError when Wix does not tell."""


class Suppressed(Protocol):
    """Which of these addresses are on the site's own opt-out list."""

    async def __call__(self, site_id: str, addresses: Sequence[Form], /) -> set[Form]:
        """Raises StoreError when the list cannot be read."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is to be mailed, and what kind of consent the mail needs."""

    address: str | None
    consent: Consent = Consent.MARKETING


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """The rules of one site, in the order in which they are asked: those that cost nothing first.

    only_to: patterns such as ``*@example.com``; where there are any, no other address is mailed.
    """

    site_id: str
    statuses: Statuses
    suppressed: Suppressed
    only_to: tuple[str, ...] = ()

    async def refusals(self, readers: Mapping[int, Reader]) -> dict[int, Verdict]:
        """Who must not be mailed, and why. Raises ChannelError or StoreError when that cannot be learned."""
        result = {
            number: verdict
            for number, reader in readers.items()
            if (verdict := self._judge_address(reader.address))
        }
        left = {number: reader for number, reader in readers.items() if number not in result}
        if left:
            suppressed = await self.suppressed(self.site_id, list(dict.fromkeys(map(_key, left.values()))))
            for number, reader in left.items():
                if _key(reader) in suppressed:
                    result[number] = Verdict.SUPPRESSED
            left = {number: reader for number, reader in left.items() if number not in result}
        known = await _in_batches(self.statuses, _addresses(left))
        for number, reader in left.items():
            if verdict := _judge_subscription(known.get(_key(reader)), reader.consent):
                result[number] = verdict
        return result

    def _judge_address(self, address: str | None) -> Verdict | None:
        if not address or not address.strip():
            return Verdict.NO_ADDRESS
        if sendable_address(address) is None:
            return Verdict.UNUSABLE_ADDRESS
        if self.only_to and not is_listed(address, self.only_to):
            return Verdict.ONLY_TO
        return None


def _judge_subscription(subscription: Subscription | None, consent: Consent) -> Verdict | None:
    if subscription is None:
        return Verdict.NOT_SUBSCRIBED if consent is Consent.MARKETING else None
    if subscription.deliverability_status not in _DELIVERABLE:
        return Verdict.UNDELIVERABLE
    if consent is Consent.MARKETING and subscription.subscription_status != _SUBSCRIBED:
        return Verdict.NOT_SUBSCRIBED
    return None


async def _in_batches(statuses: Statuses, addresses: Sequence[str]) -> dict[Form, Subscription]:
    result: dict[Form, Subscription] = {}
    for start in range(0, len(addresses), BATCH):
        answer = await statuses(addresses[start : start + BATCH])
        result.update({address_form(address): subscription for address, subscription in answer.items()})
    return result


def _key(reader: Reader) -> Form:
    return address_form(reader.address or "")


def _addresses(readers: Mapping[int, Reader]) -> list[str]:
    """Each address once, as Wix spells it: two accounts of one household may share one."""
    return list({_key(reader): (reader.address or "").strip() for reader in readers.values()}.values())
