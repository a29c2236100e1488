"""An hour of a busy shop at 60 times the speed, told out of order and more than once, to a daemon that is killed."""

import asyncio
import email
import email.policy
import random
from collections import Counter
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.crash.customers import addresses_of_the_willing, read
from tests.process import STARS, Daemon, Shop, shop, until

KILLS = 5


async def _busy_and_killed(wix: Shop, daemon: Daemon, before: dict[str, int], crossings_each: int) -> None:
    """Open the shop, and kill the daemon whenever so many more customers have crossed: work is counted, not time."""
    dice = random.Random(7)
    await wix.traffic(8.0, 100_000)
    for number in range(1, KILLS + 1):
        await until(partial(_have_crossed, wix, before, number * crossings_each), "enough customers crossed")
        # Not always at the same distance from a crossing.
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        await daemon.kill()
        await daemon.start()
    await wix.traffic(0.0, 1.0)


async def _have_crossed(wix: Shop, before: dict[str, int], count: int) -> bool:
    state = await wix.state("transactions")
    return len(_book(before, state["transactions"])[1]) >= count


def _book(before: dict[str, int], transactions: list[dict[str, Any]]) -> tuple[dict[str, int], set[str]]:
    """What the balances come to, and who went from below 1,000 to it or above, by the sandbox's book alone."""
    balances, crossed = dict(before), set()
    for booking in transactions:
        account, amount = booking["accountId"], booking["amount"]
        if account not in balances:
            continue
        low = balances[account]
        balances[account] = low + amount
        if low < 1000 <= balances[account]:
            crossed.add(account)
    return balances, crossed


def crossings(before: dict[str, int], state: dict[str, Any]) -> set[str]:
    """The reference: who crossed, by a book of transactions that leads to the balances of today."""
    balances, crossed = _book(before, state["transactions"])
    assert balances == {
        one["id"]: one["points"]["balance"] for one in state["accounts"] if one["id"] in balances
    }
    return crossed


def mails(folder: Path) -> list[EmailMessage]:
    found = []
    for path in folder.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


async def _balances(running: Shop) -> dict[str, int]:
    return {one["id"]: one["points"]["balance"] for one in (await running.state("accounts"))["accounts"]}


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.timeout(500)
@pytest.mark.parametrize(
    ("database_url", "crossings_each"),
    [("sqlite", 4), pytest.param("postgresql", 3, marks=pytest.mark.postgres)],
    indirect=["database_url"],
)
async def test_an_hour_shuffled_doubled_and_killed_five_times_gives_everything_once(
    tmp_path: Path, database_url: str, crossings_each: int
) -> None:
    async with shop(tmp_path, customers=150, seed=11, time_scale=60.0) as wix:
        await wix.settings(duplicate_probability=0.3, reorder_window=120.0, query_lag_seconds=0.5)
        before = await _balances(wix)
        daemon = Daemon(tmp_path, wix, database=database_url)
        daemon.configure(STARS)
        await daemon.start()
        await until(lambda: _baseline_done(daemon), "the baseline")
        await _busy_and_killed(wix, daemon, before, crossings_each)
        await until(daemon.settled, "everything is told and done", seconds=300)
        state = await wix.state()
        assert await daemon.end() == 0

    crossed = crossings(before, state)
    assert len(crossed) >= KILLS * crossings_each
    made = [one["specification"] for one in state["coupons"]]
    codes = Counter(coupon["code"] for coupon in made if coupon["name"] == "For 1,000 stars")
    planned = daemon.query("SELECT account_id, payload FROM actions WHERE kind = 'coupon'")
    of_account = Counter(
        {account: codes[read(payload)["specification"]["code"]] for account, payload in planned}
    )
    assert of_account == Counter(crossed)
    assert codes.total() == len(crossed)

    members = {one["id"]: one.get("memberId") for one in state["accounts"]}
    [badge] = [one["id"] for one in state["badges"] if one["title"] == "Star customer"]
    holders = [one["memberId"] for one in state["badge_assignments"] if one["badgeId"] == badge]
    assert sorted(holders) == sorted(members[account] for account in crossed if members[account])

    addresses = {one["id"]: one.get("contact", {}).get("email", "").casefold() for one in state["accounts"]}
    willing = addresses_of_the_willing(state)
    sent = mails(tmp_path / "mail")
    readers = Counter(mail["to"].addresses[0].addr_spec.casefold() for mail in sent)
    assert readers == Counter(addresses[account] for account in crossed if addresses[account] in willing)
    assert readers, "some of them agreed to mail"


async def _baseline_done(daemon: Daemon) -> bool:
    return any('"kind": "baseline"' in line and "scan_finished" in line for line in daemon.log)
