"""A daemon that is killed at named places, and the books of everybody it deals with."""

import asyncio
import email
import email.policy
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import httpx

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.models.orders import AdjustAccount, EarnForAccount
from milestones.commands.models.rewards import DiscountCheckout, RedeemForAccount
from milestones.commands.models.scan import Scan
from tests.crash.customers import Customer, make_due, read, strangers
from tests.crash.receiver import Receiver
from tests.kinds.smtp_server import Mailserver
from tests.process import Daemon, Shop, until

EVERYTHING = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[milestones.near]
within = 100
template = "almost-there"

[[milestones.rewards]]
coupon = {{ name = "For 1,000 stars", percent_off = 10, scope = "stores" }}

[[milestones.rewards]]
badge = {{ title = "Star customer", create = true }}

[[milestones.rewards]]
points = {{ amount = 50, description = "A present", per_account = "1 per 300d" }}

[[milestones.rewards]]
email = "milestone-reached"

[[milestones.rewards]]
webhook = {{ url = "{url}", secret = {{ env = "HOOK_SECRET" }} }}
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KINDS = ("coupon", "badge", "points", "email", "webhook")
"""Of what a crossing gives."""


@dataclass
class House:
    """A shop, its daemon, its operator's service, and who has done what so far."""

    shop: Shop
    daemon: Daemon
    receiver: Receiver
    mailserver: Mailserver | None
    strangers: list[Customer]
    reached: list[Customer] = field(default_factory=list)
    near: list[Customer] = field(default_factory=list)
    left: list[Customer] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)
    ordered: list[AdjustAccount] = field(default_factory=list)
    welcomed: list[EarnForAccount] = field(default_factory=list)
    bought: list[RedeemForAccount | DiscountCheckout] = field(default_factory=list)
    untold: int = 0
    _scan: asyncio.Task[None] | None = None

    # What happens

    def arm(self, point: str) -> None:
        """Have the running daemon, or the next one, die there."""
        self._order.write_text(point)

    @property
    def _order(self) -> Path:
        return self.daemon.folder / "failpoint"

    async def crossing(self) -> None:
        """A customer of whom nobody has heard reaches the milestone."""
        customer = self.strangers.pop()
        self.reached.append(customer)
        await self.shop.adjust(customer.account, 1010)

    async def undisturbed(self) -> None:
        """The same, and nothing goes wrong. It makes the badge, too."""
        await self.crossing()
        await self.settled()
        await self.assert_everything_once()

    async def doubt(self) -> None:
        """The same, while Wix does not tell who agreed to mail."""
        path = "/email-marketing/v1/email-subscriptions"
        await self.shop.fault("POST", path, "status", status=500, times=0)
        await self.crossing()

    async def approach(self) -> None:
        """A customer comes near, and a scan looks for such."""
        customer = self.strangers.pop()
        self.near.append(customer)
        await self.shop.adjust(customer.account, 950)
        await until(self._is_told, "the daemon heard of it")
        self._scan = asyncio.create_task(self._scanned())

    async def order(self) -> None:
        """A person adjusts points, and does not wait for the answer."""
        customer = self.strangers[0]
        key, reason = f"key-{len(self.ordered)}", "A late bill"
        self.ordered.append(AdjustAccount(account=customer.account, by=7, reason=reason, key=key, wait=0))
        with suppress(RefusedError, NotRunningError):
            await self.ordered_again()

    async def ordered_again(self) -> None:
        """Whoever was not answered asks again, with the same key."""
        await ask(self.daemon.folder / "milestones.sock", self.ordered[-1])

    async def assert_ordered_once(self) -> None:
        """By the sandbox's books, each order took place exactly once."""
        await self.settled()
        booked = [
            one["amount"]
            for one in (await self.shop.state("transactions"))["transactions"]
            if one.get("description", "").startswith("A late bill (")
        ]
        assert booked == [7] * len(self.ordered)

    async def _scanned(self) -> None:
        # Whoever gave the command learns that its daemon was killed.
        with suppress(RefusedError):
            await self.look()

    async def look(self) -> None:
        """A scan by command, to its end."""
        await ask(self.daemon.folder / "milestones.sock", Scan())

    async def farewell(self) -> None:
        """The last customer who had a mail does not want more of them."""
        self.left.append(self.reached[-1])
        await self.click()

    async def click(self) -> None:
        """The last who wanted to leave clicks on the link in the mail."""
        [mail] = [mail for mail in self.mails() if _reader(mail) == self.left[-1].address]
        with suppress(httpx.TransportError):
            link = mail["List-Unsubscribe"].strip("<>")
            await self.shop.http.post(link, data={"List-Unsubscribe": "One-Click"})

    async def killed_and_started_again(self) -> None:
        """Wait for the death that was ordered, and go on without it."""
        await self.daemon.died()
        assert await self.daemon.end() == -signal.SIGKILL
        self.arm("")
        if self._scan is not None:
            await self._scan
            self._scan = None
        (await self.shop.http.delete("/_sandbox/faults")).raise_for_status()
        make_due(self.daemon)
        await self.daemon.start()

    async def settled(self) -> None:
        """Wait until Wix has told everything, no scan is under way and nothing is due."""

        try:
            await until(self._is_idle, "everything is told and done")
        except AssertionError as error:
            raise AssertionError(await self._standing()) from error

    async def _is_idle(self) -> bool:
        # In this order: what is told between two looks would be missed by the other.
        if not await self._is_told():
            return False
        return not self.daemon.query(
            "SELECT 1 FROM scans WHERE state = 'running' "
            "UNION SELECT 1 FROM actions WHERE state IN ('available', 'running')"
        )

    async def _is_told(self) -> bool:
        return await self.shop.quiet()

    async def _standing(self) -> str:
        """What is not done, for the reader of a failure."""
        told = [f"every event told: {await self._is_told()}"]
        told += map(
            str, self.daemon.query("SELECT id, kind, state, error FROM scans WHERE state = 'running'")
        )
        told += map(
            str,
            self.daemon.query(
                "SELECT id, kind, state, lost, attempts, available_at, error FROM actions "
                "WHERE state IN ('available', 'running')"
            ),
        )
        return "\n".join([*told, *self.daemon.log[-40:]])

    # What came of it

    def mails(self) -> list[EmailMessage]:
        """Every mail that left."""
        if self.mailserver is not None:
            bodies = [bytes(envelope.original_content or b"") for envelope in self.mailserver.taken]
        else:
            bodies = [path.read_bytes() for path in (self.daemon.folder / "mail").glob("*.eml")]
        found = []
        for body in bodies:
            message = email.message_from_bytes(body, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    async def assert_everything_once(self) -> None:
        """The sandbox's, the mail server's and the receiver's books: each effect for each customer exactly once."""
        state = await self.shop.state("coupons", "badges", "badge_assignments", "transactions")
        accounts = [customer.account for customer in self.reached]
        codes = self._codes()
        made = Counter(coupon["specification"]["code"] for coupon in state["coupons"])
        assert {account: made[code] for account, code in codes.items()} == dict.fromkeys(accounts, 1)
        assert sum(one["specification"]["name"] == "For 1,000 stars" for one in state["coupons"]) == len(
            accounts
        )

        [badge] = [one["id"] for one in state["badges"] if one["title"] == "Star customer"]
        holders = [one["memberId"] for one in state["badge_assignments"] if one["badgeId"] == badge]
        assert sorted(holders) == sorted(customer.member for customer in self.reached)

        earned = [one["accountId"] for one in state["transactions"] if one.get("description") == "A present"]
        assert sorted(earned) == sorted(accounts)

        assert {account: len(set(ids)) for account, ids in self.receiver.ids.items()} == dict.fromkeys(
            accounts, 1
        )
        self._assert_mails_once()

    def _assert_mails_once(self) -> None:
        sent = Counter(map(_reader, self.mails()))
        assert not [address for address, times in sent.items() if times > 1], "nobody is mailed twice"
        shown = self._shown_as_unknown()
        assert shown == self.doubtful, "\n".join([f"{shown} and not {self.doubtful}", *self.daemon.log[-80:]])
        for customer in (*self.reached, *self.near):
            assert sent[customer.address] == 1 or customer.account in self.doubtful, customer

    async def assert_wix_knows_who_left(self) -> None:
        """Who unsubscribed here is unsubscribed there."""

        async def told() -> bool:
            known = (await self.shop.state("subscriptions"))["subscriptions"]
            statuses = {one["email"].casefold(): one["subscriptionStatus"] for one in known}
            return {statuses[customer.address] for customer in self.left} == {"UNSUBSCRIBED"}

        await until(told, "Wix was told")

    def _codes(self) -> dict[str, str]:
        """The code by account, as the daemon planned it; every one is done."""
        rows = self.daemon.query(
            "SELECT account_id, payload FROM actions WHERE kind = 'coupon' AND state = 'done'"
        )
        assert len(rows) == len(dict(rows)), "one coupon for each account"
        return {account: read(payload)["specification"]["code"] for account, payload in rows}

    def _shown_as_unknown(self) -> set[str]:
        return {
            row[0]
            for row in self.daemon.query(
                "SELECT account_id FROM actions WHERE state = 'unknown' AND kind = 'email'"
            )
        }


def _reader(mail: EmailMessage) -> str:
    return str(mail["to"].addresses[0].addr_spec).casefold()


def a_house(
    folder: Path,
    shop: Shop,
    hook: Receiver,
    customers: list[Customer],
    mailserver: Mailserver | None = None,
    database: str | None = None,
) -> House:
    """A daemon with a folder of its own, configured and not started."""
    environment = {"HOOK_SECRET": SECRET, "MILESTONES_FAILPOINT": f"@{folder / 'failpoint'}"}
    daemon = Daemon(folder, shop, environment=environment)
    if database is not None:
        daemon.database = database
    daemon.configure(EVERYTHING.format(url=hook.url))
    if mailserver is not None:
        text = daemon.config.read_text()
        smtp = f'transport = "smtp"\nhost = "127.0.0.1"\nport = {mailserver.port}\ntls = "none"'
        daemon.config.write_text(text.replace('transport = "folder"\nfolder = "mail"', smtp))
    return House(shop, daemon, hook, mailserver, customers)


@asynccontextmanager
async def begun(found: House) -> AsyncIterator[House]:
    """Its daemon runs and has read its baseline; killed at the end."""
    await found.daemon.start()
    try:
        await until(lambda: _is_live(found.daemon), "the first scans")
        await found.settled()
        yield found
    finally:
        await found.daemon.end(signal.SIGKILL)


@asynccontextmanager
async def house(
    folder: Path,
    shop: Shop,
    hook: Receiver,
    mailserver: Mailserver | None = None,
    database: str | None = None,
    constants: Mapping[str, object] | None = None,
) -> AsyncIterator[House]:
    """A house that is lived in, and whose daemon starts quickly. constants: see ``tests.forks.fork``."""
    prepared = a_house(folder, shop, hook, await strangers(shop), mailserver, database)
    prepared.daemon.constants = constants or {}
    async with begun(prepared) as found:
        yield found


async def _is_live(daemon: Daemon) -> bool:
    done = daemon.query("SELECT DISTINCT kind FROM scans WHERE state = 'finished'")
    return {kind for (kind,) in done} >= {"baseline", "reached", "near"}
