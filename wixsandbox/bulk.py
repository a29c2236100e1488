"""Long work in small turns, so that a site of 100,000 accounts goes on answering meanwhile: the recalculation of
all accounts every 15 minutes, bulk adjustments, and the rows of an import (``api.imports``).
"""

from collections.abc import Callable
from dataclasses import replace

from wixsandbox import ledger
from wixsandbox.events import ACCOUNT, Caller
from wixsandbox.records import Account
from wixsandbox.world import Appointment, World

RECALCULATE = "recalculate"
RECALCULATE_SOME = "recalculate-some"
ADJUST_SOME = "adjust-some"
REVIEW_SOME = "review-some"
TURN = 500  # accounts, or rows
PAUSE = 0.02  # real seconds between turns
SOONEST = 0.1  # real seconds between recalculations, else a fast clock would leave time for nothing else
BACKLOG = 5_000  # undelivered events beyond which a recalculation waits


def plan_recalculation(world: World) -> None:
    """Put the next recalculation on the agenda in place of the one that stands there."""
    world.cancel(RECALCULATE)
    if world.switches.recalculation_seconds > 0:
        world.later(max(world.switches.recalculation_seconds, SOONEST * world.time_scale), RECALCULATE)


def recalculate(world: World, _appointment: Appointment) -> None:
    """Compute all tiers again, and tell ``account_updated`` of every account (docs/wix-api.md, 4.5)."""
    plan_recalculation(world)
    tiers_on = world.tier_settings is not None and world.tier_settings["status"] == "ACTIVE"
    under_way = any(one.what == RECALCULATE_SOME for one in world.agenda)
    if (tiers_on or not world.switches.recalculation_needs_tiers) and not under_way:
        world.later(0, RECALCULATE_SOME, ids=[account.id for account in world.accounts])


def recalculate_now(world: World) -> None:
    """Compute the window outside of its hours, as when tiers or their settings change (docs/wix-api.md, 2.5)."""
    world.later(0, RECALCULATE_SOME, ids=[account.id for account in world.accounts])


def recalculate_some(world: World, appointment: Appointment) -> None:
    """Take one turn of a recalculation; waits while the receiver of webhooks is far behind."""
    if world.backlog() > BACKLOG:
        _continue(world, appointment, appointment.details["ids"])
        return

    def recalculate(account: Account) -> None:
        tier_id = ledger.tier_for(world, account.tier_points)
        moved = tier_id != account.tier_id
        if not moved and world.switches.recalculation_scope == "changed":
            return
        new = account
        if moved:
            available = ledger.reward_in_reach(world, account.balance, tier_id)
            new = replace(account, tier_id=tier_id, tier_updated=world.stamp, reward_available=available)
        if moved or world.switches.recalculation_raises_revision:
            new = replace(new, revision=account.revision + 1, updated=world.stamp)
            world.accounts.put(new, world.write_visible)
        world.emit_updated(ACCOUNT, ledger.document(world, new), None)
        if new.reward_available != account.reward_available:
            ledger.tell_availability(world, new, "TIERS_RECALCULATED", None)

    _turn(world, appointment, recalculate)


def review_rewards(world: World) -> None:
    """Look at every account again, since a reward was made, changed or removed and others may be in reach."""
    world.later(0, REVIEW_SOME, ids=[account.id for account in world.accounts])


def review_some(world: World, appointment: Appointment) -> None:
    """Take one turn of a review; only accounts for which something changed are touched."""

    def review(account: Account) -> None:
        available = ledger.reward_in_reach(world, account.balance, account.tier_id)
        if available != account.reward_available:
            changed = ledger.touch(world, account, None, reward_available=available)
            ledger.tell_availability(world, changed, "REWARD_UPDATED", None)

    _turn(world, appointment, review)


def start_adjustment(
    world: World, keys: list[str], caller: Caller, *, balance: int | None, amount: int | None
) -> None:
    """Begin the asynchronous job of ``bulkAdjustPoints``."""
    details = {"balance": balance, "amount": amount, "kind": caller.kind, "caller": caller.id}
    world.later(world.switches.job_seconds, ADJUST_SOME, ids=keys, **details)


def adjust_some(world: World, appointment: Appointment) -> None:
    """Take one turn of a bulk adjustment; accounts that would fall below 0 are left out."""
    details = appointment.details
    caller = Caller(details["kind"], details["caller"])

    def adjust(account: Account) -> None:
        target = details["balance"]
        delta = details["amount"] if target is None else target - account.balance
        if account.balance + delta >= 0:
            ledger.adjust(world, account, delta, caller, None)

    _turn(world, appointment, adjust)


def _turn(world: World, appointment: Appointment, act: Callable[[Account], None]) -> None:
    keys: list[str] = appointment.details["ids"]
    for key in keys[:TURN]:
        account = world.accounts.get(key)
        if account is not None:
            act(account)
    _continue(world, appointment, keys[TURN:])


def _continue(world: World, appointment: Appointment, keys: list[str]) -> None:
    if keys:
        world.later(PAUSE * world.time_scale, appointment.what, **{**appointment.details, "ids": keys})
