"""The orders by name. Each takes a host, what was asked as JSON, and whom to tell how far it is."""

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from milestones.commands import (
    backfill,
    optout,
    outbox,
    pause,
    rejected,
    scan,
    verify,
)
from milestones.commands.host import Host
from milestones.control import Operation, Progress
from milestones.store.database.store import trouble

Order = Callable[[Host, Mapping[str, Any], Progress], Awaitable[Any]]
"""Raises MilestonesError with a sentence."""


async def reload(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Put the configuration into force as it is in the file now, or refuse it whole.

    Returns when nothing is under way any more that began by the former one.
    """
    del arguments
    configuration = await host.reload()
    await host.program.flights.landed(tell=lambda left: progress({"under_way": left}))
    return {"configuration": configuration}


async def status(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Who answers here, and whether its database serves it. Changes nothing."""
    del arguments, progress
    return {
        "pid": os.getpid(),
        "configuration": host.program.rules.site("").configuration,
        "database": await trouble(host.program.store) or "serves",
    }


async def configuration(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """What the configuration in force was read from, for commands that look into the database by it."""
    del arguments, progress
    settings = host.settings
    text, environ, uses = settings.source
    return {
        "path": str(settings.path.absolute()),
        "text": text,
        "environ": dict(environ),
        "uses": {template: sorted(groups) for template, groups in uses.items()},
    }


ORDERS: Mapping[str, Order] = {
    "optout_import": optout.import_list,
    "outbox_retry": outbox.retry,
    "outbox_release": outbox.release,
    "outbox_hold": outbox.hold,
    "outbox_cancel": outbox.cancel,
    "outbox_resolve": outbox.resolve,
    "pause": pause.pause,
    "resume": pause.resume,
    "scan": scan.scan,
    "scan_dry_run": scan.dry_run,
    "rejected_replay": rejected.replay,
    "backfill": backfill.backfill,
    "verify": verify.verify,
    "reload": reload,
    "status": status,
    "configuration": configuration,
}


def registry(host: Host) -> dict[str, Operation]:
    """The orders, bound to where they are carried out."""
    return {name: partial(order, host) for name, order in ORDERS.items()}
