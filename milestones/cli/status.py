"""``milestones status``: whether it runs, what it holds, and what wants a person."""

import asyncio
from datetime import UTC, datetime

import typer
from rich.console import Console

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_at, settings_in_force
from milestones.cli.readonly import NoDatabaseError, open_view
from milestones.cli.remote import daemon_status
from milestones.cli.render import print_json, span, text, when
from milestones.commands.models.daemon import StatusAnswer
from milestones.config import Settings
from milestones.errors import ConfigurationError, StoreError
from milestones.store.tables import SiteState
from milestones.views.notices import callback_notices, settings_notices
from milestones.views.status import SiteStatus, Status, get_status

app = typer.Typer()


@app.command()
def status(as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Show whether the daemon runs, its sites and scans, and what waits for a person.

    Exit code 1 when the database cannot be read; one that no daemon has made yet is no failure.
    """
    settings = settings_in_force(config)
    daemon = daemon_status(settings)
    now = datetime.now(UTC)
    result: Status | None = None
    trouble: StoreError | None = None
    try:
        result = asyncio.run(_read_status(settings, now))
    except StoreError as error:
        trouble = error
    if as_json:
        header = {"daemon": daemon, "mode": settings.daemon.mode, "configuration": settings.hash}
        print_json({**header, "database": str(trouble or "current"), "standing": result})
    else:
        shown = render.console()
        notices = list(result.notices) if result is not None else settings_notices(settings)
        render.banner(shown, notices + callback_notices(daemon.mistyped_callbacks if daemon else 0))
        shown.print(_daemon(daemon, settings))
        if result is None:
            shown.print(text(trouble), soft_wrap=True)
        else:
            _show(shown, result, settings, now)
    if trouble is not None and not isinstance(trouble, NoDatabaseError):
        raise typer.Exit(trouble.exit_code)


async def _read_status(settings: Settings, now: datetime) -> Status:
    async with open_view(settings) as tx:
        return await get_status(tx, settings, now)


def _daemon(answer: StatusAnswer | None, settings: Settings) -> str:
    if answer is None:
        return "[yellow]No daemon is running.[/] `milestones run` starts it."
    sentence = (
        f"[green]The daemon is running[/] (process {answer.pid}) at {text(settings.daemon.public_url)}."
    )
    if answer.database != "serves":
        sentence += f"\n[red]It waits for its database.[/] {text(answer.database)}"
    try:
        changed = settings_at(settings.path, secrets=False).hash != answer.configuration
    except ConfigurationError as error:
        sentence += (
            f"\n[yellow]{text(error)}[/]\nThe daemon goes on with the configuration that it read before."
        )
        changed = False
    if changed:
        sentence += (
            "\n[yellow]config.toml has changed since it was read[/], or is overridden otherwise in this shell than for "
            "the daemon; `milestones reload` puts the file into force."
        )
    return sentence


def _show(shown: Console, result: Status, settings: Settings, now: datetime) -> None:
    oldest = f", the oldest for {span(result.oldest)}" if result.due and result.oldest else ""
    wanted = {
        "due now": f"{result.due:,}{oldest}",
        "held": _wants(result.held, "`milestones outbox list --state held`, then release or cancel"),
        "unknown": _wants(result.unknown, "`milestones outbox list --state unknown`, then resolve"),
        "failed": _wants(result.discarded, "`milestones outbox list --state discarded`, then retry"),
        "untold": _wants(
            result.untold, "codes of 30 days that nobody was told of: `milestones outbox list --untold`"
        ),
        "rejected": _wants(
            result.rejected, "webhooks or accounts not understood: `milestones rejected list`"
        ),
    }
    shown.print(render.pairs(wanted))
    for site in result.sites:
        shown.print()
        _site(shown, site, settings, now)
    if not result.sites:
        shown.print("No site is known yet.")
    if result.more_sites:
        shown.print(f"\nand {result.more_sites:,} more sites.")


def _wants(number: int, what: str) -> str:
    return f"[yellow]{number:,}[/]  {what}" if number else "0"


def _site(shown: Console, site: SiteStatus, settings: Settings, now: datetime) -> None:
    zone = settings.for_site(site.id).timezone
    shown.print(f"[bold]{text(site.name)}[/] {site.state} [dim]{text(site.id)}[/]")
    baseline = when(site.baseline_done_at, zone) if site.baseline_done_at else "not complete yet"
    program = (
        f"{site.program or 'unnamed'}, {site.program_status}" if site.program_status else "not asked yet"
    )
    shown.print(
        render.pairs(
            {
                "accounts": f"{site.accounts:,}",
                "live since": when(site.go_live_at, zone) if site.go_live_at else "",
                "baseline": baseline if site.state == SiteState.ACTIVE else "",
                "program": text(program),
                **{f"scan {scan.kind}": _scan(scan.at, scan.told, now) for scan in site.scans},
            }
        )
    )


def _scan(at: datetime, sentence: str, now: datetime) -> str:
    return f"{span(now - at)} ago: {text(sentence)}"
