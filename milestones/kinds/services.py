"""What the channels of one site are built from."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from milestones.config.settings import Settings, SiteSettings
from milestones.external.connector import Connector
from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.rendering import Catalogue
from milestones.kinds.email.transport import Transport
from milestones.kinds.program import SiteProgram
from milestones.store.database.store import Store
from milestones.wix.account import Account
from milestones.wix.transport import WixClient


@dataclass(frozen=True, slots=True)
class SiteServices:
    """What the channels of one site may use.

    settings: those by which they are built. site: of them, what holds for this site. current: those in force, which may
    be others by the time of an effect. secret: of this installation; see ``domain.keys``. http: without credentials.
    observe: takes an account as Wix has just told of it: an observation like any other.
    programs: those that the site is kept in step with, by name. clock: the time now, UTC.
    """

    site_id: str
    settings: Settings
    site: SiteSettings
    current: Callable[[], Settings]
    secret: bytes = field(repr=False)
    client: WixClient
    store: Store
    http: httpx.AsyncClient
    gatekeeper: Gatekeeper
    program: SiteProgram
    catalogue: Catalogue
    transport: Transport
    observe: Callable[[Account], Awaitable[None]]
    programs: Mapping[str, Connector]
    clock: Callable[[], datetime]
