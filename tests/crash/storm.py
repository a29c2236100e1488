"""A busy shop, a network that loses answers, and a daemon that is killed again and again; then the books."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from milestones.failpoints import NAMES
from tests.crash.customers import addresses_of_the_willing, make_due, read
from tests.crash.reference import EVERY, LADDER, MILESTONES, ONCE, Owed, Sums, owed, sums
from tests.kinds.smtp_server import Mailserver, mailserver
from tests.process import Daemon, Shop, shop, until

WRITES = (
    "^/stores/v2/coupons$",
    "^/badges/v4/",
    "^/loyalty-accounts/v1/accounts/[^/]+/earn-points$",
    "^/email-marketing/",
    "^/oauth2/token$",
)
LOSSES = ("drop_before", "drop_after", "truncate", "malformed", "status", "status_after")
OFTEN = [
    name
    for name in NAMES
    if not name.startswith(("scan.", "observe.", "remind.", "webhook.")) and "put" not in name
]
"""The failure points that a crossing comes by. The others have tests of their own."""


PATIENCE = timedelta(seconds=65)
"""What is due sooner is waited for: a process that does not know whether it made a badge waits a minute, and one that has
just started waits anew.
"""

ENOUGH_GRANTS = 12


class GaveUpError(Exception):
    """The shop stopped repeating an event, since the daemon was down too often: then nothing can be compared."""


@dataclass
class Tally:
    """What was done to the daemon, and what the books say of it."""

    kills: int = 0
    kills_at_failpoints: int = 0
    events: int = 0
    faults: int = 0
    grants: int = 0
    mails: int = 0
    mails_unknown: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not +self.lost and not +self.doubled

    def add(self, other: "Tally") -> None:
        """Count the other one in."""
        for counted in fields(self):
            setattr(self, counted.name, getattr(self, counted.name) + getattr(other, counted.name))

    def told(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            **asdict(self),
            "lost": {"all": self.lost.total(), **+self.lost},
            "doubled": {"all": self.doubled.total(), **+self.doubled},
        }


@dataclass
class Storm:
    """A shop with its daemon and mail server. ``rage`` until satisfied, then ``settle`` and ``tally``."""

    shop: Shop
    daemon: Daemon
    mail: Mailserver
    dice: random.Random
    before: dict[str, Sums] = field(default_factory=dict)
    scale: float = 1.0
    found: Tally = field(default_factory=Tally)

    async def rage(self, purchases: float, kills: int, end: float = math.inf) -> None:
        """So many purchases a second, answers that are lost, and kills: half of them at failure points.

        It goes on until one of the kills was at a failure point, an answer was lost, enough was granted and a mail left:
        how long that takes depends on the machine. end: when to stop at the latest, by the monotonic clock.
        """
        await self.shop.settings(
            duplicate_probability=0.3,
            reorder_window=self.scale,
            recalculation_seconds=30 * self.scale,
            webhook_connections=32,
        )
        for path in WRITES:
            for effect in LOSSES:
                await self.shop.fault(
                    "POST", path, effect, times=0, probability=0.02, status=self.dice.choice((500, 503))
                )
        await self.shop.traffic(purchases, 100_000, redeem_share=0.2)
        while time.monotonic() < end and not (self.found.kills >= kills and self._has_hit()):
            await self._kill()
            self.found.faults = await self._faults()
            make_due(self.daemon)
            await self.daemon.start()
        await self.shop.traffic(0.0, 1.0)
        self.found.faults = await self._faults()
        (await self.shop.http.delete("/_sandbox/faults")).raise_for_status()

    def _has_hit(self) -> bool:
        [(grants,)] = self.daemon.query("SELECT count(*) FROM grants")
        hits = min(self.found.kills_at_failpoints, self.found.faults, len(self.mail.taken))
        return hits > 0 and int(grants) >= ENOUGH_GRANTS

    async def _kill(self) -> None:
        if self.dice.random() < 0.5:
            self._order.write_text(f"{self.dice.choice(OFTEN)}:{self.dice.choice((1, 1, 1, 2, 3, 5))}")
            self.found.kills_at_failpoints += await self._dies_within(2.0)
            self._order.write_text("")
        else:
            await asyncio.sleep(self.dice.uniform(0.0, 0.7))
        await self.daemon.kill()
        self.found.kills += 1

    async def _dies_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.daemon.died()
        except TimeoutError:
            return False
        return True

    @property
    def _order(self) -> Path:
        return self.daemon.folder / "failpoint"

    async def _faults(self) -> int:
        listed = (await self.shop.http.get("/_sandbox/faults")).json()["faults"]
        return sum(one["happened"] for one in listed)

    async def settle(self, seconds: float) -> None:
        """Let the daemon hear everything and finish. What it would try much later is made due by a restart."""
        end = time.monotonic() + seconds
        while not await self._done():
            assert time.monotonic() < end, self._unsettled()
            if self._all_is_for_later():
                await self.daemon.end()
                make_due(self.daemon)
                await self.daemon.start()
            await asyncio.sleep(0.1)

    async def _done(self) -> bool:
        # What an event led to is looked for behind it, and what was done led to no event that is not told.
        told = await self._told()
        return told is not None and self._open() == [] and await self._told() == told

    async def _told(self) -> int | None:
        """How many events there were, if every one was delivered."""
        events = (await self.shop.http.get("/_sandbox/state", params={"only": "events"})).json()["events"]
        if events["lost"]:
            raise GaveUpError(f"{events['lost']} events were tried as often as Wix tries, in vain")
        self.found.events = events["attempts"]
        return int(events["emitted"]) if events["pending"] == 0 else None

    def _open(self) -> list[datetime | None]:
        """When what is not done is due; None for what is under way."""
        rows = self.daemon.query(
            "SELECT state, available_at FROM actions WHERE state IN ('available', 'running')"
        )
        return [_moment(available_at) if state == "available" else None for state, available_at in rows]

    def _all_is_for_later(self) -> bool:
        soon = datetime.now(UTC) + PATIENCE
        left = self._open()
        return bool(left) and all(due is not None and due > soon for due in left)

    def _unsettled(self) -> str:
        rows = self.daemon.query(
            "SELECT kind, state, attempts, lost, available_at, error FROM actions "
            "WHERE state IN ('available', 'running') LIMIT 10"
        )
        return "\n".join([*map(str, rows), *self.daemon.log[-20:]])

    async def tally(self) -> Tally:
        """Compare the books of the shop, the mail server and the daemon with the reference."""
        state = await self.shop.state()
        expected = owed(self.before, state)
        self.found.grants = expected.total()
        self._compare("grants", expected, self._granted())
        self._coupons(state, expected)
        self._badges_and_points(state, expected)
        self._mails(state, expected)
        return self.found

    def _compare(self, what: str, expected: Counter[Any], given: Counter[Any]) -> None:
        self.found.lost[what] += (expected - given).total()
        self.found.doubled[what] += (given - expected).total()

    def _granted(self) -> Owed:
        rows = self.daemon.query("SELECT account_id, milestone, count(*) FROM grants GROUP BY 1, 2")
        return Counter({(account, milestone): number for account, milestone, number in rows})

    def _coupons(self, state: dict[str, Any], expected: Owed) -> None:
        made = Counter(
            one["specification"]["code"]
            for one in state["coupons"]
            if one["specification"]["name"] in {ONCE, LADDER, EVERY}
        )
        planned = self.daemon.query("SELECT payload FROM actions WHERE kind = 'coupon'")
        codes = Counter(read(payload)["specification"]["code"] for (payload,) in planned)
        self._compare("coupons", codes, made)
        self.found.lost["coupons"] += max(0, expected.total() - made.total())

    def _badges_and_points(self, state: dict[str, Any], expected: Owed) -> None:
        members = {one["id"]: one.get("memberId") for one in state["accounts"]}
        reached = Counter(account for account, milestone in expected if milestone == ONCE)
        badges = {one["id"] for one in state["badges"] if one["title"] == "Saver"}
        self.found.doubled["badges made"] += max(0, len(badges) - 1)
        holders = Counter(one["memberId"] for one in state["badge_assignments"] if one["badgeId"] in badges)
        self._compare(
            "badges given", Counter(members[account] for account in reached if members[account]), holders
        )
        earned = Counter(
            one["accountId"] for one in state["transactions"] if one.get("description") == "A present"
        )
        self._compare("points", reached, earned)

    def _mails(self, state: dict[str, Any], expected: Owed) -> None:
        """Who agreed and reached the milestone has one mail, or a person is shown the doubt; nobody else has any."""
        addresses = {
            one["id"]: one.get("contact", {}).get("email", "").casefold() for one in state["accounts"]
        }
        willing = addresses_of_the_willing(state)
        due = Counter(addresses[account] for account, milestone in expected if milestone == ONCE)
        due = Counter({address: times for address, times in due.items() if address in willing})
        taken = Counter(address.casefold() for one in self.mail.taken for address in one.rcpt_tos)
        rows = self.daemon.query("SELECT account_id FROM actions WHERE kind = 'email' AND state = 'unknown'")
        in_doubt = Counter(addresses[account] for (account,) in rows)
        self.found.mails, self.found.mails_unknown = taken.total(), in_doubt.total()
        self.found.lost["mails"] += (due - taken - in_doubt).total()
        self.found.doubled["mails"] += (taken - due).total()


def _moment(value: Any) -> datetime:
    """A time column: SQLite has text, PostgreSQL a time."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)


@asynccontextmanager
async def storm(
    folder: Path,
    seed: int,
    customers: int,
    *,
    scale: float,
    database: str | None = None,
) -> AsyncIterator[Storm]:
    """A shop, and a daemon that has read its baseline.

    database: a PostgreSQL URL; without one, a SQLite file in the folder.
    scale: sandbox seconds in one of ours. At 900 an event that was not answered is repeated after 0.07, 0.7, 4, 8 ...
    seconds, and given up after three minutes.
    """
    async with (
        shop(folder, customers=customers, seed=seed, time_scale=scale) as wix,
        mailserver() as mail,
    ):
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0.5)
        running = Daemon(folder, wix, environment={"MILESTONES_FAILPOINT": f"@{folder / 'failpoint'}"})
        running.database = database or running.database
        running.configure(MILESTONES)
        text = running.config.read_text()
        smtp = (
            f'transport = "smtp"\nhost = "127.0.0.1"\nport = {mail.port}\ntls = "none"\nper_minute = 100000'
        )
        running.config.write_text(text.replace('transport = "folder"\nfolder = "mail"', smtp))
        found = Storm(wix, running, mail, random.Random(seed), sums(await wix.state()), scale)
        await running.start()
        try:
            await until(lambda: _baseline_done(running), "the baseline")
            yield found
        finally:
            await running.kill()


async def _baseline_done(daemon: Daemon) -> bool:
    return bool(daemon.query("SELECT 1 FROM scans WHERE kind = 'baseline' AND state = 'finished'"))
