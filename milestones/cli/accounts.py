"""``milestones accounts``: whose points are known, and what they were given."""

import asyncio
from typing import Annotated, Any

import typer

from milestones.cli import render
from milestones.cli.customers import show_person
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import look, open_view
from milestones.cli.render import plural, print_json, text, when
from milestones.config import Settings
from milestones.store import sites
from milestones.store.tables import Grant, Reminder
from milestones.store.views import lookup
from milestones.views import customers
from milestones.views.customers import ListedAccount, find_accounts
from milestones.views.person import Person, describe_person, get_mailable

app = typer.Typer(no_args_is_help=True, help="Whose points are known, and what they were given.")

Site = Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")]


@app.command("list")
def list_accounts(
    near: Annotated[
        str | None, typer.Option("--near", metavar="KEY", help="Only those near this milestone.")
    ] = None,
    site: Site = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show accounts as they were last heard of, the highest first."""
    settings = settings_in_force(config)
    found = look(
        settings, lambda tx: customers.list_accounts(tx, settings, site=site, near=near, limit=limit)
    )
    if as_json:
        print_json([_row(one, near) for one in found])
        return
    shown = render.console()
    if not found:
        shown.print("No such account is known.")
        return
    _table(found, near)
    if len(found) == limit:
        shown.print(f"[dim]The first {plural(limit, 'account')}; --limit shows more.[/]")


_FIELDS = {
    "site_id",
    "id",
    "contact_id",
    "member_id",
    "name",
    "email",
    "balance",
    "earned",
    "tier_points",
    "seen_at",
}


def _row(listed: ListedAccount, near: str | None) -> dict[str, Any]:
    told = listed.account.model_dump(include=_FIELDS)
    return told if near is None else {**told, "missing": listed.missing}


def _table(found: list[ListedAccount], near: str | None) -> None:
    missing = ("missing",) if near is not None else ()
    rows = render.table("balance", "earned", *missing, "whose", right=("balance", "earned", "missing"))
    for listed in found:
        account = listed.account
        who = " ".join(text(part) for part in (account.name, account.email) if part) or "erased"
        left = (f"{listed.missing:,}",) if near is not None else ()
        rows.add_row(
            f"{account.balance:,}", f"{account.earned:,}", *left, f"{who}\n[dim]{text(account.id)}[/]"
        )
    render.console().print(rows)


@app.command()
def show(
    customer: Annotated[
        str, typer.Argument(metavar="ACCOUNT|EMAIL", help="An account, contact or member id, or an address.")
    ],
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show one account, and what it was given. `milestones explain` says why."""
    settings = settings_in_force(config)
    found = asyncio.run(_find(settings, customer, site))
    if as_json:
        print_json([{"person": who, "grants": grants, "reminders": told} for who, grants, told in found])
        return
    shown = render.console()
    for who, grants, reminders in found:
        zone = settings.for_site(who.site_id).timezone
        show_person(shown, who, settings)
        for grant in grants:
            shown.print(
                render.pair(
                    "given", f"{text(grant.milestone)} on {when(grant.recorded_at, zone)}, at {grant.value:,}"
                )
            )
        for reminder in reminders:
            said = f"{text(reminder.milestone)} on {when(reminder.recorded_at, zone)}, at {reminder.value:,}"
            shown.print(render.pair("reminded", said))


async def _find(
    settings: Settings, customer: str, site: str | None
) -> list[tuple[Person, list[Grant], list[Reminder]]]:
    found = []
    async with open_view(settings) as tx:
        for account in await find_accounts(tx, customer, site):
            of_site = await sites.named(tx, account.site_id)
            assert of_site is not None, "an account belongs to a known site"
            mail = await get_mailable(tx, settings.for_site(account.site_id), of_site, account)
            grants = await lookup.grants_of(tx, account.site_id, account.id)
            reminders = await lookup.reminders_of(tx, account.site_id, account.id)
            found.append((describe_person(of_site, account, mail), grants, reminders))
    return found
