"""How commands change something: through the running daemon, or with its lock when none runs."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from milestones.cli import client
from milestones.cli.client import NotRunningError
from milestones.cli.options import settings_at
from milestones.cli.readonly import require_current
from milestones.commands.models.command import A, Command, P, Report
from milestones.commands.models.daemon import GetStatus, StatusAnswer
from milestones.config import Settings
from milestones.config.settings import SiteSettings
from milestones.errors import UsageError
from milestones.store.database import schema
from milestones.store.database.daemon_lock import held


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
    from milestones.cli.offline import at_store, at_wix  # noqa: PLC0415
    from milestones.commands import registry  # noqa: PLC0415

    with held(settings.daemon.database.get_secret_value()), _log_of_a_command():
        if asks_wix:
            # The daemon has its secrets; whoever works in its place needs them, and is told of all that are missing.
            settings = settings_at(settings.path)
            await _refuse_unknown_site(settings, getattr(command, "site", None))
        else:
            await require_current(settings)
        async with (at_wix if asks_wix else at_store)(settings) as host:
            return await registry.carry_out(host, command, report)


async def _refuse_unknown_site(settings: Settings, named: str | None) -> None:
    """No database is made for a site that there is none of. One that is there knows more than the configuration."""
    if named is None or await schema.standing(settings.daemon.database.get_secret_value()) != "empty":
        return
    sites = settings.list_sites()
    known = {name.casefold() for site in sites for name in (site.name, *_ids(site)) if name}
    if named.strip().casefold() not in known:
        names = ", ".join(site.name or next(_ids(site), "") for site in sites)
        raise UsageError(f"There is no site {named!r}; the configuration names {names or 'none'}.")


def _ids(site: SiteSettings) -> Iterator[str]:
    yield from (one for one in (site.instance_id, site.site_id) if one is not None)


@contextmanager
def _log_of_a_command() -> Iterator[None]:
    """Stdout is for the answer, and a command's own result says what went well: only trouble is logged."""
    former = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**former)


def daemon_status(settings: Settings) -> StatusAnswer | None:
    """What the running daemon says of itself, or None when none runs."""
    try:
        return asyncio.run(client.ask(settings.daemon.socket, GetStatus()))
    except NotRunningError:
        return None
