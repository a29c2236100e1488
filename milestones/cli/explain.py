"""``milestones explain``: why a customer did or did not get something."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding

from milestones.cli import render
from milestones.cli.customers import show_person
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import open_view
from milestones.cli.render import print_json, text, when
from milestones.config import Settings
from milestones.config.values import plural
from milestones.domain.verdict import Verdict
from milestones.store.outbox.operator import STAGE
from milestones.views.customers import find_accounts
from milestones.views.explain import explain as explained
from milestones.views.explain.values import (
    Effect,
    ExplainedCrossing,
    ExplainedGrant,
    ExplainedOrder,
    ExplainedReminder,
    Explanation,
    GateAnswer,
    Story,
    Stretch,
)

app = typer.Typer()

FIRST, LAST = 3, 30
"""Lines of a long history that are shown; JSON has all of it."""


@app.command()
def explain(
    customer: Annotated[
        str, typer.Argument(metavar="ACCOUNT|EMAIL", help="An account, contact or member id, or an address.")
    ],
    milestone: Annotated[
        str | None, typer.Argument(metavar="MILESTONE", help="Only this milestone, by its key.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show why a customer did or did not get a mail, a coupon or a badge.

    Every observation, for each milestone the crossing or the reason why there is none, what was given and what became
    of it, the reminders, and what may happen next. Nothing is asked of Wix and nothing is changed.
    """
    settings = settings_in_force(config)
    found = asyncio.run(_explain(settings, customer, milestone, site))
    if as_json:
        print_json(found)
        return
    shown = render.console()
    for number, explanation in enumerate(found):
        if number:
            shown.rule()
        _show(shown, explanation, settings)


async def _explain(
    settings: Settings, customer: str, milestone: str | None, site: str | None
) -> list[Explanation]:
    now = datetime.now(UTC)
    async with open_view(settings) as tx:
        accounts = await find_accounts(tx, customer, site)
        return [await explained(tx, settings, account, now, milestone) for account in accounts]


def _show(shown: Console, found: Explanation, settings: Settings) -> None:
    zone = settings.for_site(found.person.site_id).timezone
    render.banner(shown, list(found.notes))
    show_person(shown, found.person, settings)
    shown.print("\n[bold]What was seen[/]")
    _history(shown, found.history, zone)
    for story in found.stories:
        shown.print()
        _story(shown, story, zone)
    if found.orders:
        shown.print("\n[bold]What was ordered[/]")
    for order in found.orders:
        _order(shown, order, zone)
    _answers(shown, found.answers, zone)


def _answers(shown: Console, answers: Sequence[GateAnswer], zone: tzinfo) -> None:
    for answer in answers:
        _line(shown, "person" if answer.stage == STAGE else "gates", _answer(answer, zone))


def _history(shown: Console, history: Sequence[Stretch], zone: tzinfo) -> None:
    tiers = any(seen.tier_points is not None for seen in history)
    columns = ("when", "balance", "earned", *(("tier",) if tiers else ()), "revision", "told by")
    rows = render.table(*columns, right=("balance", "earned", "tier"))
    left_out = len(history) - FIRST - LAST
    for place, seen in enumerate(history):
        if left_out > 0 and FIRST <= place < FIRST + left_out:
            if place == FIRST:
                rows.add_row(f"[dim]{left_out:,} more: --json[/]", *[""] * (len(columns) - 1))
            continue
        same = seen.first_revision == seen.last_revision
        revision = f"{seen.first_revision}" if same else f"{seen.first_revision} to {seen.last_revision}"
        rows.add_row(
            when(seen.first_at or seen.recorded_at, zone),
            f"{seen.balance:,}",
            f"{seen.earned:,}",
            *((f"{seen.tier_points:,}" if seen.tier_points is not None else "",) if tiers else ()),
            revision,
            text(seen.source) + (f", {seen.times} times" if seen.times > 1 else ""),
        )
    shown.print(rows)


def _story(shown: Console, story: Story, zone: tzinfo) -> None:
    shown.print(f"[bold]{text(story.title)}[/] [dim]{text(story.key)}[/]")
    version = ""
    if story.version is not None:
        version = (
            f"definition {story.version}, in force since {when(story.since, zone)}; looks {story.looks_from}"
        )
    _line(shown, "rule", text(story.rule))
    _line(shown, "version", text(version))
    for crossing in story.crossings:
        _line(shown, "crossed", _crossing(crossing, zone))
    _line(shown, _label(story), text(story.because))
    for grant in story.grants:
        _grant(shown, grant, zone)
    for reminder in story.reminders:
        _reminder(shown, reminder, story, zone)
    _answers(shown, story.answers, zone)
    if story.reminder is not None:
        _line(shown, "reminder", f"now [bold]{story.reminder}[/]: {text(story.reminder_because)}")
    for sentence in story.following:
        _line(shown, "next", text(sentence))


def _label(story: Story) -> str:
    return {"given": "given", "owed": "[red]owed[/]"}.get(story.standing, "not given")


def _crossing(crossing: ExplainedCrossing, zone: tzinfo) -> str:
    at = f" on {when(crossing.at, zone)}" if crossing.at else ""
    step = f"from {crossing.before:,} to {crossing.value:,}, over {crossing.threshold:,}"
    return f"{step}, at revision {crossing.revision}{at}"


def _grant(shown: Console, grant: ExplainedGrant, zone: tzinfo) -> None:
    source = f"told by {grant.source}, configuration {grant.configuration}"
    because = "" if grant.verdict == Verdict.CROSSED else f". {text(grant.reason)}"
    at = f"{when(grant.recorded_at, zone)} with {grant.value:,}{because}"
    _line(shown, "grant", f"{at} [dim]({text(source)})[/]")
    _effects(shown, grant.effects, zone)


def _reminder(shown: Console, told: ExplainedReminder, story: Story, zone: tzinfo) -> None:
    approach = f" to {told.approach:,}" if story.target and told.approach > 1 else ""
    sentence = (
        f"{when(told.recorded_at, zone)}: reminder {told.number} of the way{approach}, at {told.value:,}"
    )
    _line(shown, "reminded", text(sentence))
    _effects(shown, told.effects, zone)


def _order(shown: Console, order: ExplainedOrder, zone: tzinfo) -> None:
    because = "" if order.verdict == Verdict.ORDERED else f". {text(order.reason)}"
    key = f"key {order.key}" if order.key else "its key was erased"
    source = text(f"by {order.source}, {key}, configuration {order.configuration}")
    _line(shown, "ordered", f"{when(order.recorded_at, zone)}{because} [dim]({source})[/]")
    _effects(shown, order.effects, zone)


def _effects(shown: Console, effects: Sequence[Effect], zone: tzinfo) -> None:
    for effect in effects:
        sentence = f"#{effect.id} {effect.kind} {render.state(effect.state)} {when(effect.at, zone)}"
        shown.print(Padding(f"{sentence}: {text(effect.subject)}", (0, 0, 0, 13)))
        for detail in _details(effect, zone):
            shown.print(Padding(f"[dim]{text(detail)}[/]", (0, 0, 0, 15)))
        for line in _tries(effect, zone):
            shown.print(Padding(line, (0, 0, 0, 15)))


def _details(effect: Effect, zone: tzinfo) -> list[str]:
    """Why it stands where it stands; of what is done, nothing."""
    if effect.state == "done":
        return []
    told = []
    if effect.reason is not None:
        told.append(f"{effect.verdict}: {effect.reason}")
    if effect.error is not None:
        told.append(effect.error)
    if effect.waits_because is not None:
        told.append(f"Waits for {effect.waits_because}.")
    elif effect.state == "waiting" and effect.waits_for:
        told.append(f"Waits for {', '.join(f'#{number}' for number in effect.waits_for)}.")
    if effect.due is not None:
        told.append(f"Due {when(effect.due, zone)}{_attempts(effect)}.")
    elif effect.state != "waiting":
        told.append(effect.moved_on_by)
    return told


NEWEST_ATTEMPTS = 3


def _tries(effect: Effect, zone: tzinfo) -> list[str]:
    """The newest attempts of what is not done; the error of an only one stands there already."""
    if effect.state == "done" or len(effect.tries) < 2:
        return []
    left = len(effect.tries) - NEWEST_ATTEMPTS
    lines = [render.attempt(one, zone) for one in effect.tries[-NEWEST_ATTEMPTS:]]
    earlier = f"[dim]{plural(left, 'earlier attempt')}: milestones outbox show {effect.id}[/]"
    return [earlier, *lines] if left > 0 else lines


def _attempts(effect: Effect) -> str:
    return f", after {plural(effect.attempts, 'attempt')}" if effect.attempts else ""


def _answer(answer: GateAnswer, zone: tzinfo) -> str:
    since = when(answer.last_at, zone)
    if answer.times > 1:
        since = f"{answer.times:,} times from {when(answer.first_at, zone)} to {since}"
    return f"[dim]{since}[/] {text(answer.verdict)}: {text(answer.reason)}"


def _line(shown: Console, name: str, sentence: str) -> None:
    """A name and what it says, with the sentence kept in its column."""
    if sentence:
        shown.print(render.pair(name, sentence))
