"""The state file: a world that survives a restart, and never seems to go back in time."""

import asyncio
import json
import os
import tempfile
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from milestones.errors import MilestonesError
from milestones.sandbox import bulk
from milestones.sandbox.app import Drop, Sandbox
from milestones.sandbox.collection import Collection
from milestones.sandbox.events import Event, private_pem, read_key
from milestones.sandbox.records import Account, Contact, Member, Subscription, Transaction
from milestones.sandbox.sender import Delivery
from milestones.sandbox.settings import SandboxSettings
from milestones.sandbox.wire import Document
from milestones.sandbox.world import Appointment, Clock, World

FORMAT = 1
# after an unclean end, what was told outside may be newer than the file: every revision jumps over that
REVISION_GAP = 100_000
_RECORDS: dict[str, type[Any]] = {
    "accounts": Account,
    "contacts": Contact,
    "members": Member,
    "subscriptions": Subscription,
    "transactions": Transaction,
}
_DOCUMENTS = (
    "coupons", "loyalty_coupons", "badges", "assignments", "rewards", "tiers",
    "earning_rules", "imports", "discounts", "checkouts",
)  # fmt: skip
_PLAIN = (
    "counter", "sequence", "emitted", "program", "tier_settings", "badge_order", "merged_contacts", "uploads",
    "unsubscribe_tokens",
)  # fmt: skip
R = TypeVar("R")


def load(settings: SandboxSettings, clock: Clock, drop: Drop | None) -> Sandbox | None:
    """The sandbox from its state file; None if there is none yet. Raises `MilestonesError` if it cannot be read.

    The number of the run goes up and is written down at once, so that no id is ever given twice.
    """
    path = settings.state_file
    if path is None or not path.exists():
        return None
    try:
        sandbox = _restored(json.loads(path.read_text()), settings, clock, drop)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MilestonesError(
            f"The sandbox's state file {path} cannot be used ({error}). Delete it to start with a new world, "
            "or name another one."
        ) from error
    _write(path, _snapshot(sandbox, clean=False))
    return sandbox


async def keep(sandbox: Sandbox) -> None:
    """Save every few seconds while something changes, until cancelled. Writing happens in another thread."""
    path = sandbox.settings.state_file
    if path is None:
        return
    saved = -1
    while True:
        changes = _changes(sandbox)
        if changes != saved:
            # records are immutable, so that a shallow copy made here is a consistent picture
            await asyncio.to_thread(_write, path, _snapshot(sandbox, clean=False))
            saved = changes
        await asyncio.sleep(sandbox.settings.save_seconds)


def close(sandbox: Sandbox) -> None:
    """Save for the last time, and say in the file that the end was orderly."""
    path = sandbox.settings.state_file
    if path is not None:
        _write(path, _snapshot(sandbox, clean=True))


def _changes(sandbox: Sandbox) -> int:
    return sandbox.world.changes + sandbox.world.emitted + sandbox.sender.attempts


def _snapshot(sandbox: Sandbox, *, clean: bool) -> Document:
    world = sandbox.world
    return {
        "format": FORMAT,
        "clean": clean,
        "seed": world.seed,
        "run": world.run,
        "key": private_pem(sandbox.key),
        "switches": world.switches.model_dump(mode="json"),
        "webhook_url": sandbox.sender.url,
        "plain": {name: _copied(getattr(world, name)) for name in _PLAIN},
        "records": {name: list(getattr(world, name)) for name in _RECORDS},
        "documents": {name: list(getattr(world, name)) for name in _DOCUMENTS},
        "agenda": list(world.agenda),
        "deliveries": sandbox.sender.waiting(),
        "delivered": sandbox.sender.delivered,
    }


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


def _write(path: Path, snapshot: Document) -> None:
    """Replace the file in one step: a reader, or a crash, sees the old one or the new one."""
    encoded = json.dumps({**snapshot, **_encoded(snapshot)}, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _encoded(snapshot: Document) -> Document:
    rows = {
        name: [[getattr(one, field.name) for field in fields(_RECORDS[name])] for one in records]
        for name, records in snapshot["records"].items()
    }
    agenda = [[one.due.isoformat(), one.number, one.what, one.details] for one in snapshot["agenda"]]
    deliveries = [
        [one.due.isoformat(), one.event.type, one.event.data, one.event.identity, one.body, one.failures]
        for one in snapshot["deliveries"]
    ]
    return {"records": rows, "agenda": agenda, "deliveries": deliveries}


def _restored(content: Document, settings: SandboxSettings, clock: Clock, drop: Drop | None) -> Sandbox:
    if content["format"] != FORMAT:
        raise ValueError("it has another format")
    key = read_key(content["key"])
    url = settings.webhook_url or content["webhook_url"]
    sandbox = Sandbox(settings.model_copy(update={"webhook_url": url}), clock, key, drop)
    world = sandbox.empty_world(content["seed"], settings.switches)
    world.run = content["run"] + 1
    for name, value in content["plain"].items():
        setattr(world, name, value)
    for name, rows in content["records"].items():
        _fill(getattr(world, name), [_RECORDS[name](*row) for row in rows])
    for name, documents in content["documents"].items():
        _fill(getattr(world, name), documents)
    if not content["clean"]:
        _jump(world)
    world.agenda = [
        Appointment(datetime.fromisoformat(due), number, what, details)
        for due, number, what, details in content["agenda"]
    ]
    sandbox.enter(world)
    sandbox.traffic.start(clock(), settings.earn_per_second, settings.redeem_share, None)
    bulk.plan_recalculation(world)
    sandbox.sender.delivered = content["delivered"]
    for due, event_type, data, identity, body, failures in content["deliveries"]:
        event = Event(event_type, data, identity)
        sandbox.sender.restore(Delivery(datetime.fromisoformat(due), 0, event, body, failures))
    return sandbox


def _fill(collection: Collection[R], records: list[R]) -> None:
    for record in records:
        collection.put(record)


def _jump(world: World) -> None:
    world.sequence += REVISION_GAP * 10
    for account in list(world.accounts):
        world.accounts.put(replace(account, revision=account.revision + REVISION_GAP))
    for contact in list(world.contacts):
        world.contacts.put(replace(contact, revision=contact.revision + REVISION_GAP))
