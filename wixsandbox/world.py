"""One site of the simulated Wix: everything it holds, its clock, its agenda, and the events that it tells."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wixsandbox.collection import Collection, visible_at
from wixsandbox.events import Caller, Event, domain_event
from wixsandbox.records import Account, Contact, Member, Subscription, Transaction, primary_email
from wixsandbox.settings import Switches
from wixsandbox.wire import Document, derive, guid, stamp

Clock = Callable[[], datetime]
LOYALTY_APP_ID = "553c79f3-5625-4f38-b14b-ef7c0d1e87df"  # the Wix Loyalty Program app (docs/wix-api.md, 1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The ids and secrets of one installation; all but the key pair depend on the seed only."""

    app_id: str
    app_secret: str
    instance_id: str
    site_id: str
    api_key: str
    owner_id: str


def identity_of(seed: int) -> Identity:
    """The installation that belongs to a seed."""
    return Identity(
        app_id=guid(seed, "app"),
        app_secret=guid(seed, "secret"),
        instance_id=guid(seed, "instance"),
        site_id=guid(seed, "site"),
        api_key=f"IST.{derive(seed, 'api-key', 1)}{derive(seed, 'api-key', 2)}",
        owner_id=guid(seed, "owner"),
    )


@dataclass(order=True, frozen=True, slots=True)
class Appointment:
    """Something that the site itself will do: settle a redemption, finish a job, recalculate."""

    due: datetime
    number: int
    what: str = field(compare=False)
    details: Document = field(compare=False)


def _document_id(document: Document) -> str:
    return str(document["id"])


class World:
    """A site. Everything runs in one thread and without awaiting, so that a call is one transaction.

    clock: the time stamps that the site writes. Slow clocks (`later`) run ``time_scale`` times faster.
    sink: takes events; ``None`` while no webhook is subscribed. backlog: how many of them are not delivered yet.
    run: counts the starts from a state file, so that ids of a start that was not saved are never given again.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        switches: Switches,
        *,
        time_scale: float = 1.0,
        transactions_kept: int = 100_000,
    ) -> None:
        self.seed = seed
        self.clock = clock
        self.switches = switches
        self.time_scale = time_scale
        self.transactions_kept = transactions_kept
        self.identity = identity_of(seed)
        self.base_url = ""
        self.sink: Callable[[Event], None] | None = None
        self.backlog: Callable[[], int] = lambda: 0
        self.run = 0
        self.counter = 0
        self.sequence = 0
        self.emitted = 0
        self.changes = 0
        self.agenda: list[Appointment] = []
        self._collections()

    def _collections(self) -> None:
        self.accounts: Collection[Account] = Collection(
            lambda one: one.id,
            {"contactId": lambda one: one.contact_id, "memberId": lambda one: one.member_id},
        )
        self.contacts: Collection[Contact] = Collection(lambda one: one.id, {"email": self._contact_key})
        self.members: Collection[Member] = Collection(
            lambda one: one.id,
            {"contactId": lambda one: one.contact_id, "email": lambda one: one.login_email.casefold()},
        )
        self.subscriptions: Collection[Subscription] = Collection(
            lambda one: one.id, {"email": lambda one: self.email_key(one.email)}
        )
        self.transactions: Collection[Transaction] = Collection(
            lambda one: one.id,
            {
                "accountKey": lambda one: one.idempotency_key and (one.account_id, one.idempotency_key),
                "appKey": lambda one: (
                    one.idempotency_key and (one.info["earnInfo"]["appId"], one.idempotency_key)
                ),
                "siteKey": lambda one: one.idempotency_key,
            },
        )
        self.coupons: Collection[Document] = Collection(
            _document_id, {"code": lambda one: self.code_key(one["specification"]["code"])}
        )
        self.assignments: Collection[Document] = Collection(
            _document_id, {"pair": lambda one: (one["badgeId"], one["memberId"])}
        )
        self.program: Document = {}
        self.tier_settings: Document | None = None
        self.loyalty_coupons: Collection[Document] = Collection(_document_id)
        self.badges: Collection[Document] = Collection(_document_id)
        self.badge_order: list[str] = []
        self.rewards: Collection[Document] = Collection(_document_id)
        self.tiers: Collection[Document] = Collection(_document_id)
        self.earning_rules: Collection[Document] = Collection(_document_id)
        self.imports: Collection[Document] = Collection(_document_id)
        self.discounts: Collection[Document] = Collection(_document_id)
        self.checkouts: Collection[Document] = Collection(_document_id)
        self.merged_contacts: dict[str, str] = {}
        self.uploads: dict[str, str] = {}
        self.unsubscribe_tokens: dict[str, str] = {}
        self._lagging = [one for one in vars(self).values() if isinstance(one, Collection)]

    def settle(self) -> None:
        """Let every write be seen whose lag is over: what nobody queries would remember all its states for ever."""
        for collection in self._lagging:
            collection.settle(self.now)

    def _contact_key(self, contact: Contact) -> str | None:
        email = primary_email(contact)
        return None if email is None else email.casefold()

    def email_key(self, email: str) -> str:
        """What makes two addresses the same subscription."""
        return email.casefold() if self.switches.emails_ignore_case else email

    def unsubscribe_token(self, email: str) -> str:
        """What an address is called in its unsubscribe link."""
        return derive(self.identity.app_secret, "unsubscribe", self.email_key(email))

    def code_key(self, code: str) -> str:
        """What makes two coupon codes the same."""
        return code.casefold() if self.switches.coupon_codes_ignore_case else code

    @property
    def now(self) -> datetime:
        """This moment, UTC."""
        return self.clock()

    @property
    def stamp(self) -> str:
        """This moment as Wix writes it."""
        return stamp(self.clock())

    @property
    def write_visible(self) -> datetime | None:
        """When a write of this moment reaches query and search."""
        self.changes += 1
        return visible_at(self.clock(), self.switches.query_lag_seconds)

    def new_id(self, kind: str) -> str:
        """The next id: the same for the same seed and the same history."""
        self.counter += 1
        return guid(self.seed, self.run, kind, self.counter)

    def later(self, seconds: float, what: str, **details: Any) -> None:
        """Put something on the agenda, ``seconds`` from now on the scaled clock."""
        self.counter += 1
        self.changes += 1
        due = self.clock() + timedelta(seconds=seconds / self.time_scale)
        heapq.heappush(self.agenda, Appointment(due, self.counter, what, details))

    def cancel(self, what: str) -> None:
        """Take everything of this kind off the agenda."""
        self.agenda = [one for one in self.agenda if one.what != what]
        heapq.heapify(self.agenda)

    def due(self) -> Appointment | None:
        """Take the next thing off the agenda, if its time has come."""
        if self.agenda and self.agenda[0].due <= self.clock():
            self.changes += 1
            return heapq.heappop(self.agenda)
        return None

    def emit(
        self, fqdn: str, slug: str, entity_id: str, content: Callable[[], Document], caller: Caller | None
    ) -> None:
        """Tell a domain event. ``content`` is only asked for when somebody listens."""
        self.sequence += 1
        self.emitted += 1
        if self.sink is None:
            return
        event_id = guid(self.seed, self.run, "event", self.sequence)
        data = domain_event(event_id, fqdn, slug, entity_id, content(), self.clock(), self.sequence)
        self.sink(Event(f"{fqdn}_{slug}", data, self._told_identity(caller)))

    def emit_plain(self, event_type: str, data: Document, caller: Caller | None) -> None:
        """Tell an event without the fields of domain events (docs/wix-api.md, 4.5)."""
        self.emitted += 1
        if self.sink is not None:
            self.sink(Event(event_type, data, self._told_identity(caller)))

    def emit_created(self, fqdn: str, entity: Document, caller: Caller | None) -> None:
        """Tell that something was created."""
        self.emit(fqdn, "created", entity["id"], lambda: {"createdEvent": {"entity": entity}}, caller)

    def emit_updated(self, fqdn: str, entity: Document, caller: Caller | None) -> None:
        """Tell that something was changed."""
        self.emit(fqdn, "updated", entity["id"], lambda: {"updatedEvent": {"currentEntity": entity}}, caller)

    def emit_deleted(self, fqdn: str, entity_id: str, caller: Caller | None, **more: Any) -> None:
        """Tell that something is gone."""
        self.emit(fqdn, "deleted", entity_id, lambda: {"deletedEvent": {}, **more}, caller)

    def _told_identity(self, caller: Caller | None) -> Document | None:
        if caller is None:
            return None
        if caller.kind == "APP" and self.switches.own_calls_identity != "APP":
            if self.switches.own_calls_identity == "absent":
                return None
            return Caller("WIX_USER", self.identity.owner_id).identity()
        return caller.identity()

    @property
    def owner(self) -> Caller:
        """The shop's owner at the dashboard: who makes the changes that no app makes."""
        return Caller("WIX_USER", self.identity.owner_id)
