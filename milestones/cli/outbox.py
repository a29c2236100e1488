"""``milestones outbox``: what is owed, what became of it, and a person's word on it."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.outbox_moves import (
    OfKind,
    OfMilestone,
    OfSite,
    OfSource,
    OfState,
    OfVerdict,
    add_to,
    on_site,
)
from milestones.cli.readonly import look
from milestones.cli.render import (
    LARGEST_ID,
    print_data,
    print_json,
    text,
    when,
)
from milestones.config import Settings
from milestones.domain.actions import State
from milestones.store.database.store import Transaction
from milestones.store.tables import Action
from milestones.store.views import lookup
from milestones.store.views.lookup import Which
from milestones.views.actions import ActionDetail, describe_action, get_detail
from milestones.views.notices import list_notices
from milestones.views.sentences import code, reason, subject

app = typer.Typer(no_args_is_help=True, help="What is owed, what became of it, and a person's word on it.")


@app.command("list")
def list_actions(
    of_state: OfState = None,
    kind: OfKind = None,
    milestone: OfMilestone = None,
    verdict: OfVerdict = None,
    source: OfSource = None,
    site: OfSite = None,
    untold: Annotated[
        bool, typer.Option("--untold", help="Only coupons that were made and that no mail told of.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show actions, newest first, with how many there are in each state."""
    settings = settings_in_force(config)
    which = Which(milestone=milestone, kind=kind, state=of_state, verdict=verdict, source=source)

    async def query(tx: Transaction) -> tuple[list[str], dict[str, int], list[Action]]:
        chosen = await on_site(tx, which, site)
        result = await lookup.list_actions(tx, chosen, limit=limit, untold=untold)
        return (
            await list_notices(tx, settings, datetime.now(UTC)),
            await lookup.count_by_state(tx, chosen),
            result,
        )

    notable, counts, result = look(settings, query)
    if as_json:
        print_json({"counts": counts, "actions": [describe_action(action) for action in result]})
        return
    shown = render.console()
    render.banner(shown, notable)
    if not untold:
        states = "  ".join(f"{render.state(name)} {number:,}" for name, number in counts.items())
        shown.print(states or _nothing(which, site))
    elif not result:
        shown.print("Somebody was told of every code that was made, or still will be.")
    if result:
        _table(shown, result, settings)


def _nothing(which: Which, site: str | None) -> str:
    return "Nothing is in the outbox." if which == Which() and site is None else "There is no such action."


def _table(shown: Console, result: list[Action], settings: Settings) -> None:
    rows = render.table("id", "when", "what", "state and reason", right=("id",))
    for action in result:
        zone = settings.for_site(action.site_id).timezone
        verdict = "" if action.state == State.DONE else text(reason(action.verdict) or "")
        moment = action.settled_at or action.recorded_at
        typed = code(action) if action.state == State.DONE else None
        rows.add_row(
            str(action.id),
            when(moment, zone),
            f"{action.kind}: {text(subject(action))}" + (f"\n[dim]{text(typed)}[/]" if typed else ""),
            f"{render.state(action.state)} {verdict}".strip(),
        )
    shown.print(rows)


@app.command()
def show(
    action_id: Annotated[
        int, typer.Argument(metavar="ID", help="The number of an action.", min=1, max=LARGEST_ID)
    ],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show one action whole: what is frozen in it, what came of it, and who moves it on."""
    settings = settings_in_force(config)
    result = look(settings, lambda tx: get_detail(tx, action_id))
    if as_json:
        print_json(result)
        return
    _show(render.console(), result, settings)


def _show(shown: Console, result: ActionDetail, settings: Settings) -> None:
    zone = settings.for_site(result.site_id).timezone
    shown.print(f"[bold]#{result.id}[/]  {text(result.sentence)}")
    shown.print(
        render.pairs(
            {
                "state": render.state(result.state),
                "why": text(result.reason or ""),
                "waits for": text(result.waits_because or ""),
                "goes on": text(result.moved_on_by),
                "account": text(result.account_id),
                "site": text(result.site_id),
                "milestone": text(result.milestone),
                "owed by": text(result.owner),
                "recorded": when(result.recorded_at, zone, seconds=True),
                "due": when(result.available_at, zone, seconds=True) if result.is_open else "",
                "settled": when(result.settled_at, zone, seconds=True) if result.settled_at else "",
                "attempts": str(result.attempts) if result.attempts else "",
                "lost": "the answer to the last attempt was lost" if result.lost else "",
                "error": f"[red]{text(result.error)}[/]" if result.error else "",
            }
        )
    )
    for title, others in (("Waits for", result.waits_for), ("Wait for it", result.awaited_by)):
        if others:
            shown.print(f"\n[bold]{title}[/]")
            for other in others:
                shown.print(f"  #{other.id} {other.kind} {render.state(other.state)}: {text(other.subject)}")
    if result.tries:
        shown.print("\n[bold]Attempts[/]")
        for one in result.tries:
            shown.print(f"  {render.attempt(one, zone)}")
    shown.print("\n[bold]What is frozen in it[/]")
    print_data(shown, result.payload)
    if result.result is not None:
        shown.print("[bold]What came of it[/]")
        print_data(shown, result.result)


add_to(app)
