"""The way of a webhook: door, inbox, pipeline, and then whoever has work."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from milestones.app.assembly import Wix
from milestones.app.rules import ConfiguredRules, find_site_id
from milestones.domain.earn import EarnRule
from milestones.domain.event import Heard
from milestones.earn.claims import ClaimDoor
from milestones.earn.door import EarnDoor
from milestones.earn.record import Recorder
from milestones.ingest.door import Door
from milestones.ingest.inbox import Inbox
from milestones.observability.metrics import Metrics
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.store.database.store import Store
from milestones.store.people import rejected


@dataclass(slots=True)
class AfterCommit:
    """Whom a commit concerns: the figures, the drains, the timetable, and what finishes erasures.

    wake: wakes the drain of a site. schedule: puts a new site on the timetable. erased: somebody is gone.
    observed: what is known of accounts has changed. program_changed: an event came that says nothing of accounts, by its site and type.
    """

    metrics: Metrics
    wake: Callable[[str], None]
    schedule: Callable[[str], None] = lambda _site_id: None
    erased: asyncio.Event = field(default_factory=asyncio.Event)
    observed: Callable[[], None] = lambda: None
    program_changed: Callable[[str, str], None] = lambda _site_id, _event_type: None

    def __call__(self, outcome: Outcome) -> None:
        """Tell of what was committed."""
        for counter, counts in (
            (self.metrics.grants, outcome.granted),
            (self.metrics.reminders, outcome.reminded),
            (self.metrics.observations, outcome.observed),
        ):
            for label, count in counts.items():
                counter.labels(label).inc(count)
        if outcome.observed:
            self.observed()
        for site_id in outcome.wake:
            self.wake(site_id)
        for site_id in outcome.new_sites:
            self.schedule(site_id)
        if outcome.erased:
            self.erased.set()


def connect(
    store: Store,
    rules: Rules,
    *,
    public_key: Callable[[], RSAPublicKey | None],
    after_commit: AfterCommit,
    metrics: Metrics,
    clock: Callable[[], datetime],
) -> tuple[Door, Inbox]:
    """The door for webhooks, and the inbox behind it. public_key: the app's key in force."""

    async def record(batch: Sequence[Heard]) -> None:
        after_commit(await observe.hear(store, rules, batch, clock()))

    async def keep(site_id: str | None, event_type: str | None, reason: str, body: bytes) -> None:
        async with store.write() as tx:
            await rejected.add(tx, site_id, event_type, reason, body, clock())

    inbox = Inbox(record, metrics)
    door = Door(
        public_key=public_key,
        clock=clock,
        take=inbox.take,
        keep=keep,
        metrics=metrics,
        pass_over=lambda event: after_commit.program_changed(event.site_id, event.event_type),
    )
    return door, inbox


def connect_outside(
    store: Store,
    rules: ConfiguredRules,
    *,
    wix: Wix,
    after_commit: AfterCommit,
    metrics: Metrics,
    clock: Callable[[], datetime],
) -> tuple[EarnDoor, ClaimDoor]:
    """The doors for outside events and for claim links, by the rules in force."""

    def in_force() -> Sequence[EarnRule]:
        return rules.settings.list_earn_rules()

    def site_id(name: str) -> str | None:
        return find_site_id(rules.settings, wix, name)

    recorder = Recorder(store, rules)
    door = EarnDoor(
        recorder,
        rules=in_force,
        site_id=site_id,
        address=lambda path: f"{rules.settings.daemon.public_url}/webhooks/in/{path}",
        clock=clock,
        tell=after_commit,
        count=metrics.outside_event,
    )
    claims = ClaimDoor(
        recorder,
        rules=in_force,
        site_id=site_id,
        clock=clock,
        tell=after_commit,
        count=metrics.outside_event,
    )
    return door, claims
