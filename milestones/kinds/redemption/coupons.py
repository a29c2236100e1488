"""What becomes of coupons after their redemption: no event tells of their status (docs/wix-api.md, 4.5)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from milestones.domain.actions import State
from milestones.kinds.redemption.payload import RedeemReward
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Action
from milestones.wix import loyalty_coupons
from milestones.wix.fields import wire_time
from milestones.wix.loyalty_coupons import LoyaltyCoupon
from milestones.wix.transport import WixClient

_ACTIONS = table_of(Action)


async def follow_coupons(store: Store, client: WixClient, site_id: str, since: datetime) -> None:
    """Note with its redemption what became of each coupon that changed since a time. Asks nothing of a site where nothing
    was redeemed. Raises WixError and StoreError.
    """
    made = select(_ACTIONS.c.id).where(*_made(site_id)).limit(1)
    async with store.read() as tx:
        if (await tx.execute(made)).first() is None:
            return
    async for page in loyalty_coupons.query_all(client, {"updatedDate": {"$gte": wire_time(since)}}):
        coupons = {one.id: one for one in page.items}
        async with store.write() as tx:
            await _note(tx, site_id, coupons)


async def _note(tx: Transaction, site_id: str, coupons: Mapping[str, LoyaltyCoupon]) -> None:
    accounts = {one.account_id for one in coupons.values() if one.account_id is not None}
    for some in chunks(sorted(accounts)):
        statement = select(_ACTIONS.c.id, _ACTIONS.c.result).where(
            *_made(site_id), _ACTIONS.c.account_id.in_(some)
        )
        for number, result in (await tx.execute(statement)).all():
            coupon = coupons.get(result.get("coupon_id"))
            if coupon is None or coupon.status.value == result.get("status"):
                continue
            changed = {**result, "status": coupon.status.value}
            await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id == number).values(result=changed))


def _made(site_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.state == State.DONE,
        _ACTIONS.c.kind == RedeemReward.kind,
        _ACTIONS.c.result.is_not(None),
    )
