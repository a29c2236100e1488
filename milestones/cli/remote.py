"""How commands change something: through the running daemon, or with its lock when none runs."""

import asyncio

from milestones.cli import client
from milestones.cli.client import NotRunningError
from milestones.commands.models.command import A, Command, P, Report
from milestones.commands.models.daemon import GetStatus, StatusAnswer
from milestones.config import Settings


def carry_out(
    settings: Settings,
    command: Command[A, P],
    *,
    report: Report[P] = lambda _report: None,
    asks_wix: bool = False,
) -> A:
    """Have a command carried out and return its answer. Raises MilestonesError.

    settings: may have been read without secrets, which a daemon keeps from the person at the terminal.
    asks_wix: without a daemon, it needs the whole program and not the database alone.
    """
    return asyncio.run(_carry_out(settings, command, report, asks_wix=asks_wix))


async def _carry_out(settings: Settings, command: Command[A, P], report: Report[P], *, asks_wix: bool) -> A:
    try:
        return await client.ask(settings.daemon.socket, command, report)
    except NotRunningError:
        pass
    # Only here, since it brings the whole program along, and most commands find a daemon.
    from milestones.cli import offline  # noqa: PLC0415

    return await offline.carry_out(settings, command, report, asks_wix=asks_wix)


def daemon_status(settings: Settings) -> StatusAnswer | None:
    """What the running daemon says of itself, or None when none runs."""
    try:
        return asyncio.run(client.ask(settings.daemon.socket, GetStatus()))
    except NotRunningError:
        return None
