"""What Wix tells beside points: sites that come and go, people who are gone, and what they choose."""

from collections.abc import Sequence

from milestones.domain.event import (
    AccountGone,
    AccountSeen,
    Anonymized,
    AppInstalled,
    AppRemoved,
    ContactDeleted,
    ContactMerged,
    Gone,
    Heard,
    SubscriptionChanged,
)
from milestones.pipeline.context import Batch
from milestones.store import accounts, sites
from milestones.store.people import people
from milestones.store.tables import Site, SiteState


async def find_site(work: Batch, heard: Sequence[Heard]) -> Site | None:
    """The site, if its accounts are to be looked at. An unknown one becomes what the configuration says."""
    tx, rules = work.tx, work.rules
    site_id = heard[0].site_id
    site = await sites.find_site(tx, site_id)
    told = [type(item.event) for item in heard if isinstance(item.event, AppInstalled | AppRemoved)]
    if AppRemoved in told:
        if site is not None:
            await sites.remove(tx, site, work.now)
        if told[-1] is AppRemoved:
            return None
        site = await sites.find_site(tx, site_id)
    speaks = site is not None and site.state == SiteState.REMOVED and _speaks(site, heard)
    if site is not None and speaks and site.go_live_at is not None:
        # Such events have neither id nor time: this removal was told late, and the app is back, or never left.
        await sites.change(tx, site_id, state=SiteState.ACTIVE, removed_at=None)
        site = await sites.find_site(tx, site_id)
    if site is None or (site.state == SiteState.REMOVED and (speaks or AppInstalled in told)):
        answer = rules.new_site(site_id)
        if answer == "ignore":
            return None
        await sites.notice(tx, site_id, work.now)
        if answer == "active":
            await sites.take_on(tx, site_id, rules.site(site_id).name, work.now)
        else:
            await sites.change(tx, site_id, state=SiteState.OBSERVED)
        work.outcome.new_sites.add(site_id)
        site = await sites.find_site(tx, site_id)
    return site if site is not None and site.state == SiteState.ACTIVE else None


def _speaks(site: Site, heard: Sequence[Heard]) -> bool:
    """Whether Wix tells of something that happened after the app is said to have been removed."""
    return site.removed_at is not None and any(
        isinstance(item.event, AccountSeen) and item.event.observation.told_at > site.removed_at
        for item in heard
    )


async def forget_gone(work: Batch, item: Heard) -> None:
    """Forget who is gone. Also on a site that is not active: its people are people."""
    event, tx, site_id, secret = item.event, work.tx, item.site_id, work.rules.secret
    if not isinstance(event, Gone) or await sites.find_site(tx, site_id) is None:
        return
    match event:
        case ContactDeleted():
            await people.delete_contact(tx, site_id, secret, event, work.now)
        case ContactMerged():
            await people.merge_contacts(tx, site_id, secret, event, work.now)
            work.outcome.wake.add(site_id)
        case Anonymized():
            await people.anonymize(tx, site_id, secret, event, work.now)
        case AccountGone():
            await people.erase_accounts(tx, site_id, [event.account_id], work.now)
    work.outcome.erased = True


async def record_subscription(work: Batch, item: Heard) -> None:
    """Remember what somebody chose, and let go on what waited for it."""
    if isinstance(item.event, SubscriptionChanged):
        key = await people.save_subscription(work.tx, item.site_id, work.rules.secret, item.event, work.now)
        if item.event.status == "SUBSCRIBED":
            await accounts.wake_consent(work.tx, item.site_id, key, work.now)
            work.outcome.wake.add(item.site_id)
