"""``milestones preview``: a template as a mail, for looking at it or sending it to oneself."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from milestones.app import assembly
from milestones.cli.options import DEFAULT, ConfigPath, settings_at
from milestones.cli.readonly import look
from milestones.cli.render import printable
from milestones.config import Settings, SiteSettings
from milestones.errors import UsageError
from milestones.formats.mail_addresses import is_listed, sendable_address
from milestones.kinds.email.message import Mailbox, Unsubscribe, build_message
from milestones.kinds.email.rendering import Catalogue, RenderedMail
from milestones.kinds.email.variables import requirements
from milestones.store.tables import Account
from milestones.views.customers import find_accounts
from milestones.views.samples import sample_variables

app = typer.Typer()


@app.command()
def preview(
    template: Annotated[str, typer.Argument(help="The name of a folder among the templates.")],
    customer: Annotated[
        str | None,
        typer.Option("--customer", metavar="ACCOUNT|EMAIL", help="For this customer in place of a sample."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="PATH", help="Write the HTML part into this file.")
    ] = None,
    send_to: Annotated[
        str | None,
        typer.Option("--send-to", metavar="ADDRESS", help="Send it to this address, which is yours."),
    ] = None,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show a mail: its subject and text here, its HTML in a file, or all of it in your own mailbox.

    What a mail made from this template would not have is missing here too. A coupon's code is a sample.
    """
    settings = settings_at(config, secrets=send_to is not None)
    now = datetime.now(UTC)
    catalogue = Catalogue(settings.daemon.templates)
    if template not in catalogue.templates:
        known = ", ".join(sorted(catalogue.templates)) or "none"
        raise UsageError(
            f"There is no template {template!r} in {settings.daemon.templates}; there are {known}."
        )
    account = _account(settings, customer) if customer is not None else None
    site = _site(settings, account, template)
    mail = catalogue.render(template, sample_variables(site, template, account, now))
    typer.echo(printable(f"Subject: {mail.subject}\n\n{mail.text}"), nl=False)
    if html is not None:
        html.write_text(mail.html, encoding="utf-8")
        typer.echo(f"\nThe HTML part is in {html}.", err=True)
    if send_to is not None:
        asyncio.run(_send(site, mail, send_to, now))
        typer.echo(f"\nSent to {send_to}.", err=True)


def _account(settings: Settings, customer: str) -> Account:
    return look(settings, lambda tx: find_accounts(tx, customer, None))[0]


def _site(settings: Settings, account: Account | None, template: str) -> SiteSettings:
    """The customer's; else the first one whose milestones send this mail, if any does."""
    if account is not None:
        return settings.for_site(account.site_id)
    everywhere = [*settings.list_sites(), settings.for_site("")]
    return next(
        (site for site in everywhere if template in requirements(site.milestones, site.brand)), everywhere[0]
    )


async def _send(site: SiteSettings, mail: RenderedMail, to: str, now: datetime) -> None:
    address = sendable_address(to)
    if address is None:
        raise UsageError(f"{to!r} is no mail address.")
    only_to = site.mail.only_to
    if only_to and not is_listed(address, only_to):
        raise UsageError(f"The configuration lets mail leave only for {', '.join(only_to)} (mail.only_to).")
    sender = Mailbox.parse(site.mail.sender)
    message_id = f"<preview-{uuid4().hex}@{sender.domain}>"
    message = build_message(
        RenderedMail(f"[Preview] {mail.subject}", mail.text, mail.html),
        sender=sender,
        recipient=Mailbox(address),
        message_id=message_id,
        unsubscribe=Unsubscribe("https://example.com/u/preview", one_click=False),
        now=now,
        language=site.mail.language,
    )
    transport = assembly.carrier(site.mail)
    try:
        await transport.send(message, message_id=message_id, sender=sender.address, recipient=address)
    finally:
        await transport.aclose()
