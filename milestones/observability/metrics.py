"""What Prometheus is told. One object, made by the composition root, handed to whoever counts.

No label holds a site, an account or an address: their number has no bound, and metrics are no place for people.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MOST_EVENT_TYPES = 100
"""Different event types that are told apart; later ones count as ``other``. Wix documents about forty."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.25, 2.5, 5.0, 10.0)
"""Wix counts a webhook that is not answered in 1.25 s as failed (docs/wix-api.md, 4.1)."""

_BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics:
    """Every figure of the program. Names and meanings are part of the product: `docs/operations.md` lists them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._types: set[str] = set()
        self._events = Counter(
            "milestones_events",
            "Genuine webhooks by type and outcome.",
            ["type", "outcome"],
            registry=registry,
        )
        self.webhook_answers = Counter(
            "milestones_webhook_answers", "Answers to webhooks by status.", ["status"], registry=registry
        )
        self.mistyped_callbacks = Counter(
            "milestones_mistyped_callbacks",
            "POSTs to a path that is none: `served`, a genuine webhook, or `unknown`.",
            ["outcome"],
            registry=registry,
        )
        self.ack_seconds = Histogram(
            "milestones_ack_seconds",
            "From the first byte of a webhook to its answer, after the commit.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_events = Histogram(
            "milestones_commit_events", "Events that shared a commit.", buckets=_BATCHES, registry=registry
        )
        self.observations = Counter(
            "milestones_observations",
            "Account states that were news, by source.",
            ["source"],
            registry=registry,
        )
        self.grants = Counter("milestones_grants", "Grants recorded.", ["milestone"], registry=registry)
        self.reminders = Counter(
            "milestones_reminders", "Reminders recorded.", ["milestone"], registry=registry
        )
        self.actions = Counter(
            "milestones_actions",
            "Actions by kind and the state they went into.",
            ["kind", "state"],
            registry=registry,
        )
        self.scans = Counter(
            "milestones_scans", "Scans by kind and outcome.", ["kind", "outcome"], registry=registry
        )
        self.accounts_left_out = Counter(
            "milestones_accounts_left_out",
            "Accounts that a scan read and could not understand or record, by its kind.",
            ["kind"],
            registry=registry,
        )
        self.scans_failing = Gauge(
            "milestones_scans_failing",
            "Scans that stopped at an error and have not come to their end since.",
            registry=registry,
        )
        self.programs_differing = Gauge(
            "milestones_programs_differing",
            "Sites whose loyalty program is not as the configuration has it.",
            registry=registry,
        )
        self.wix_calls = Counter(
            "milestones_wix_calls", "Calls to Wix by status; 0 is no answer.", ["status"], registry=registry
        )
        self.wix_seconds = Histogram(
            "milestones_wix_seconds", "Duration of calls to Wix.", buckets=_SECONDS, registry=registry
        )
        self.backlog = Gauge(
            "milestones_backlog_actions", "Actions that are due and not done.", registry=registry
        )
        self.backlog_age = Gauge(
            "milestones_backlog_age_seconds",
            "How long the oldest due action has been due.",
            registry=registry,
        )
        self.held = Gauge(
            "milestones_held_actions", "Actions that wait for a person to release them.", registry=registry
        )
        self.unknown = Gauge(
            "milestones_unknown_actions",
            "Actions of which nobody knows whether they took place.",
            registry=registry,
        )

        self.resting = Gauge(
            "milestones_resting_channels",
            "Sites at which a channel fails as a whole and rests between its tries, by kind of action.",
            ["kind"],
            registry=registry,
        )

    def event(self, event_type: str | None, outcome: str) -> None:
        """Count a genuine webhook. outcome: ``taken``, ``unneeded`` or ``rejected``."""
        self._events.labels(self._bounded(event_type or "unknown"), outcome).inc()

    def _bounded(self, event_type: str) -> str:
        if event_type not in self._types:
            if len(self._types) >= MOST_EVENT_TYPES:
                return "other"
            self._types.add(event_type)
        return event_type
