"""``milestones accounts``: whose points are known, and what they were given."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from milestones.cli import render
from milestones.cli.customers import show_person
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.order_rows import give_file
from milestones.cli.orders import tell_order
from milestones.cli.readonly import look
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, text, when
from milestones.commands.models.order_rows import Ordered
from milestones.commands.models.orders import AdjustAccount, CreateAccount, EarnForAccount
from milestones.commands.models.transactions import ListTransactions
from milestones.config import Settings
from milestones.config.values import plural
from milestones.domain.order import Create
from milestones.errors import UsageError
from milestones.views import customers
from milestones.views.customers import ListedAccount

app = typer.Typer(no_args_is_help=True, help="Whose points are known, and what they were given.")

Site = Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")]

ACCOUNT_HELP = "An address, a name, an account, contact or member id, or the beginning of one."


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


def _row(listed: ListedAccount, near: str | None) -> dict[str, Any]:
    told = asdict(listed)
    if near is None:
        del told["missing"]
    return told


def _table(found: list[ListedAccount], near: str | None) -> None:
    missing = ("missing",) if near is not None else ()
    rows = render.table("balance", "earned", *missing, "whose", right=("balance", "earned", "missing"))
    for listed in found:
        who = " ".join(text(part) for part in (listed.name, listed.email) if part) or "erased"
        left = (f"{listed.missing:,}",) if near is not None else ()
        rows.add_row(f"{listed.balance:,}", f"{listed.earned:,}", *left, f"{who}\n[dim]{text(listed.id)}[/]")
    render.console().print(rows)


@app.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="ACCOUNT", help=ACCOUNT_HELP)],
    transactions: Annotated[
        bool, typer.Option("--transactions", help="Ask Wix for what moved its points, the newest first.")
    ] = False,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show one account, and what it was given. `milestones explain` says why."""
    settings = settings_in_force(config)
    if transactions:
        _show_transactions(settings, customer, site, as_json=as_json)
        return
    found = look(settings, lambda tx: customers.find_customers(tx, settings, customer, site))
    if as_json:
        print_json(found)
        return
    shown = render.console()
    for record in found:
        zone = settings.for_site(record.person.site_id).timezone
        show_person(shown, record.person, settings)
        for grant in record.grants:
            shown.print(
                render.pair(
                    "given", f"{text(grant.milestone)} on {when(grant.recorded_at, zone)}, at {grant.value:,}"
                )
            )
        for reminder in record.reminders:
            said = f"{text(reminder.milestone)} on {when(reminder.recorded_at, zone)}, at {reminder.value:,}"
            shown.print(render.pair("reminded", said))


def _show_transactions(settings: Settings, customer: str, site: str | None, *, as_json: bool) -> None:
    account = look(settings, lambda tx: customers.find_account(tx, customer, site))
    answer = carry_out(settings, ListTransactions(account=account.id, site=account.site_id), asks_wix=True)
    if as_json:
        print_json(answer)
        return
    zone = settings.for_site(answer.site).timezone
    rows = render.table("when", "points", "type", "why", right=("points",))
    for one in answer.transactions:
        rows.add_row(when(one.at, zone), f"{one.amount:+,}", text(one.type), text(one.description or ""))
    shown = render.console()
    shown.print(rows if answer.transactions else "Wix tells of no transaction of this account.")


Key = Annotated[
    str | None, typer.Option("--key", help="The same key again means the same order, and is done once.")
]
CreateAccountToo = Annotated[
    bool,
    typer.Option("--create-account", help="Open an account where the address or the contact has none."),
]
CreateContactToo = Annotated[
    bool,
    typer.Option("--create-contact", help="Make a contact, too, where Wix has none with the address."),
]


File = Annotated[
    Path | None,
    typer.Option(
        "--file", help="A table with an order in each row, instead of one account: see docs/orders.md."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Of a file: tell what it would come to, and record nothing.")
]


def _create(*, account: bool, contact: bool) -> Create:
    if contact:
        return Create.CONTACT
    return Create.ACCOUNT if account else Create.NOTHING


def _require(given: Mapping[str, object], *, dry_run: bool) -> None:
    """Raise UsageError where something that one order needs is missing. given: by how it is called."""
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise UsageError(f"Give {' and '.join(missing)}, or a file with --file.")
    if dry_run:
        raise UsageError("--dry-run is of a file; an order for one account tells its faults by itself.")


def _refuse_beside_file(given: Mapping[str, object]) -> None:
    """Raise UsageError where a file is given and something that its rows say."""
    said = [name for name, value in given.items() if value not in {None, ""}]
    if said:
        raise UsageError(f"With --file its rows say that: leave {' and '.join(said)} away.")


@app.command()
def adjust(
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help=ACCOUNT_HELP)] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why: Wix keeps it with the transaction.")
    ] = None,
    by: Annotated[int | None, typer.Option("--by", help="Points to add; negative to take.")] = None,
    to: Annotated[int | None, typer.Option("--to", help="The balance to set.")] = None,
    file: File = None,
    dry_run: DryRun = False,
    create_account: CreateAccountToo = False,
    create_contact: CreateContactToo = False,
    key: Key = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Change the points of one account, or of many in a file, by an amount or to a balance.

    It is recorded first and done once, whatever dies in between. While the loyalty program is not active it waits.
    """
    create = _create(account=create_account, contact=create_contact)
    settings = settings_in_force(config)
    if file is not None:
        _refuse_beside_file({"ACCOUNT": account, "--by": by, "--to": to, "--key": key})
        give_file(settings, file, Ordered.ADJUST, reason, create, site, dry_run=dry_run, as_json=as_json)
        return
    _require({"ACCOUNT": account, "--reason": reason}, dry_run=dry_run)
    command = AdjustAccount(
        account=account or "",
        site=site,
        by=by,
        to=to,
        reason=reason or "",
        create=create,
        key=key or str(uuid.uuid4()),
    )
    tell_order(carry_out(settings, command), as_json=as_json)


@app.command()
def earn(
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help=ACCOUNT_HELP)] = None,
    points: Annotated[int | None, typer.Argument(metavar="N", help="How many.")] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What the customer reads of them in Wix.")
    ] = None,
    file: File = None,
    dry_run: DryRun = False,
    create_account: CreateAccountToo = False,
    create_contact: CreateContactToo = False,
    key: Key = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Have one account earn points, or many in a file. Unlike an adjustment, they are points that were earned."""
    create = _create(account=create_account, contact=create_contact)
    settings = settings_in_force(config)
    if file is not None:
        _refuse_beside_file({"ACCOUNT": account, "N": points, "--key": key})
        give_file(settings, file, Ordered.EARN, description, create, site, dry_run=dry_run, as_json=as_json)
        return
    _require({"ACCOUNT": account, "N": points, "--description": description}, dry_run=dry_run)
    command = EarnForAccount(
        account=account or "",
        site=site,
        amount=points or 0,
        description=description or "",
        create=create,
        key=key or str(uuid.uuid4()),
    )
    tell_order(carry_out(settings, command), as_json=as_json)


@app.command()
def create(
    contact: Annotated[str, typer.Option("--contact", help="The id of the contact.")] = "",
    email: Annotated[str, typer.Option("--email", help="The mail address of the contact.")] = "",
    file: File = None,
    dry_run: DryRun = False,
    create_contact: CreateContactToo = False,
    first_name: Annotated[str, typer.Option("--first-name", help="Of a contact that is made.")] = "",
    last_name: Annotated[str, typer.Option("--last-name", help="Of a contact that is made.")] = "",
    phone: Annotated[str, typer.Option("--phone", help="Of a contact that is made.")] = "",
    key: Key = None,
    site: Site = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Open a loyalty account for a contact, or for many in a file. One that is there is found; none is made twice."""
    settings = settings_in_force(config)
    if file is not None:
        of_one = {"--contact": contact, "--email": email, "--key": key}
        names = {"--first-name": first_name, "--last-name": last_name, "--phone": phone}
        _refuse_beside_file({**of_one, **names})
        may = _create(account=True, contact=create_contact)
        give_file(settings, file, Ordered.CREATE, None, may, site, dry_run=dry_run, as_json=as_json)
        return
    _require({}, dry_run=dry_run)
    command = CreateAccount(
        contact=contact,
        email=email,
        create_contact=create_contact,
        first_name=first_name,
        last_name=last_name,
        phone=phone,
        site=site,
        key=key or str(uuid.uuid4()),
    )
    tell_order(carry_out(settings, command), as_json=as_json)
