"""What Prometheus is told. One object, made by the composition root, handed to whoever counts.

No label holds a site, an account or an address: their number has no bound, and metrics are no place for people.
"""

from functools import partial

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
        self._counters: dict[tuple[str | None, str], Counter] = {}
        count = partial(Counter, registry=registry)
        show = partial(Gauge, registry=registry)
        measure = partial(Histogram, registry=registry)
        self._events = count(
            "milestones_events", "Genuine webhooks by type and outcome.", ["type", "outcome"]
        )
        self.api_answers = count("milestones_api_answers", "Answers of the API by status.", ["status"])
        self.webhook_answers = count(
            "milestones_webhook_answers", "Answers to webhooks by status.", ["status"]
        )
        self.outside_answers = count(
            "milestones_outside_answers", "Answers to outside services by status.", ["status"]
        )
        self._outside_events = count(
            "milestones_outside_events",
            "Genuine outside events and claims by rule and outcome.",
            ["rule", "outcome"],
        )
        self.mistyped_callbacks = count(
            "milestones_mistyped_callbacks",
            "POSTs to a path that is none: `served`, a genuine webhook, or `unknown`.",
            ["outcome"],
        )
        self.ack_seconds = measure(
            "milestones_ack_seconds",
            "From the first byte of a webhook to its answer, after the commit.",
            buckets=_SECONDS,
        )
        self.commit_events = measure(
            "milestones_commit_events", "Events that shared a commit.", buckets=_BATCHES
        )
        self.observations = count(
            "milestones_observations", "Account states that were news, by source.", ["source"]
        )
        self.grants = count("milestones_grants", "Grants recorded.", ["milestone"])
        self.reminders = count("milestones_reminders", "Reminders recorded.", ["milestone"])
        self.actions = count(
            "milestones_actions", "Actions by kind and the state they went into.", ["kind", "state"]
        )
        self.scans = count("milestones_scans", "Scans by kind and outcome.", ["kind", "outcome"])
        self.accounts_left_out = count(
            "milestones_accounts_left_out",
            "Accounts that a scan read and could not understand or record, by its kind.",
            ["kind"],
        )
        self.scans_failing = show(
            "milestones_scans_failing", "Scans that stopped at an error and have not come to their end since."
        )
        self.programs_differing = show(
            "milestones_programs_differing", "Sites whose loyalty program is not as the configuration has it."
        )
        self.wix_calls = count("milestones_wix_calls", "Calls to Wix by status; 0 is no answer.", ["status"])
        self.wix_seconds = measure("milestones_wix_seconds", "Duration of calls to Wix.", buckets=_SECONDS)
        self.backlog = show("milestones_backlog_actions", "Actions that are due and not done.")
        self.backlog_age = show(
            "milestones_backlog_age_seconds", "How long the oldest due action has been due."
        )
        self.held = show("milestones_held_actions", "Actions that wait for a person to release them.")
        self.unknown = show(
            "milestones_unknown_actions", "Actions of which nobody knows whether they took place."
        )
        self.resting = show(
            "milestones_resting_channels",
            "Sites at which a channel fails as a whole and rests between its tries, by kind of action.",
            ["kind"],
        )

    def event(self, event_type: str | None, outcome: str) -> None:
        """Count a genuine webhook. outcome: ``taken``, ``unneeded`` or ``rejected``."""
        key = event_type, outcome
        if (counter := self._counters.get(key)) is None:
            counter = self._events.labels(self._bounded(event_type or "unknown"), outcome)
            if len(self._counters) < MOST_EVENT_TYPES:
                self._counters[key] = counter
        counter.inc()

    def outside_event(self, rule: str, outcome: str, number: int) -> None:
        """Count genuine outside events or claims. rule: of the configuration, which bounds their number."""
        self._outside_events.labels(rule, outcome).inc(number)

    def _bounded(self, event_type: str) -> str:
        if event_type not in self._types:
            if len(self._types) >= MOST_EVENT_TYPES:
                return "other"
            self._types.add(event_type)
        return event_type
