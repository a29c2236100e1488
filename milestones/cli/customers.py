"""What commands about a customer share: finding the account, and showing whose it is."""

from rich.console import Console

from milestones.cli import render
from milestones.cli.render import text, when
from milestones.config import Settings
from milestones.views.person import Person


def show_person(shown: Console, person: Person, settings: Settings) -> None:
    """Show whose account it is, its points as of now, and whether mail may reach them."""
    zone = settings.for_site(person.site_id).timezone
    name = person.name or ("erased" if person.erased_at else "nameless")
    address = f" <{person.email}>" if person.email else ""
    points = f"balance {person.balance:,}, earned {person.earned:,}"
    if person.tier_points is not None:
        points += f", tier points {person.tier_points:,}"
    since = f", live since {when(person.go_live_at, zone)}" if person.go_live_at else ""
    shown.print(f"[bold]{text(name)}[/]{text(address)}")
    shown.print(
        render.pairs(
            {
                "account": text(person.account_id),
                "contact": text(person.contact_id or ""),
                "member": text(person.member_id or "none: not a site member"),
                "site": f"{text(person.site)} ({person.site_state}{since})",
                "points": f"{points} (revision {person.revision})",
                "created": when(person.created_at, zone) if person.created_at else "Wix did not tell when",
                "last heard": when(person.seen_at, zone),
                "mail": text(person.mail),
            }
        )
    )
