"""What this program gave, and what Wix has of it: coupons by their code, badges by their assignments."""

from collections import Counter
from collections.abc import Sequence

from milestones.commands.findings import Findings
from milestones.commands.host import Host
from milestones.commands.models.command import Report
from milestones.commands.models.verify import VerifyReport
from milestones.domain.actions import State
from milestones.scans.run import ScanWork
from milestones.store.tables import Action, Site
from milestones.store.views import lookup
from milestones.wix import assignments, coupons
from milestones.wix.errors import WixNotFoundError
from milestones.wix.transport import WixClient


async def compare_wix(host: Host, site: Site, found: Findings, report: Report[VerifyReport]) -> None:
    """Note in ``found`` what Wix does not have, or has though it should not. Asks Wix and changes nothing."""
    work = host.scan_work(site.id)
    client = work.client
    async with host.runtime.store.read() as tx:
        made = await lookup.list_of_kind(tx, site.id, "coupon")
        badges = await lookup.list_of_kind(tx, site.id, "badge")
    codes = await _list_codes(client, report)
    for action in made:
        code = action.payload["specification"]["code"]
        there = code.casefold() in codes
        found.checked_in_wix += 1
        if action.state == State.DONE and not there and not await _exists(client, action):
            found.add(
                "coupon_missing_in_wix",
                f"The coupon of {action.milestone} is recorded as made and Wix does not have it: somebody may have "
                "deleted it.",
                site,
                action.account_id,
                action=action.id,
            )
        elif there and action.state in {State.CANCELLED, State.DISCARDED}:
            found.add(
                "coupon_unrecorded",
                f"Wix has the coupon of {action.milestone}, which is recorded as {action.state}.",
                site,
                action.account_id,
                action=action.id,
            )
    # Of somebody who was erased, it is not known any more which member has it.
    known = [
        action
        for action in badges
        if action.state == State.DONE
        and (action.result or {}).get("member_id")
        and not _is_too_new(action, work)
    ]
    await _compare_badges(client, site, known, found)


async def _list_codes(client: WixClient, report: Report[VerifyReport]) -> Counter[str]:
    codes: Counter[str] = Counter()
    async for page in coupons.query_all(client):
        codes.update(coupon.specification.code.casefold() for coupon in page.items)
        report(VerifyReport(coupons=sum(codes.values())))
    return codes


async def _exists(client: WixClient, action: Action) -> bool:
    """Asked by the id, which does not lag behind: a coupon that was just made is in no query yet."""
    coupon_id = (action.result or {}).get("coupon_id")
    if coupon_id is None:
        return False
    try:
        await coupons.get(client, coupon_id)
    except WixNotFoundError:
        return False
    return True


def _is_too_new(action: Action, work: ScanWork) -> bool:
    """Whether queries may not show this assignment yet, which has no other way to be looked up."""
    return action.settled_at is not None and action.settled_at > work.clock() - work.lag


async def _compare_badges(client: WixClient, site: Site, given: Sequence[Action], found: Findings) -> None:
    ids = sorted({action.result["badge_id"] for action in given if action.result})
    held: set[tuple[str | None, str | None]] = set()
    if ids:
        async for page in assignments.query_all(client, assignments.of_any(badge_ids=ids)):
            held |= {(one.badge_id, one.member_id) for one in page.items}
    for action in given:
        found.checked_in_wix += 1
        result = action.result or {}
        if (result.get("badge_id"), result.get("member_id")) not in held:
            found.add(
                "badge_missing_in_wix",
                f"The badge of {action.milestone} is recorded as given and the member does not have it: somebody "
                "may have taken it away.",
                site,
                action.account_id,
                action=action.id,
            )
