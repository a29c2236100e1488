"""Delivers webhooks as Wix does: at least once, in no promised order, with twelve more attempts (section 4.1)."""

import asyncio
import contextlib
import heapq
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import httpx

from wixsandbox.events import Event
from wixsandbox.settings import Switches
from wixsandbox.world import Clock

log = logging.getLogger("wixsandbox")

_HOUR = 3600.0
# seconds between a failure and the next attempt; after the twelfth the event is lost
RETRIES = (
    60.0, 600.0, _HOUR, 2 * _HOUR, 2 * _HOUR, 2 * _HOUR,
    4 * _HOUR, 4 * _HOUR, 4 * _HOUR, 8 * _HOUR, 8 * _HOUR, 12 * _HOUR,
)  # fmt: skip
DUPLICATE = (
    -1
)  # in place of the failures: a copy of what was delivered, not repeated when it fails; -2 is its copy
MOST_DUPLICATES = 3
DUPLICATE_WITHIN = 10.0  # sandbox seconds between a delivery and its duplicate


@dataclass(order=True, frozen=True, slots=True)
class Delivery:
    """An event on its way. ``body`` is fixed by the first attempt; ``failures`` counts the ones so far."""

    due: datetime
    number: int
    event: Event
    body: str | None = None
    failures: int = 0


class Sender:
    """The queue of deliveries and the connections that work it off. ``signed`` makes the body of an event."""

    def __init__(
        self,
        signed: Callable[[Event], str],
        clock: Clock,
        switches: Callable[[], Switches],
        *,
        seed: int,
        time_scale: float,
    ) -> None:
        self.url: str | None = None
        self.queue: list[Delivery] = []
        self._signed = signed
        self._clock = clock
        self._switches = switches
        self._time_scale = time_scale
        self._number = 0
        self._under_way: dict[int, Delivery] = {}
        self._more = asyncio.Event()
        self.restart(seed)

    @property
    def pending(self) -> int:
        """Events that are not delivered yet, among them duplicates and those that wait for a retry."""
        return len(self.queue) + len(self._under_way)

    def list_waiting(self) -> list[Delivery]:
        """Everything that is not delivered yet, for the state file."""
        return [*self._under_way.values(), *self.queue]

    def take(self, event: Event) -> None:
        """Queue an event; reordering is a random wait."""
        window = self._switches().reorder_window
        self._push(event, self._rng.uniform(0, window) if window else 0.0)

    def restore(self, delivery: Delivery) -> None:
        """Queue a delivery that a state file kept."""
        self._number += 1
        heapq.heappush(self.queue, replace(delivery, number=self._number))
        self._more.set()

    def wake(self) -> None:
        """Look at the queue again: there is an address now."""
        self._more.set()

    def clear(self) -> None:
        """Forget everything that waits or is under way."""
        self.queue.clear()
        self._under_way.clear()

    def restart(self, seed: int) -> None:
        """Forget everything that waits or is under way, count from zero, and draw the luck of this seed."""
        self.clear()
        self._rng = random.Random(f"{seed}:sender")  # noqa: S311 - repeatable on purpose
        self.delivered = self.attempts = self.lost = 0

    async def run(self) -> None:
        """Deliver until cancelled."""
        # a receiver may close an idle connection just as it is used again, which would look like a refusal
        limits = httpx.Limits(max_connections=64, keepalive_expiry=2.0)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as client, asyncio.TaskGroup() as group:
            while True:
                await self._next_due()
                delivery = heapq.heappop(self.queue)
                self._under_way[delivery.number] = delivery
                group.create_task(self._attempt(client, delivery))

    async def _next_due(self) -> None:
        while True:
            self._more.clear()
            free = len(self._under_way) < self._switches().webhook_connections
            wait: float | None = None
            if self.queue and free and self.url is not None:
                wait = (self.queue[0].due - self._clock()).total_seconds()
                if wait <= 0:
                    return
                wait = min(wait, 0.05)
            # Not wait_for: that of Python 3.11 swallows a cancellation that comes as what it waits for does.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._more.wait()

    async def _attempt(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        body = self._signed(delivery.event) if delivery.body is None else delivery.body
        delivery = replace(delivery, body=body)
        # what a stop interrupts stays under way, for the state file: nobody knows whether it was heard
        self._under_way[delivery.number] = delivery
        self.attempts += 1
        accepted = await self._post(client, body)
        if self._under_way.pop(delivery.number, None) is None:
            return  # forgotten meanwhile
        if accepted:
            self._succeeded(delivery)
        else:
            self._failed(delivery)
        self._more.set()

    async def _post(self, client: httpx.AsyncClient, body: str) -> bool:
        switches = self._switches()
        url = self.url
        if url is None:
            return False
        try:
            async with asyncio.timeout(switches.webhook_timeout_seconds):
                headers = {"content-type": switches.webhook_content_type}
                answer = await client.post(url, content=body, headers=headers, timeout=None)
        # UnicodeError: the host in the Location of a redirect, which httpx reads even if nobody follows it
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError) as error:
            log.debug("webhook not delivered: %s", type(error).__name__)
            return False
        return answer.status_code == httpx.codes.OK

    def _succeeded(self, delivery: Delivery) -> None:
        copies = max(0, -delivery.failures)
        if copies == 0:
            self.delivered += 1
        if copies < MOST_DUPLICATES and self._rng.random() < self._switches().duplicate_probability:
            wait = self._rng.uniform(0, DUPLICATE_WITHIN)
            self._push(delivery.event, wait, delivery.body, DUPLICATE - copies)

    def _failed(self, delivery: Delivery) -> None:
        if delivery.failures <= DUPLICATE:
            return
        if delivery.failures >= len(RETRIES):
            self.lost += 1
            return
        self._push(delivery.event, RETRIES[delivery.failures], delivery.body, delivery.failures + 1)

    def _push(self, event: Event, seconds: float, body: str | None = None, failures: int = 0) -> None:
        self._number += 1
        due = self._clock() + timedelta(seconds=seconds / self._time_scale)
        heapq.heappush(self.queue, Delivery(due, self._number, event, body, failures))
        self._more.set()
