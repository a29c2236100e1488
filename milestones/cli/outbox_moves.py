"""``milestones outbox retry``, ``release``, ``hold``, ``cancel`` and ``resolve``: a person's word on actions."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import look
from milestones.cli.remote import carry_out
from milestones.cli.render import LARGEST_ID, print_json, text
from milestones.commands.models.outbox import (
    CancelActions,
    HoldActions,
    MoveActions,
    MoveAnswer,
    ReleaseActions,
    Resolution,
    ResolveActions,
    RetryActions,
)
from milestones.config import Settings
from milestones.config.values import plural
from milestones.domain.actions import State
from milestones.domain.order import OrderSource
from milestones.errors import UsageError
from milestones.kinds.registry import NAMES
from milestones.store.database.store import Transaction
from milestones.store.outbox import operator
from milestones.store.tables import Action
from milestones.store.views.lookup import Which
from milestones.views.lookup import find_sites
from milestones.views.sentences import action_sentence

OfSite = Annotated[str | None, typer.Option("--site", help="Only of this site, by name or id.")]
OfMilestone = Annotated[str | None, typer.Option("--milestone", help="Only of this milestone, by its key.")]


def _kind(value: str | None) -> str | None:
    if value is not None and value not in NAMES:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(map(repr, NAMES))}.")
    return value


OfKind = Annotated[
    str | None,
    typer.Option("--kind", callback=_kind, metavar=f"[{'|'.join(NAMES)}]", help="Only of this kind."),
]
OfState = Annotated[State | None, typer.Option("--state", help="Only in this state.")]
OfSource = Annotated[
    OrderSource | None,
    typer.Option("--source", help="Only what was ordered, and by whom: see docs/orders.md."),
]
OfVerdict = Annotated[str | None, typer.Option("--verdict", help="Only with this verdict, such as breaker.")]


_HELP = {
    "retry": """Do again what failed for good, was cancelled, or is of unknown fate.

    Every gate is asked again, and what nobody knows of is looked for first. Of many, it takes what failed, unless
    --state or --verdict says otherwise.
    """,
    "release": """Let go what is held, by a breaker or by a person.

    What waits for something that failed stays held until that is retried.
    """,
    "hold": "Keep back what has not begun, until it is released.",
    "cancel": "Give up what has not begun. What waits for it is held.",
}

_COMMANDS: dict[str, type[MoveActions]] = {
    "retry": RetryActions,
    "release": ReleaseActions,
    "hold": HoldActions,
    "cancel": CancelActions,
}

_DONE = {"retry": "to be done again", "release": "released", "hold": "held", "cancel": "cancelled"}


def _command(name: str) -> Callable[..., None]:
    """One of these by its name. All of them choose actions in the same way."""

    def command(
        ids: Annotated[
            list[int] | None, typer.Argument(metavar="ID", help="Their numbers.", min=1, max=LARGEST_ID)
        ] = None,
        milestone: OfMilestone = None,
        verdict: OfVerdict = None,
        kind: OfKind = None,
        of_state: OfState = None,
        source: OfSource = None,
        site: OfSite = None,
        everything: Annotated[bool, typer.Option("--all", help="All that it takes.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        as_json: AsJson = False,
        config: ConfigPath = DEFAULT,
    ) -> None:
        which = Which(tuple(ids or ()), None, milestone, kind, of_state, verdict, source=source)
        _require_choice(name, which, site, everything=everything)
        settings = settings_in_force(config)
        _tell(_DONE[name], _move(settings, name, which, site, yes=yes), which.ids, as_json=as_json)

    return command


def add_to(app: typer.Typer) -> None:
    """Give the group these commands."""
    for name, line in _HELP.items():
        app.command(name, help=line)(_command(name))
    app.command()(resolve)


def _require_choice(name: str, which: Which, site: str | None, *, everything: bool) -> None:
    narrowed = any((which.ids, site, which.milestone, which.kind, which.state, which.verdict, which.source))
    if not narrowed and not everything:
        raise UsageError(
            f"Say what to {name}: the numbers of actions; or --milestone, --source, --verdict, --kind, --state or "
            "--site; or --all."
        )
    if which.ids and everything:
        raise UsageError("Numbers and --all contradict each other.")


def _move(settings: Settings, name: str, which: Which, site: str | None, *, yes: bool) -> MoveAnswer:
    """Ask where many are concerned, then have it carried out."""
    if name == "retry" and not which.ids and which.state is None and which.verdict is None:
        # What gates refused is not to be tried by the hundred unless somebody names it.
        which = replace(which, state=State.DISCARDED)

    async def query(tx: Transaction) -> tuple[Which, list[Action]]:
        chosen = await on_site(tx, which, site)
        return chosen, [] if which.ids else await operator.takes(tx, name, chosen)

    chosen, found = look(settings, query)
    if not which.ids:
        if not found:
            raise UsageError(f"There is nothing to {name}. `milestones outbox list` shows what there is.")
        if not yes:
            _ask(name, found)
        # What is recorded between the question and the answer was not asked about.
        chosen = replace(chosen, up_to=max(action.id or 0 for action in found))
    return carry_out(settings, _COMMANDS[name](**asdict(chosen)))


def _ask(name: str, found: list[Action]) -> None:
    shown = render.console(stderr=True)
    shown.print(f"This would {name} [bold]{plural(len(found), 'action')}[/]:")
    for action in found[:5]:
        shown.print(
            f"  #{action.id} {text(action_sentence(action))} [dim]({text(action.milestone or 'ordered')})[/]"
        )
    if len(found) > 5:
        shown.print(f"  and {len(found) - 5:,} more")
    typer.confirm("Go on?", abort=True, err=True)


def resolve(
    ids: Annotated[
        list[int], typer.Argument(metavar="ID", help="The numbers of actions.", min=1, max=LARGEST_ID)
    ],
    resolution: Annotated[Resolution, typer.Option("--as", help="It is done, or is to be done again.")],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Say what became of a mail or another effect of which nobody knows whether it took place."""
    command = ResolveActions(ids=tuple(ids), resolution=resolution)
    _tell("resolved", carry_out(settings_in_force(config), command), command.ids, as_json=as_json)


def _tell(done: str, answer: MoveAnswer, ids: tuple[int, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        shown = render.console()
        states = ", ".join(f"{number:,} {render.state(now)}" for now, number in answer.states.items())
        if answer.moved:
            shown.print(f"{plural(answer.moved, 'action')} {done}; now {states}.")
        for number, why in answer.refused.items():
            shown.print(f"[yellow]#{number} {text(why)}.[/]")
    if ids and not answer.moved:
        raise typer.Exit(1)


async def on_site(tx: Transaction, which: Which, site: str | None) -> Which:
    """The same, of one site if one is named. Raises UsageError where there is none of that name."""
    if site is None:
        return which
    (found, *_) = await find_sites(tx, site)
    return replace(which, site=found.id)
