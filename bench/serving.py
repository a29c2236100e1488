"""The servers under measurement, each in a process of its own: ``python -m bench.serving KIND FOLDER``.

echo    a bare ASGI application that reads the body and sends it back: what the server itself can do
naive   signature, envelope, decision, and a transaction for each request
ours    the product: the same, and whoever arrives during a commit shares the next one

All three run on the same uvicorn with the same settings. The folder holds ``key.pem`` and gets the database.
Prints the port; serves until its input ends; prints the seconds of CPU that serving took.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.webhooks import SITE
from milestones.config.public_key import load_public_key
from milestones.domain.event import Heard
from milestones.domain.milestone import Milestone, Near, Repeat
from milestones.domain.observation import Measure
from milestones.domain.policy import Breaker
from milestones.ingest.door import Door
from milestones.ingest.inbox import Inbox
from milestones.kinds.coupon.payload import Coupon, Discount
from milestones.kinds.email.payload import Email
from milestones.observability.metrics import Metrics
from milestones.pipeline import observe
from milestones.pipeline.context import SiteRules
from milestones.store import sites
from milestones.store.database import schema
from milestones.store.database.store import Store
from milestones.web.server import bind, serve
from milestones.web.webhooks import WebhookRoute


def now() -> datetime:
    return datetime.now(UTC)


def milestones() -> tuple[Milestone, ...]:
    """One at every 1,000 points up to 20,000, each with a coupon and a mail."""
    coupon = Coupon("10% off", Discount.PERCENT_OFF, "10", "stores", None, timedelta(days=30))
    near = Near(100, "almost-there", frozenset({"points"}), timedelta(days=30), 2)
    return tuple(
        Milestone(
            key=f"stars-{threshold}",
            title=f"{threshold:,} stars",
            measure=Measure.BALANCE,
            threshold=threshold,
            repeat=Repeat.ONCE,
            rewards=(coupon, Email("milestone-reached", frozenset({"coupon"}))),
            near=near,
        )
        for threshold in range(1000, 21_000, 1000)
    )


@dataclass
class Rules:
    """``pipeline.Rules`` of a shop with twenty milestones and a breaker that never trips."""

    secret: bytes = b"a secret of thirty-two bytes ...."

    def site(self, site_id: str) -> SiteRules:
        del site_id
        return SiteRules(milestones(), Breaker(1.0, 1_000_000), "bench", shadow=False)

    def new_site(self, site_id: str) -> str:
        del site_id
        return "ignore"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body and sends it back."""
    del scope
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def opened(folder: Path) -> Store:
    """A new database with a site that has gone live."""
    url = f"sqlite:///{folder / 'bench.db'}"
    await schema.prepare(url)
    store = await Store.open(url)
    async with store.write() as tx:
        moment = now() - timedelta(days=1)
        await sites.take_on(tx, SITE, "bench", moment)
        await sites.define(tx, SITE, milestones(), moment)
    return store


def door(take: Callable[[Heard], Awaitable[None]], folder: Path, metrics: Metrics) -> Door:
    key = load_public_key((folder / "key.pem").read_text())
    return Door(lambda: key, now, take, _keep, metrics)


async def _keep(site_id: str | None, event_type: str | None, reason: str, body: bytes) -> None:
    del site_id, event_type, body
    raise AssertionError(reason)


async def run(kind: str, folder: Path) -> None:
    if kind == "echo":
        await until_input_ends(echo)
        return
    store, rules, metrics = await opened(folder), Rules(), Metrics(CollectorRegistry())

    async def record(batch: Sequence[Heard]) -> None:
        await observe.hear(store, rules, batch, now())

    try:
        if kind == "naive":
            alone = door(lambda heard: record([heard]), folder, metrics)
            await until_input_ends(WebhookRoute(alone.receive, metrics))
        else:
            inbox = Inbox(record, metrics)
            async with asyncio.TaskGroup() as group:
                group.create_task(inbox.run())
                await until_input_ends(WebhookRoute(door(inbox.take, folder, metrics).receive, metrics))
                inbox.close()
    finally:
        await store.close()


async def until_input_ends(app: ASGIApp) -> None:
    sockets, stop = bind("127.0.0.1", 0), asyncio.Event()
    print(sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), partial(_ended, loop, stop))
    began = time.process_time()
    await serve(app, sockets, stop, finish_within=5)
    print(time.process_time() - began)


def _ended(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.remove_reader(sys.stdin.fileno())
    stop.set()


if __name__ == "__main__":
    # As the daemon logs by default; what structlog does unasked would print to the pipe that tells the port.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
