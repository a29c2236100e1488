"""The state file: a world that survives a restart, and never seems to go back in time."""

import asyncio
import fcntl
import gc
import glob
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from wixsandbox import bulk
from wixsandbox.collection import Collection
from wixsandbox.errors import SandboxError
from wixsandbox.events import Event, private_pem, read_key
from wixsandbox.records import Account, Contact, Member, Subscription, Transaction
from wixsandbox.sender import Delivery
from wixsandbox.settings import SandboxSettings
from wixsandbox.simulator import Drop, Sandbox
from wixsandbox.wire import Document
from wixsandbox.world import Appointment, Clock, World

log = logging.getLogger("wixsandbox")

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


@contextmanager
def hold_file(path: Path | None) -> Iterator[None]:
    """Keep every other sandbox off this state file: each would write over what the other saved. Raises
    `SandboxError` if another has it, or it cannot be written.
    """
    if path is None:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("a")
    except OSError as error:
        raise _write_in_thread_error(path, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SandboxError(
                f"Another sandbox is running on the state file {path}. Stop it, or name another file."
            ) from error
        yield


def load(settings: SandboxSettings, clock: Clock, drop: Drop | None) -> Sandbox | None:
    """The sandbox from its state file; None if there is none yet. Raises `SandboxError` if it cannot be read.

    The file wins over ``seed`` and ``customers``. A second file, ``<state file>.open``, exists while a sandbox runs:
    finding it means that the last end was not orderly. It holds the number of the run, so that ids are never
    given twice.
    """
    path = settings.state_file
    if path is None or not path.exists():
        return None
    mark = _mark(path)
    collecting = gc.isenabled()
    gc.disable()  # everything that is read is kept
    try:
        content = json.loads(path.read_text())
        orderly = not mark.exists()
        run = content["run"] if orderly else max(content["run"], int(mark.read_text() or 0))
        return _restore(content, settings, clock, drop, run=run + 1, orderly=orderly)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SandboxError(
            f"The sandbox's state file {path} cannot be used ({error}). Delete it to start with a new world, "
            "or name another one."
        ) from error
    finally:
        if collecting:
            gc.enable()


def mark_open(sandbox: Sandbox) -> None:
    """Leave a mark that a sandbox runs on this file. Raises `SandboxError` if it cannot be written."""
    path = sandbox.settings.state_file
    if path is None:
        return
    try:
        for unfinished in path.parent.glob(f"{glob.escape(_temporary(path))}*"):
            unfinished.unlink()  # a crash came while it was written
        _mark(path).write_text(str(sandbox.world.run))
        if not path.exists():
            _write(path, _snapshot(sandbox))
    except OSError as error:
        raise _write_in_thread_error(path, error) from error


async def keep(sandbox: Sandbox) -> None:
    """Save every few seconds while something changes, until cancelled. Writing happens in another thread."""
    path = sandbox.settings.state_file
    if path is None:
        return
    saved = _changes(sandbox)
    pause = sandbox.settings.save_seconds
    while True:
        await asyncio.sleep(pause)
        changes = _changes(sandbox)
        if changes == saved:
            continue
        began = time.monotonic()
        # records are immutable, so that a shallow copy made here is a consistent picture
        try:
            await _write_in_thread(path, _snapshot(sandbox))
            saved = changes
        except OSError as error:
            log.warning("the sandbox's state was not saved: %s", error.strerror)
        pause = max(sandbox.settings.save_seconds, 5 * (time.monotonic() - began))


async def _write_in_thread(path: Path, snapshot: Document) -> None:
    writing = asyncio.ensure_future(asyncio.to_thread(_write, path, snapshot))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        # an older picture that is still being written must not overtake the last one
        await asyncio.wait([writing])
        raise


def close(sandbox: Sandbox) -> None:
    """Save for the last time, and take the mark away: the end was orderly. Raises `SandboxError` if it cannot."""
    path = sandbox.settings.state_file
    if path is None:
        return
    try:
        _write(path, _snapshot(sandbox))
        _mark(path).unlink(missing_ok=True)
    except OSError as error:
        raise _write_in_thread_error(path, error) from error


def _write_in_thread_error(path: Path, error: OSError) -> SandboxError:
    return SandboxError(
        f"The sandbox cannot write its state file {path} ({error.strerror or error}). "
        "Make the folder writable, or name another file."
    )


def _temporary(path: Path) -> str:
    return f".{path.name}."


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.open")


def _changes(sandbox: Sandbox) -> tuple[World, int]:
    """Equal as long as there is nothing new to save. A reset counts from zero again, in another world."""
    return sandbox.world, sandbox.world.changes + sandbox.world.emitted + sandbox.sender.attempts


def _snapshot(sandbox: Sandbox) -> Document:
    world = sandbox.world
    return {
        "format": FORMAT,
        "seed": world.seed,
        "run": world.run,
        "key": private_pem(sandbox.key),
        "webhook_url": sandbox.sender.url,
        "plain": {name: _copy(getattr(world, name)) for name in _PLAIN},
        "records": {name: list(getattr(world, name)) for name in _RECORDS},
        "documents": {name: list(getattr(world, name)) for name in _DOCUMENTS},
        "agenda": list(world.agenda),
        "deliveries": sandbox.sender.list_waiting(),
        "delivered": sandbox.sender.delivered,
        "attempts": sandbox.sender.attempts,
        "lost": sandbox.sender.lost,
    }


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, dict | list) else value


def _write(path: Path, snapshot: Document) -> None:
    """Replace the file in one step: a reader, or a crash, sees the old one or the new one."""
    encoded = json.dumps({**snapshot, **_encode(snapshot)}, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_temporary(path))
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _encode(snapshot: Document) -> Document:
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


def _restore(
    content: Document, settings: SandboxSettings, clock: Clock, drop: Drop | None, *, run: int, orderly: bool
) -> Sandbox:
    if content["format"] != FORMAT:
        raise ValueError("it has another format")
    key = read_key(content["key"])
    url = settings.webhook_url or content["webhook_url"]
    sandbox = Sandbox(settings.model_copy(update={"webhook_url": url}), clock, key, drop)
    world = sandbox.empty_world(content["seed"], settings.switches)
    world.run = run
    for name, value in content["plain"].items():
        setattr(world, name, value)
    for name, rows in content["records"].items():
        _fill(getattr(world, name), [_RECORDS[name](*row) for row in rows])
    for name, documents in content["documents"].items():
        _fill(getattr(world, name), documents)
    if not orderly:
        _jump(world)
    world.agenda = [
        Appointment(datetime.fromisoformat(due), number, what, details)
        for due, number, what, details in content["agenda"]
    ]
    sandbox.enter(world)
    sandbox.traffic.start(clock(), settings.earn_per_second, settings.redeem_share, None)
    bulk.plan_recalculation(world)
    sandbox.sender.delivered = content["delivered"]
    sandbox.sender.attempts, sandbox.sender.lost = content.get("attempts", 0), content.get("lost", 0)
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
