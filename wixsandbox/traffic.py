"""A shop that is open: random customers buy, and some redeem their points."""

import random
from datetime import datetime, timedelta

from wixsandbox import ledger, redemption, shop
from wixsandbox.errors import RefusedError
from wixsandbox.records import Account
from wixsandbox.world import World

MOST_AT_ONCE = 5_000  # after a pause of the process nobody wants all the purchases that it missed


class Traffic:
    """Purchases at a rate, as far as the clock has moved since the last `advance`."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}:traffic")  # noqa: S311 - repeatable on purpose
        self._rate = 0.0
        self._redeem_share = 0.0
        self._until: datetime | None = None
        self._last: datetime | None = None
        self._owed = 0.0
        self._ids: list[str] = []

    def start(
        self, now: datetime, earn_per_second: float, redeem_share: float, seconds: float | None
    ) -> None:
        """Open the shop; ``seconds`` None is until told otherwise, a rate of 0 closes it."""
        self._rate = earn_per_second
        self._redeem_share = redeem_share
        self._until = None if seconds is None else now + timedelta(seconds=seconds)
        self._last = now
        self._owed = 0.0

    def state(self) -> dict[str, object]:
        """What is going on."""
        until = None if self._until is None else self._until.isoformat()
        return {"earn_per_second": self._rate, "redeem_share": self._redeem_share, "until": until}

    def advance(self, world: World) -> int:
        """Make the purchases that are owed; returns how many."""
        now = world.now
        if not self._rate or self._last is None or world.program["status"] != "ACTIVE":
            self._last = now
            return 0
        end = now if self._until is None else min(now, self._until)
        self._owed = min(self._owed + max(0.0, (end - self._last).total_seconds()) * self._rate, MOST_AT_ONCE)
        self._last = now
        if self._until is not None and now >= self._until:
            self._rate = 0.0
        count = int(self._owed)
        self._owed -= count
        for _ in range(count):
            self._event(world)
        return count

    def _event(self, world: World) -> None:
        account = self._customer(world)
        if account is None:
            return
        if self._rng.random() < self._redeem_share:
            self._redeem(world, account)
        else:
            shop.purchase(world, account, shop.money_for(world, account, self._points(account)))

    def _customer(self, world: World) -> Account | None:
        if len(self._ids) != len(world.accounts):
            self._ids = [account.id for account in world.accounts]
        return world.accounts.get(self._rng.choice(self._ids)) if self._ids else None

    def _points(self, account: Account) -> int:
        # a customer who lacks little often buys just enough, so that somebody watching sees crossings
        missing = 1000 - account.balance % 1000
        if missing <= 150 and self._rng.random() < 0.5:
            return missing + self._rng.choice((0, 0, 5, 20, 60))
        return self._rng.choice((20, 50, 80, 120, 150, 250, 400))

    def _redeem(self, world: World, account: Account) -> None:
        rewards = [one for one in world.rewards if one["active"] and one["type"] == "COUPON_REWARD"]
        affordable = [
            one["id"]
            for one in rewards
            if (ledger.reward_cost(world, one, account.tier_id) or account.balance + 1) <= account.balance
        ]
        if affordable:
            try:
                redemption.redeem(world, account, self._rng.choice(affordable), world.owner)
            except RefusedError:
                return
