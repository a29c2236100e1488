"""How points move: every change of an account goes through `change`, which tells the events that belong to it."""

from dataclasses import replace
from typing import Any

from wixsandbox.errors import RefusedError, not_found, stale_revision
from wixsandbox.events import ACCOUNT, Caller
from wixsandbox.records import Account, Transaction, account_document
from wixsandbox.wire import Document
from wixsandbox.world import World


def document(world: World, account: Account) -> Document:
    """The account as Wix answers it."""
    return account_document(account, world.contacts.get(account.contact_id))


def open_account(world: World, contact_id: str, caller: Caller | None) -> Account:
    """A new account with balance 0; the caller has checked that there is none."""
    member = world.members.find("contactId", contact_id)
    now = world.stamp
    account = Account(
        id=world.new_id("account"), contact_id=contact_id, member_id=member.id if member else None,
        balance=0, earned=0, adjusted=0, redeemed=0, expired=0,
        tier_id=None, tier_points=0, tier_updated=now, reward_available=False,
        created=now, updated=now, last_activity=now, revision=1,
    )  # fmt: skip
    world.accounts.put(account, world.write_visible)
    world.emit_created(ACCOUNT, document(world, account), caller)
    return account


def require_active(world: World) -> None:
    """Refuse to earn or redeem points, and to open accounts, unless the program is ACTIVE."""
    if world.program["status"] != "ACTIVE":
        raise RefusedError(
            world.switches.inactive_program_status,
            world.switches.inactive_program_code,
            "The loyalty program is not active",
        )


def earn(
    world: World,
    account: Account,
    amount: int,
    caller: Caller | None,
    *,
    description: str | None = None,
    idempotency_key: str | None = None,
    info: Document | None = None,
) -> tuple[Account, Transaction]:
    """Add earned points."""
    changed = change(
        world, account, caller, earned=account.earned + amount, tier_points=account.tier_points + amount
    )
    booked = book(world, changed, "EARN", amount, {"earnInfo": info or {}}, description, idempotency_key)
    return changed, booked


def adjust(
    world: World, account: Account, delta: int, caller: Caller, description: str | None, kind: str = "ADJUST"
) -> tuple[Account, Transaction]:
    """Add or take points by hand; refuses a result below 0."""
    after = account.balance + delta
    if after < 0:
        raise too_few_points(world, "The balance cannot become negative")
    changed = change(
        world,
        account,
        caller,
        adjusted=account.adjusted + delta,
        tier_points=max(0, account.tier_points + delta),
    )
    info = {"adjustInfo": {"appId": caller.id, "amountBefore": account.balance, "amountAfter": after}}
    return changed, book(world, changed, kind, delta, info, description)


def spend(
    world: World, account: Account, amount: int, caller: Caller | None, info: Document
) -> tuple[Account, Transaction]:
    """Take points for a reward; refuses a result below 0."""
    if account.balance < amount:
        raise too_few_points(world, "The customer does not have enough points")
    changed = change(world, account, caller, redeemed=account.redeemed + amount)
    return changed, book(world, changed, "REDEEM", amount, {"redeemInfo": info})


def too_few_points(world: World, description: str) -> RefusedError:
    """The refusal of a negative balance (status and code unverified: switches)."""
    return RefusedError(world.switches.too_few_points_status, world.switches.too_few_points_code, description)


def balance_of(world: World, earned: int, adjusted: int, redeemed: int, expired: int) -> int:
    """Earned, adjusted and redeemed points make the balance; whether expired ones do is a switch."""
    taken = expired if world.switches.expired_points_in_balance else 0
    return earned + adjusted - redeemed - taken


def change(world: World, account: Account, caller: Caller | None, **values: Any) -> Account:
    """The account with new sums and a higher revision; tells the events of a movement of points."""
    changed = replace(account, **values)
    balance = balance_of(world, changed.earned, changed.adjusted, changed.redeemed, changed.expired)
    now = world.stamp
    available = reward_in_reach(world, balance, changed.tier_id)
    changed = replace(
        changed,
        balance=balance,
        reward_available=available,
        updated=now,
        last_activity=now,
        revision=account.revision + 1,
    )
    world.accounts.put(changed, world.write_visible)
    _tell_points(world, changed, caller)
    if available != account.reward_available:
        tell_availability(world, changed, "BALANCE_UPDATED", caller)
    return changed


def touch(world: World, account: Account, caller: Caller | None, **values: Any) -> Account:
    """The account with something changed that is not points; tells ``account_updated`` only."""
    changed = replace(account, **values, updated=world.stamp, revision=account.revision + 1)
    world.accounts.put(changed, world.write_visible)
    world.emit_updated(ACCOUNT, document(world, changed), caller)
    return changed


def tell_availability(world: World, account: Account, trigger: str, caller: Caller | None) -> None:
    """Tell of a reward that came into, or went out of, a customer's reach. It holds no account."""
    body = {"rewardAvailable": account.reward_available, "updateTrigger": trigger}
    world.emit(
        ACCOUNT, "reward_availability_updated", account.id, lambda: {"actionEvent": {"body": body}}, caller
    )


def book(
    world: World,
    account: Account,
    kind: str,
    amount: int,
    info: Document,
    description: str | None = None,
    idempotency_key: str | None = None,
) -> Transaction:
    """Write down a movement of points; the oldest ones are forgotten in the end. There is no event for it."""
    transaction = Transaction(
        id=world.new_id("transaction"), account_id=account.id, created=world.stamp, amount=amount, type=kind,
        description=description, idempotency_key=idempotency_key, info=info,
    )  # fmt: skip
    world.transactions.put(transaction, world.write_visible)
    surplus = len(world.transactions) - world.transactions_kept
    if surplus > world.transactions_kept // 10:
        world.transactions.discard_oldest(surplus)
    return transaction


def next_revision(entity: Document, revision: str | int | None) -> int:
    """The next revision of a document, if the caller knows the present one."""
    if revision is None or str(revision) != entity["revision"]:
        raise stale_revision(entity["id"])
    return int(entity["revision"]) + 1


def the_account(world: World, account_id: str) -> Account:
    """The account, or 404."""
    account = world.accounts.get(account_id)
    if account is None:
        raise not_found("Account", account_id)
    return account


def reward_cost(world: World, reward: Document, tier_id: str | None) -> int | None:
    """What a reward costs in a tier; by switch the base tier's price where the tier has none of its own."""
    coupon = reward.get("couponReward", {})
    priced = next(
        (coupon[kind] for kind in ("fixedAmount", "percentage", "freeShipping") if kind in coupon), None
    )
    configs = (priced or reward.get("discountAmount") or {}).get("configsByTier", [])
    prices = {one.get("tierId") or None: one["costInPoints"] for one in configs}
    others = prices.get(None) if world.switches.tier_without_price == "base" else None
    cost = prices.get(tier_id, others)
    return None if cost is None else int(cost)


def reward_in_reach(world: World, balance: int, tier_id: str | None) -> bool:
    """Whether any active reward can be bought."""
    for reward in world.rewards:
        cost = reward_cost(world, reward, tier_id) if reward["active"] else None
        if cost is not None and cost <= balance:
            return True
    return False


def tier_for(world: World, tier_points: int) -> str | None:
    """The highest tier that the points of the window reach; the base tier has no id."""
    settings = world.tier_settings
    if settings is None or settings["status"] != "ACTIVE":
        return None
    reached = [tier for tier in world.tiers if tier["requiredPoints"] <= tier_points]
    return str(max(reached, key=lambda tier: tier["requiredPoints"])["id"]) if reached else None


def _tell_points(world: World, account: Account, caller: Caller | None) -> None:
    order = world.switches.points_events
    content = document(world, account)

    def points() -> None:
        body = {"actionEvent": {"body": {"account": content}}}
        world.emit(ACCOUNT, "points_updated", account.id, lambda: body, caller)

    if order in {"points_first", "points_only"}:
        points()
    if order != "points_only":
        world.emit_updated(ACCOUNT, content, caller)
    if order == "account_first":
        points()
