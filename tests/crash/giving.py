"""The program in the test's own process, against a sandbox over real sockets, with one clock for both."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from milestones.app.build import open_runtime
from milestones.app.runtime import Runtime
from milestones.config import parse
from milestones.domain import keys
from milestones.domain.actions import State
from milestones.domain.observation import Source
from milestones.outbox import act
from milestones.outbox.work import SiteWork
from milestones.pipeline import observe
from milestones.scans.pages import observation
from milestones.store.tables import Action
from milestones.store.views.lookup import list_of_owner
from milestones.wix.account import Account as WixAccount
from tests.crash.house import EVERYTHING, KINDS, SECRET
from tests.crash.receiver import Receiver, receiver
from tests.kinds.smtp_server import Mailserver, mailserver
from tests.process import until
from tests.programs import ROOT
from wixsandbox import ledger
from wixsandbox.faults import Fault, Match
from wixsandbox.records import Account
from wixsandbox.server import RunningSandbox, serve
from wixsandbox.settings import SandboxSettings, Switches
from wixsandbox.world import World

LAG = 20.0
"""Seconds in which Wix's queries do not show what was written."""

PATIENCE = 0.5
"""Seconds that the program waits for an answer where a test is not to take long."""

_BASE = """\
[daemon]
mode = "live"
database = "sqlite:///milestones.db"
templates = "{templates}"

[wix]
api_url = "{api_url}"
app_id = "{app_id}"
app_secret = {{ env = "WIX_APP_SECRET" }}
public_key = {{ file = "key.pem" }}
requests_per_minute = 100000
query_lag = "{query_lag}"

[[sites]]
name = "main"
instance_id = "{instance_id}"

[mail]
transport = "smtp"
host = "127.0.0.1"
port = {port}
tls = "none"
on_lost_answer = "{on_lost_answer}"
sender = "The Corner Shop <hello@example.com>"

[policy]
breaker = {{ share = 1.0, floor = 100000 }}
"""


class DiedError(BaseException):
    """Stands in for SIGKILL: nothing after it runs."""


@contextmanager
def dying_in(kind: str) -> Iterator[None]:
    """The process dies when an effect of this kind took place and nobody has written that down. It must come to that."""

    def reach(name: str, of_kind: str) -> None:
        if (name, of_kind) == ("drain.effect_done", kind):
            patched.undo()
            raise DiedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(act, "reach", reach)
        with pytest.raises(DiedError):
            yield


@dataclass
class Clock:
    """The machine's time, and a way to let more of it pass."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def reach(self, moment: datetime) -> None:
        self.ahead += max(timedelta(), moment - self())


@dataclass
class Giving:
    """A program, and everybody whom it deals with."""

    wix: RunningSandbox
    hook: Receiver
    mail: Mailserver
    clock: Clock
    folder: Path
    runtime: Runtime = field(init=False)
    reached: list[Account] = field(default_factory=list)

    @asynccontextmanager
    async def started(
        self, on_lost_answer: str = "hold", more: str = "", query_lag: str = "60s"
    ) -> AsyncIterator[Runtime]:
        """The program until the block ends; a second time it is a new process on the same database.

        more: milestones beside the one of ``EVERYTHING``.
        """
        told = self.wix.credentials
        (self.folder / "key.pem").write_text(told.public_key)
        text = _BASE.format(
            templates=ROOT / "templates",
            api_url=self.wix.base_url,
            app_id=told.app_id,
            instance_id=told.instance_id,
            port=self.mail.port,
            on_lost_answer=on_lost_answer,
            query_lag=query_lag,
        ) + (EVERYTHING + more).format(url=self.hook.url)
        environment = {"WIX_APP_SECRET": told.app_secret, "HOOK_SECRET": SECRET}
        settings = parse(text, self.folder / "config.toml", environment)
        async with open_runtime(settings, clock=self.clock) as runtime:
            self.runtime = runtime
            yield runtime

    @property
    def site_id(self) -> str:
        return self.wix.credentials.instance_id

    @property
    def books(self) -> World:
        """The sandbox's own."""
        return self.wix.sandbox.world

    @property
    def work(self) -> SiteWork:
        return self.runtime.assembly.parts(self.site_id).work

    def hangs_up_after_the_dot(self, *, taken: bool) -> None:
        """The mail server takes the next mails, or does not, and says nothing."""

        async def hang_up(server: SMTP, _session: Session, envelope: Envelope) -> str:
            if taken:
                self.mail.taken.append(envelope)
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return ""

        self.mail.handle_DATA = hang_up  # type: ignore[method-assign, assignment]

    def answers_again(self) -> None:
        """The mail server is as it was."""
        del self.mail.handle_DATA

    def fault(self, method: str, path: str, fault: Fault) -> None:
        self.wix.sandbox.faults.add(fault.model_copy(update={"match": Match(method=method, path=path)}))

    async def crossing(self) -> Account:
        """One more customer, who agreed to mail, goes over the threshold."""
        world = self.books
        account = self.next_stranger()
        self.reached.append(account)
        for balance in (10, 1010):
            current = ledger.the_account(world, account.id)
            ledger.adjust(world, current, balance - current.balance, world.owner, "by hand")
            told = WixAccount.model_validate(ledger.document(world, ledger.the_account(world, account.id)))
            seen = observation(told, Source.WEBHOOK, self.clock())
            await observe.observe(self.runtime.store, self.runtime.rules, self.site_id, [seen], self.clock())
        return account

    def next_stranger(self) -> Account:
        """Who is to reach the milestone next."""
        world = self.books
        taken = {one.id for one in self.reached}
        willing = {
            one.email.casefold()
            for one in world.subscriptions
            if one.status == "SUBSCRIBED" and one.deliverability in {"NOT_SET", "VALID"}
        }
        return next(
            one
            for one in world.accounts
            if one.id not in taken and one.member_id and self._address(one) in willing
        )

    def _address(self, account: Account) -> str:
        document = ledger.document(self.books, account)
        return str(document["contact"].get("email", "")).casefold()

    async def finish(self) -> None:
        """Drain, and whenever nothing is due let the time pass until something is."""
        for _ in range(60):
            due = await self.runtime.engine.drain(self.site_id)
            if due is None:
                return
            await self._wix_has_done_what_it_began()
            self.clock.reach(due)
        raise AssertionError("it does not come to an end")

    async def _wix_has_done_what_it_began(self) -> None:
        """The time that passes here takes none; a call that is under way takes effect within it all the same."""
        sandbox = self.wix.sandbox

        async def done() -> bool:
            return len(sandbox.requests) == sandbox.request_count

        await until(done, "what Wix has begun")

    async def actions(self, account: Account | None = None) -> list[Action]:
        """What the milestone owed to an account; by default to the last."""
        account = account or self.reached[-1]
        async with self.runtime.store.read() as tx:
            return await list_of_owner(tx, keys.grant_key(self.site_id, account.id, "stars-1000", 1))

    async def assert_everything_once(self, *, mails: int = 1, unknown: frozenset[str] = frozenset()) -> None:
        """Everybody's books: each effect for each customer exactly once. mails: that the last customer got."""
        world = self.books
        for account in self.reached:
            states = {row.kind: row.state for row in await self.actions(account)}
            expected = {kind: State.UNKNOWN if kind in unknown else State.DONE for kind in KINDS}
            assert states == expected, states
        codes = [
            one["specification"]["code"]
            for one in world.coupons
            if one["specification"]["name"] == "For 1,000 stars"
        ]
        assert len(codes) == len(set(codes)) == len(self.reached)
        [badge] = [one["id"] for one in world.badges if one["title"] == "Star customer"]
        holders = [one["memberId"] for one in world.assignments if one["badgeId"] == badge]
        assert sorted(holders) == sorted(str(one.member_id) for one in self.reached)
        given = Counter(one.account_id for one in world.transactions if one.description == "A present")
        assert given == Counter(one.id for one in self.reached)
        assert {account: len(set(ids)) for account, ids in self.hook.ids.items()} == {
            one.id: 1 for one in self.reached
        }
        sent = Counter(address.casefold() for address in self.mail.recipients)
        assert [sent[self._address(one)] for one in self.reached] == [
            *[1] * (len(self.reached) - 1),
            mails,
        ]


@asynccontextmanager
async def giving(folder: Path, **switches: Any) -> AsyncIterator[Giving]:
    """A sandbox, a receiver and a mail server; the program is started by the test."""
    clock = Clock()
    quiet = Switches.model_validate(
        {
            "query_lag_seconds": LAG,
            "recalculation_seconds": 0,
            "rate_limit_per_minute": 0,
            **switches,
        }
    )
    settings = SandboxSettings(port=0, customers=60, seed=3, switches=quiet)
    async with serve(settings, clock) as wix, receiver() as hook, mailserver() as mail:
        yield Giving(wix, hook, mail, clock, folder)
