"""A shop, its Wix, and another program, all in this process: what a test moves, kills and looks into."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from milestones import effects
from milestones.domain.observation import Customer, Source
from milestones.errors import ChannelError
from milestones.external.connector import Connector
from milestones.kinds.adjust.channel import AdjustChannel, Booked, Standing
from milestones.kinds.channel import Channel
from milestones.kinds.email.variables import Program as LoyaltyProgram
from milestones.kinds.external.channel import ExternalChannel
from milestones.outbox.drain import drain
from milestones.outbox.gates import Policy
from milestones.outbox.work import SiteWork
from milestones.pipeline import observe
from milestones.store import agreements, links, sites
from milestones.store.tables import Link
from milestones.sync.turn import take_turn
from milestones.sync.work import SyncWork, Turn
from tests.builders import SITE, an_observation
from tests.external.programs import World, a_world
from tests.shop import Shop, opened_shop, write_config
from wixsandbox.external.books import Member

LAG = timedelta(seconds=60)


@dataclass
class Account:
    """At Wix."""

    email: str
    balance: int
    revision: int = 1
    marks: dict[str, int] = field(default_factory=dict)


@dataclass
class Wix:
    """The accounts of a site. lost: what becomes of the next bookings, "before" or "after" they took effect."""

    accounts: dict[str, Account] = field(default_factory=dict)
    events: list[tuple[str, int, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    calls: int = 0

    def change(self, account_id: str, by: int) -> None:
        account = self.accounts[account_id]
        account.balance += by
        account.revision += 1
        self.events.append((account_id, account.revision, account.balance))

    async def get_standing(self, account_id: str, /) -> Standing:
        account = self.accounts[account_id]
        return Standing(account.revision, account.balance)

    async def adjust(
        self, account_id: str, *, amount: int | None, balance: int | None, description: str, revision: int
    ) -> Booked:
        del balance
        await effects.begin()
        self.calls += 1
        account = self.accounts[account_id]
        lost = self.lost.pop(0) if self.lost else ""
        if lost != "before":
            if revision != account.revision:
                raise ChannelError("409")
            assert description not in account.marks, "a mark is booked once"
            self.change(account_id, amount or 0)
            account.marks[description] = account.revision
        if lost:
            raise ChannelError("No answer.", lost=True)
        return Booked("transaction", None, account.balance)

    async def find(self, account_id: str, description: str, /) -> Booked | None:
        return Booked("t", None, None) if description in self.accounts[account_id].marks else None

    async def program(self, *, anew: bool = False) -> LoyaltyProgram:
        del anew
        return LoyaltyProgram("Star Club", active=True)


@dataclass
class Rig:
    """Everything. preset: of the other program. more: further keys of its table."""

    shop: Shop
    world: World
    preset: str
    more: str
    wix: Wix = field(default_factory=Wix)
    refreshed: list[str] = field(default_factory=list)
    connector: Connector = field(init=False)

    def __post_init__(self) -> None:
        self.connector = self.world.connect(self.preset, self.more)

    # What there is

    def there(self, member_id: str) -> Member:
        return self.world.books(self.preset).members[member_id]

    def here(self, account_id: str) -> Account:
        return self.wix.accounts[account_id]

    def join(self, member_id: str, email: str, balance: int) -> None:
        self.world.join(self.preset, Member(member_id, email=email, balance=balance))

    async def open_account(self, account_id: str, email: str, balance: int) -> None:
        self.wix.accounts[account_id] = Account(email, balance)
        await self.hear(account_id, 1, balance)

    async def link(self, name: str = "ada", ours: int = 100, theirs: int = 100) -> Link:
        """A customer of both, who is in step if the balances are equal."""
        email = f"{name}@example.com"
        await self.open_account(f"account-{name}", email, ours)
        self.join("1", email, theirs)
        await self.turn()
        link = await self.find_link()
        if link.account_id is None:
            # Of a program that tells no address, a file says who is whom.
            async with self.shop.store.write() as tx:
                await links.change(tx, link.id, account_id=f"account-{name}")
            await self.turn()
        return await self.find_link()

    async def find_link(self, member_id: str = "1") -> Link:
        async with self.shop.store.read() as tx:
            found = await links.get_by_member(tx, SITE, self.preset, [member_id])
        return found[member_id]

    # What happens

    @property
    def work(self) -> SyncWork:
        return SyncWork(
            site_id=SITE,
            store=self.shop.store,
            rules=self.shop.rules,
            program=self.connector,
            clock=self.shop.clock,
            refresh=self.refresh,
            tell=self.shop.tell,
        )

    async def turn(self, **how: Any) -> Turn:
        return await take_turn(self.work, **{"at_once": True, **how})

    async def drain(self) -> None:
        channels: dict[str, Channel] = {
            **self.shop.channels,
            "adjust": AdjustChannel(self.wix, program=self.wix.program, query_lag=LAG, clock=self.shop.clock),
            "external": ExternalChannel({self.preset: self.connector}, clock=self.shop.clock),
        }
        work = SiteWork(
            site_id=SITE,
            store=self.shop.store,
            channels=channels,
            policy=Policy(None, self.shop.settings.daemon.timezone),
            clock=self.shop.clock,
            random=lambda: 0.5,
        )
        await drain(lambda: work)

    async def hear(self, account_id: str, revision: int, balance: int) -> None:
        """An event, or a reading, of the account as it was at a revision."""
        customer = Customer(f"contact-{account_id}", None, self.here(account_id).email, "A Customer")
        seen = an_observation(balance, revision, account_id=account_id, customer=customer, source=Source.SYNC)
        await observe.observe(self.shop.store, self.shop.rules, SITE, [seen], self.shop.now)

    async def hear_all(self) -> None:
        for event in list(dict.fromkeys(self.wix.events)):
            await self.hear(*event)

    async def refresh(self, account_id: str) -> None:
        self.refreshed.append(account_id)
        account = self.here(account_id)
        await self.hear(account_id, account.revision, account.balance)

    def later(self, **span: float) -> None:
        self.shop.later(**span)
        self.world.clock.now = self.shop.now

    async def finish(self, rounds: int = 4) -> None:
        """The world stands still and everything is told: so many rounds are enough."""
        for _ in range(rounds):
            await self.hear_all()
            await self.turn()
            await self.drain()
            self.later(minutes=2)
        await self.turn()

    async def count_open(self) -> int:
        async with self.shop.store.read() as tx:
            return await agreements.count_open(tx, SITE, self.preset)


@asynccontextmanager
async def a_rig(path: Path, preset: str = "smile", more: str = "", **how: Any) -> AsyncIterator[Rig]:
    """A shop whose accounts are known, and nobody linked."""
    async with opened_shop(path) as shop, a_world() as world:
        world.clock.now = shop.now
        async with shop.store.write() as tx:
            await sites.change(tx, SITE, baseline_done_at=shop.now)
        yield Rig(shop, world, preset, more, **how)


def a_path(folder: Path) -> Path:
    """Where its configuration lies."""
    return write_config(folder / "shop")
