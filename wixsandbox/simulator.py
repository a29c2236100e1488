"""One running simulation: a world with its doors, and the book that is kept of the calls."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.types import Scope

from wixsandbox import agenda, bulk
from wixsandbox.access import Access, RateLimit
from wixsandbox.events import Event, public_pem, sign
from wixsandbox.external.app import Programs
from wixsandbox.faults import Faults
from wixsandbox.records import primary_email
from wixsandbox.seeding import seed_world
from wixsandbox.sender import Sender
from wixsandbox.settings import SandboxSettings, Switches
from wixsandbox.traffic import Traffic
from wixsandbox.world import Clock, World

KEPT_REQUESTS = 20_000
Drop = Callable[[Scope], None]
"""Closes the connection of a request at once, without an answer."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as ``/_sandbox/requests`` shows it; bodies of the token endpoint are not kept."""

    number: int
    at: str
    method: str
    path: str
    query: str
    operation: str | None
    status: int | None
    fault: str | None
    request_id: str
    body: Any


@dataclass(frozen=True, slots=True)
class Credentials:
    """The installation as its app knows it; ``public_key`` is SPKI PEM, for webhooks."""

    app_id: str
    app_secret: str
    instance_id: str
    site_id: str
    api_key: str
    public_key: str


class Sandbox:
    """A world with its doors: the API, the webhooks, the traffic, the faults."""

    def __init__(
        self, settings: SandboxSettings, clock: Clock, key: RSAPrivateKey, drop: Drop | None = None
    ) -> None:
        self.settings = settings
        self.key = key
        self.drop = drop
        self.requests: deque[Logged] = deque(maxlen=KEPT_REQUESTS)
        self.request_count = 0
        self.clock = clock
        self.programs = Programs(clock, self._customers)
        self.sender = Sender(
            self._sign,
            clock,
            lambda: self.world.switches,
            seed=settings.seed,
            time_scale=settings.time_scale,
        )
        self.enter(self.empty_world(settings.seed, settings.switches))
        self.subscribe(settings.webhook_url)
        self.traffic.start(clock(), settings.earn_per_second, settings.redeem_share, None)

    def empty_world(self, seed: int, switches: Switches) -> World:
        """A site before its first day."""
        scale, kept = self.settings.time_scale, self.settings.transactions_kept
        return World(seed, self.clock, switches, time_scale=scale, transactions_kept=kept)

    def enter(self, world: World) -> None:
        """Serve this world from now on; tokens, faults and traffic of the one before are gone."""
        self.world = world
        self.faults = Faults(world.seed)
        self.traffic = Traffic(world.seed)
        self.access = Access()
        self.limit = RateLimit()
        world.backlog = lambda: self.sender.pending
        world.sink = None if self.sender.url is None else self.sender.take

    def subscribe(self, url: str | None) -> None:
        """Send webhooks to this address; None ends the subscription, and what waits is forgotten."""
        self.sender.url = url
        self.world.sink = None if url is None else self.sender.take
        self.world.changes += 1
        if url is None:
            self.sender.clear()
        else:
            self.sender.wake()

    def reset(self, seed: int, customers: int, *, new_program: bool = False) -> None:
        """Begin a new world in place of this one; the switches and the subscription stay."""
        self.sender.restart(seed)
        base_url, switches = self.world.base_url, self.world.switches
        self.enter(self.empty_world(seed, switches))
        self.world.base_url = base_url
        self.begin(customers, new_program=new_program)

    def credentials(self) -> Credentials:
        """What a client of this site has to know."""
        own = self.world.identity
        return Credentials(
            own.app_id, own.app_secret, own.instance_id, own.site_id, own.api_key, public_pem(self.key)
        )

    def begin(self, customers: int, *, new_program: bool = False) -> None:
        """Fill an empty world and start its slow clock."""
        seed_world(self.world, customers, new_program=new_program)
        bulk.plan_recalculation(self.world)

    def switch(self, switches: Switches) -> None:
        """Change behaviours while running."""
        old, self.world.switches = self.world.switches, switches
        if switches.recalculation_seconds != old.recalculation_seconds:
            bulk.plan_recalculation(self.world)
        self.world.subscriptions.reindex()
        self.world.coupons.reindex()
        self.world.changes += 1

    def advance(self) -> None:
        """Let everything happen whose time has come."""
        agenda.advance(self.world)
        self.traffic.advance(self.world)

    def _customers(self, number: int) -> list[tuple[str, int]]:
        """Mail address and balance of the first customers who have both."""
        found = []
        for account in self.world.accounts:
            contact = self.world.contacts.get(account.contact_id)
            email = None if contact is None else primary_email(contact)
            if email is not None:
                found.append((email, account.balance))
        return found[:number]

    def _sign(self, event: Event) -> str:
        return sign(event, self.world.identity.instance_id, self.key, self.clock(), self.world.switches)
