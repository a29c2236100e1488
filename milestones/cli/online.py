"""``milestones check --online``: tries Wix, the mail server and DNS, and changes nothing anywhere."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.utils import parseaddr

import httpx

from milestones.cli import dns_records
from milestones.cli.outcome import Outcome, Trial
from milestones.config import MailSettings, Settings, SiteSettings
from milestones.errors import MailError
from milestones.kinds.email.smtp import SmtpSettings, SmtpTransport, Tls
from milestones.wix import programs
from milestones.wix.auth import ApiKeyCredentials, AppCredentials, Credentials
from milestones.wix.errors import WixError
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient


async def trials(
    settings: Settings,
    http: httpx.AsyncClient,
    clock: Callable[[], datetime],
    lookup: dns_records.Lookup,
) -> AsyncIterator[Trial]:
    """Each as it ends. Mails of sites that have a mail server of their own are tried too."""
    async for trial in _wix(settings, http, clock):
        yield trial
    mails = dict.fromkeys([settings.mail, *(site.mail for site in settings.list_sites())])
    for mail in mails:
        async for trial in _mail(mail, lookup):
            yield trial


async def _wix(
    settings: Settings, http: httpx.AsyncClient, clock: Callable[[], datetime]
) -> AsyncIterator[Trial]:
    if settings.wix.sandbox:
        yield Trial("Wix", Outcome.UNTRIED, "the sandbox runs inside the daemon; there is nothing to reach")
        return
    if not settings.sites:
        yield Trial(
            "Wix", Outcome.UNTRIED, "no [[sites]] entry names an installation to try the app's keys with"
        )
    for site in settings.list_sites():
        client = WixClient(
            http,
            settings.wix.api_url,
            _credentials(settings, site),
            SlidingWindowPacer(settings.wix.requests_per_minute),
            clock,
            read_attempts=1,  # a person waits, and can ask again
            internal_root=settings.wix.internal_root,
        )
        what = f"Wix, {site.name}"
        try:
            program = await programs.get(client, priority=True)
        except WixError as error:
            yield Trial(what, Outcome.FAILED, str(error))
            continue
        name = program.name or "without a name"
        if program.status is programs.ProgramStatus.ACTIVE:
            yield Trial(what, Outcome.OK, f"the loyalty program is {name}, and active")
        else:
            yield Trial(
                what,
                Outcome.FAILED,
                f"the loyalty program ({name}) is {program.status.value}: nobody earns points; activate it in Wix",
            )


def _credentials(settings: Settings, site: SiteSettings) -> Credentials:
    if site.api_key is not None and site.site_id is not None:
        return ApiKeyCredentials(site.api_key.get_secret_value(), site.site_id)
    wix = settings.wix
    assert wix.app_id is not None, "validated"
    assert wix.app_secret is not None, "validated"
    assert site.instance_id is not None, "validated"
    return AppCredentials(wix.app_id, wix.app_secret.get_secret_value(), site.instance_id)


async def _mail(mail: MailSettings, lookup: dns_records.Lookup) -> AsyncIterator[Trial]:
    if mail.transport == "folder":
        yield Trial("Mail", Outcome.UNTRIED, "mails are kept in a folder; there is no server to reach")
        return
    assert mail.host is not None, "validated"
    transport = SmtpTransport(
        SmtpSettings(
            mail.host,
            mail.port,
            Tls(mail.tls),
            mail.username,
            None if mail.password is None else mail.password.get_secret_value(),
            hello=mail.hello,
            connections=1,
        )
    )
    what = f"SMTP, {mail.host}:{mail.port}"
    try:
        await transport.check()
    except MailError as error:
        yield Trial(what, Outcome.FAILED, str(error))
    else:
        login = ", and the login" if mail.username else ""
        yield Trial(what, Outcome.OK, f"takes the connection ({mail.tls}){login}; nothing was sent")
    finally:
        await transport.aclose()
    domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    async for trial in dns_records.trials(domain, mail.dkim_selector, lookup):
        yield trial
