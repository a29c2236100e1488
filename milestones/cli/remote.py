"""How commands change something: through the running daemon, or with its lock when none runs."""

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from milestones import control
from milestones.cli.options import settings_at
from milestones.cli.readonly import require_current
from milestones.config import Settings
from milestones.config.settings import SiteSettings
from milestones.control import NotRunningError, Progress
from milestones.errors import UsageError
from milestones.store.database import schema
from milestones.store.database.daemon_lock import held


def order(
    settings: Settings,
    name: str,
    arguments: Mapping[str, Any],
    *,
    progress: Progress = lambda _told: None,
    asks_wix: bool = False,
) -> Any:
    """Have an order of ``commands.registry`` carried out and return its result. Raises MilestonesError.

    settings: may have been read without secrets, which a daemon keeps from the person at the terminal.
    asks_wix: without a daemon, it needs the whole program and not the database alone.
    """
    return asyncio.run(_ordered(settings, name, arguments, progress, asks_wix=asks_wix))


async def _ordered(
    settings: Settings, name: str, arguments: Mapping[str, Any], progress: Progress, *, asks_wix: bool
) -> Any:
    try:
        return await control.ask(settings.daemon.socket, name, arguments, progress)
    except NotRunningError:
        pass
    # Only here, since it brings the whole program along, and most commands find a daemon.
    from milestones.cli.offline import at_store, at_wix  # noqa: PLC0415
    from milestones.commands.registry import ORDERS  # noqa: PLC0415

    with held(settings.daemon.database.get_secret_value()), _log_of_a_command():
        if asks_wix:
            # The daemon has its secrets; whoever works in its place needs them, and is told of all that are missing.
            settings = settings_at(settings.path)
            await _refuse_unknown_site(settings, arguments.get("site"))
        else:
            await require_current(settings)
        async with (at_wix if asks_wix else at_store)(settings) as host:
            return await ORDERS[name](host, arguments, progress)


async def _refuse_unknown_site(settings: Settings, named: str | None) -> None:
    """No database is made for a site that there is none of. One that is there knows more than the configuration."""
    if named is None or await schema.standing(settings.daemon.database.get_secret_value()) != "empty":
        return
    sites = settings.named_sites()
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


def daemon_status(settings: Settings) -> Mapping[str, Any] | None:
    """What the running daemon says of itself, or None when none runs."""
    try:
        told: Mapping[str, Any] = asyncio.run(control.ask(settings.daemon.socket, "status", {}))
    except NotRunningError:
        return None
    return told
