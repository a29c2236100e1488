"""What the daemon answers over HTTP: the doors, the pages and the API, put together over what runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog
from starlette.types import ASGIApp

from milestones.app.runtime import Runtime
from milestones.commands.running import Running
from milestones.config.settings import Settings
from milestones.domain import keys
from milestones.observability.metrics import Metrics
from milestones.store.people import people
from milestones.views.notices import callback_notices
from milestones.views.page import Overview
from milestones.views.timeline import Timeline
from milestones.web import password
from milestones.web.access import ONLY_HERE, Access
from milestones.web.api.app import ApiServices, create_api
from milestones.web.app import create_app
from milestones.web.services import WebServices

_log = structlog.get_logger(__name__)


def create(
    runtime: Runtime,
    running: Running,
    *,
    access: Callable[[], Access],
    hear_program: Callable[[str, Mapping[str, str], bytes], Awaitable[None]],
    unsubscribed: asyncio.Event,
) -> ASGIApp:
    """The application. running: carries out the commands of the API. access: who may see the pages now.

    hear_program: takes the events of another program. unsubscribed: set when somebody wants no more mails.
    """
    happenings = Timeline(runtime.store, lambda: runtime.settings, runtime.clock)

    async def overview() -> Overview:
        """With what only this process knows."""
        found = await happenings.overview()
        return replace(found, notices=[*found.notices, *callback_notices(count_mistyped(runtime.metrics))])

    async def unsubscribe(token: str) -> bool:
        key = keys.open_token(runtime.rules.secret, token)
        if key is None:
            return False
        async with runtime.store.write() as tx:
            await people.suppress(tx, [key], "unsubscribed", runtime.clock())
        unsubscribed.set()
        return True

    return create_app(
        WebServices(
            receive=runtime.door.receive,
            recognise=lambda token: keys.open_token(runtime.rules.secret, token) is not None,
            unsubscribe=unsubscribe,
            greet=runtime.earn.greet,
            receive_event=runtime.earn.receive,
            look_at_claim=runtime.claims.look,
            claim=runtime.claims.claim,
            hear_program=hear_program,
            readiness=happenings.readiness,
            overview=overview,
            recent=happenings.recent,
            mail=happenings.mail,
            metrics=runtime.metrics,
            access=access,
            api=_create_api(runtime, running, access),
            clock=runtime.clock,
            zone=lambda: runtime.settings.daemon.timezone,
        )
    )


def _create_api(runtime: Runtime, running: Running, access: Callable[[], Access]) -> ASGIApp:
    return create_api(
        ApiServices(
            running=running,
            store=runtime.store,
            secret=runtime.rules.secret,
            settings=lambda: runtime.settings.api,
            access=access,
            metrics=runtime.metrics,
            clock=runtime.clock,
        )
    )


def count_mistyped(metrics: Metrics) -> int:
    """Genuine webhooks that came to a mistyped address since this process began."""
    name, served = "milestones_mistyped_callbacks_total", {"outcome": "served"}
    return int(metrics.registry.get_sample_value(name, served) or 0)


def read_access(settings: Settings) -> Access:
    """Who may see the operator's pages. Raises ConfigurationError for a password file that cannot be used."""
    daemon = settings.daemon
    # Read once now, so that it is told with a sentence before anybody visits.
    closed = password.read(daemon.password_file) is None
    access = Access(daemon.host, daemon.public_url, lambda: password.read(daemon.password_file))
    if closed and access.beyond_this_machine:
        _log.warning("pages_closed", reason=ONLY_HERE)
    return access
