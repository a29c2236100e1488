"""What works for one site, put together from settings: client, channels, gates. Part of the composition root."""

import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from milestones.config.external import ExternalTable
from milestones.config.mail import MailSettings as MailTable
from milestones.config.settings import Settings, SiteSettings
from milestones.errors import ConfigurationError
from milestones.external.connector import Connector
from milestones.kinds import registry
from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.folder import FolderTransport
from milestones.kinds.email.rendering import Catalogue
from milestones.kinds.email.site import SiteConsent
from milestones.kinds.email.smtp import SmtpSettings, SmtpTransport, Tls
from milestones.kinds.email.transport import Transport
from milestones.kinds.program import SiteProgram
from milestones.kinds.services import SiteServices
from milestones.observability.metrics import Metrics
from milestones.outbox.flights import Flights
from milestones.outbox.gates import Policy
from milestones.outbox.work import SiteWork
from milestones.store.database.store import Store
from milestones.wix.account import Account
from milestones.wix.auth import ApiKeyCredentials, AppCredentials, Credentials
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient
from wixsandbox.server import RunningSandbox


@dataclass(slots=True)
class Wix:
    """How Wix is reached: the real one, or the sandbox inside this process."""

    base_url: str
    app_id: str | None
    app_secret: str | None = field(repr=False)
    public_key: RSAPublicKey | None
    sandbox: RunningSandbox | None = None


@dataclass(slots=True)
class SiteParts:
    """What works for one site; built at its first use and after a reload."""

    settings: SiteSettings
    client: WixClient
    gatekeeper: Gatekeeper
    program: SiteProgram
    programs: Mapping[str, Connector]
    work: SiteWork


class Assembly:
    """Builds the parts of sites at their first use, and keeps them until a reload.

    settings: the configuration in force. observe: takes an account of a site as Wix has just told of it. stopping: whether effects that have not begun must not begin.
    flights: what is under way.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        *,
        store: Store,
        secret: bytes,
        http: httpx.AsyncClient,
        wix: Wix,
        metrics: Metrics,
        observe: Callable[[str, Account], Awaitable[None]],
        clock: Callable[[], datetime],
        stopping: Callable[[], bool],
        flights: Flights,
    ) -> None:
        self._settings = settings
        self._store = store
        self._secret = secret
        self._http = http
        self._wix = wix
        self._metrics = metrics
        self._observe = observe
        self._clock = clock
        self._stopping = stopping
        self._flights = flights
        self._catalogue = Catalogue(settings().daemon.templates)
        self._parts: dict[str, SiteParts] = {}
        self._clients: dict[tuple[str, Credentials], WixClient] = {}
        self._transports: dict[Path | SmtpSettings, Transport] = {}
        self._connectors: dict[tuple[str, str], Connector] = {}

    def parts(self, site_id: str) -> SiteParts:
        """What works for a site."""
        if site_id not in self._parts:
            self._parts[site_id] = self._build(site_id, self._settings(), self._catalogue)
        return self._parts[site_id]

    def build_parts(
        self, settings: Settings, catalogue: Catalogue, site_ids: Iterable[str]
    ) -> dict[str, SiteParts]:
        """What would work for these sites under other settings, so that what cannot be built is told before they are in
        force. Raises ConfigurationError.
        """
        return {site_id: self._build(site_id, settings, catalogue) for site_id in site_ids}

    def client(self, site_id: str) -> WixClient:
        """The site's access to Wix. It outlives a reload, with its token and its pace, unless its key is another.

        Raises ConfigurationError for a site that the configuration gives no key to.
        """
        return self._client(site_id, self._settings())

    def _client(self, site_id: str, settings: Settings) -> WixClient:
        credentials = self._credentials(site_id, settings)
        if (site_id, credentials) not in self._clients:
            self._clients[site_id, credentials] = WixClient(
                self._http,
                self._wix.base_url,
                credentials,
                SlidingWindowPacer(settings.wix.requests_per_minute),
                self._clock,
                observer=self._count_call,
                internal_root=settings.wix.internal_root,
            )
        return self._clients[site_id, credentials]

    def _count_call(self, _method: str, _path: str, status: int | None, seconds: float) -> None:
        self._metrics.wix_calls.labels(str(status or 0)).inc()
        self._metrics.wix_seconds.observe(seconds)

    def _credentials(self, site_id: str, settings: Settings) -> Credentials:
        site = settings.for_site(site_id)
        if site.api_key is not None and site.site_id is not None:
            return ApiKeyCredentials(site.api_key.get_secret_value(), site.site_id)
        if self._wix.app_id is None or self._wix.app_secret is None:
            # Of a site with an instance id it is demanded; but the database may know one that is named no more.
            fault = f"sites: the site {site_id} is not named, and without wix.app_id it cannot be reached."
            raise ConfigurationError([f"{fault} Name it with its api_key and site_id."])
        return AppCredentials(self._wix.app_id, self._wix.app_secret, site_id)

    def _build(self, site_id: str, settings: Settings, catalogue: Catalogue) -> SiteParts:
        site, client, secret = settings.for_site(site_id), self._client(site_id, settings), self._secret
        consent = SiteConsent(client, self._store, secret)
        gatekeeper = Gatekeeper(site_id, consent.statuses, consent.find_suppressed_forms, site.mail.only_to)
        program = SiteProgram(
            client, self._store, site_id, fallback_name=site.name or "the shop", clock=self._clock
        )
        programs = {
            external.name: self._connector(site_id, external) for external in settings.externals_of(site_id)
        }
        services = SiteServices(
            site_id=site_id,
            settings=settings,
            site=site,
            current=self._settings,
            secret=secret,
            client=client,
            store=self._store,
            http=self._http,
            gatekeeper=gatekeeper,
            program=program,
            catalogue=catalogue,
            transport=self.transport(site.mail),
            observe=partial(self._observe, site_id),
            programs=programs,
            clock=self._clock,
        )
        work = SiteWork(
            site_id=site_id,
            store=self._store,
            channels=registry.build_channels(services),
            policy=Policy(site.policy.quiet_hours, site.timezone),
            clock=self._clock,
            random=random.random,
            shadow=settings.daemon.mode == "shadow",
            flights=self._flights,
            stopping=self._stopping,
            settled=lambda kind, state, _verdict: self._metrics.actions.labels(kind, state).inc(),
        )
        return SiteParts(site, client, gatekeeper, program, programs, work)

    def _connector(self, site_id: str, external: ExternalTable) -> Connector:
        """Another program's client. It outlives a reload, with its token and its pace, unless it is described anew."""
        known = self._connectors.get((site_id, external.name))
        if known is None or known.external != external:
            self._connectors[site_id, external.name] = Connector(external, self._http, self._clock)
        return self._connectors[site_id, external.name]

    def transport(self, mail: MailTable) -> Transport:
        """The way out for mails; sites that share a server share its connections and its pace."""
        way = _way(mail)
        if way not in self._transports:
            self._transports[way] = _carrier(way)
        return self._transports[way]

    def renew(self, catalogue: Catalogue, parts: Mapping[str, SiteParts]) -> None:
        """Work with these parts, and build any other anew at its next use, but for what is worth keeping: tokens, paces,
        mail connections.
        """
        self._catalogue = catalogue
        self._parts = dict(parts)

    async def aclose(self) -> None:
        """Let go of mail connections."""
        for transport in self._transports.values():
            await transport.aclose()


def carrier(mail: MailTable) -> Transport:
    """The way out for mails that these settings name."""
    return _carrier(_way(mail))


def _carrier(way: Path | SmtpSettings) -> Transport:
    return FolderTransport(way) if isinstance(way, Path) else SmtpTransport(way)


def _way(mail: MailTable) -> Path | SmtpSettings:
    """Of the settings for mail, those that say where it goes out, and not what it says."""
    if mail.transport == "folder":
        return mail.folder
    assert mail.host is not None, "the configuration demands it for smtp"
    return SmtpSettings(
        host=mail.host,
        port=mail.port,
        tls=Tls(mail.tls),
        username=mail.username,
        password=mail.password.get_secret_value() if mail.password is not None else None,
        hello=mail.hello,
        connections=mail.connections,
        per_minute=mail.per_minute,
    )
