"""What the tests of this folder do with a daemon: bring a customer over a threshold, and send it what Wix did not."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.ingest import tokens
from tests.process import Daemon, until


async def subscribed(daemon: Daemon) -> dict[str, Any]:
    """An account under 1,000 points of a member who agreed to mail."""
    state = await daemon.shop.state()
    agreed = {
        one["email"].casefold()
        for one in state["subscriptions"]
        if one["subscriptionStatus"] == "SUBSCRIBED" and one["deliverabilityStatus"] == "VALID"
    }
    for account in state["accounts"]:
        fits = account["points"]["balance"] < 1000 and "memberId" in account
        if fits and account["contact"].get("email", "").casefold() in agreed:
            return dict(account)
    raise AssertionError("no such customer in this world; choose another seed")


async def baseline_done(daemon: Daemon) -> None:
    """Wait until the daemon has read every account once."""

    async def done() -> bool:
        return bool(daemon.query("SELECT 1 FROM sites WHERE baseline_done_at IS NOT NULL"))

    await until(done, "the first reading of the shop")


async def gave_everything(daemon: Daemon) -> dict[str, Any]:
    """Bring one customer over the threshold and wait until the daemon owes nothing. The account."""
    await baseline_done(daemon)
    account = await subscribed(daemon)
    await daemon.shop.adjust(account["id"], 1005)

    async def given() -> bool:
        done = (
            "SELECT 1 FROM actions WHERE state IN ('done', 'discarded', 'unknown', 'held') AND kind = 'email'"
        )
        return bool(daemon.query(done)) and await daemon.settled()

    await until(given, "the coupon, the badge and the mail")
    return account


def event(
    site: str, key: RSAPrivateKey | None = None, claims: dict[str, Any] | None = None, **more: Any
) -> bytes:
    """A webhook of now about an account; ``claims`` replace those of the token, ``more`` the account's fields."""
    issued = int(time.time())
    # What happened before the site was taken on counts for nothing.
    data = {**tokens.points_updated(**more), "eventTime": datetime.now(UTC).isoformat()}
    told = tokens.claims(tokens.POINTS_UPDATED, data, instanceId=site)
    return tokens.token({**told, "iat": issued, "exp": issued + 300_000, **(claims or {})}, key)


async def post(daemon: Daemon, body: bytes, **options: Any) -> httpx.Response:
    """A webhook to the running daemon, over a connection of its own."""
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.post(f"{daemon.address}/webhooks/wix", content=body, **options)


def heard(daemon: Daemon, account: str) -> bool:
    """Whether the daemon has made an observation of this account durable."""
    return bool(daemon.query(f"SELECT 1 FROM observations WHERE account_id = '{account}'"))
