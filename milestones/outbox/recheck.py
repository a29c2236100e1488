"""Whether what was gated a while ago may still begin, by what is known in the transaction in which it would begin.

Between the gates and its turn an action waits: for a place, for the pace of a mail server, for a connection. Meanwhile
a person pauses, reloads, cancels or imports opt-outs, and Wix tells that points were spent, a contact is gone or an app
was removed. What has changed is put back and claimed anew, if it may be claimed at all: so every no still has the one
place that gives it its name, which is the gate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum

from milestones.domain.keys import address_key
from milestones.domain.milestone import Consent
from milestones.formats.mail_addresses import address_form
from milestones.kinds.registry import KINDS
from milestones.outbox.gates import OLDEST, stop_for
from milestones.outbox.reconsider import AGAIN, LAG
from milestones.outbox.work import Lease, SiteWork
from milestones.store.database import meta
from milestones.store.database.store import Transaction
from milestones.store.outbox import claims, permission
from milestones.store.outbox.facts import Claimed
from milestones.store.people import people
from milestones.store.views import lookup


class Answer(Enum):
    """May it begin?"""

    YES = timedelta()
    NOT_NOW = None
    """Something is not as it was: it is claimed and gated anew."""
    LATER = AGAIN
    """Its reader has said no to Wix since the gate asked: by then the gate hears the same."""

    def until(self, now: datetime) -> datetime | None:
        """From when it may be tried again; None for as soon as it may be claimed."""
        return now + self.value if self.value else None


async def get_answers(
    tx: Transaction, work: SiteWork, generation: int, leases: Sequence[Lease], now: datetime
) -> Mapping[Lease, Answer]:
    """May these begin, by the configuration, the orders and the facts of this moment?"""
    allowed = await permission.get_permission(tx, work.site_id)
    fresh = await claims.find_leased(tx, work.site_id, generation, [lease.id for lease in leases], now)
    answers = {}
    for lease in leases:
        still_ordered = lease.work is work and allowed.allows(lease.task.milestone)
        if still_ordered and not work.stopping() and _is_as_it_was(lease, fresh.get(lease.id), now):
            answers[lease] = await _consents(tx, lease, now)
        else:
            answers[lease] = Answer.NOT_NOW
    return answers


def _is_as_it_was(lease: Lease, fresh: Claimed | None, now: datetime) -> bool:
    """Whether it is leased still, to the same customer, and no gate would stop it now."""
    if fresh is None or not timedelta(0) <= now - lease.gated_at <= OLDEST:
        # A clock that was set back tells no age.
        return False
    same = fresh.customer == lease.task.customer
    return same and stop_for(fresh, lease.work.policy, now) is None


async def _consents(tx: Transaction, lease: Lease, now: datetime) -> Answer:
    """Whether the reader of a mail has said no since the gate asked: here, or to Wix."""
    address = lease.task.customer.email
    if not KINDS[lease.kind].is_message or not address:
        return Answer.YES
    secret = bytes.fromhex(await meta.get(tx, "secret") or "")
    key = address_key(secret, lease.task.site_id, address_form(address))
    if await people.find_suppressed(tx, [key]):
        # The gate reads the same list, and gives the no its name.
        return Answer.NOT_NOW
    subscription = await lookup.find_subscription(tx, lease.task.site_id, key)
    if subscription is None or lease.task.payload.get("consent") == Consent.SERVICE:
        return Answer.YES
    contradicts = subscription.status != "SUBSCRIBED" and now - subscription.heard_at <= LAG
    return Answer.LATER if contradicts else Answer.YES
