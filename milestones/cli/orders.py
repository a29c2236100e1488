"""What became of an order, for whoever gave it."""

from collections.abc import Callable, Mapping
from typing import Any

import typer

from milestones.cli import render
from milestones.cli.render import print_json, text
from milestones.commands.models.orders import OrderAnswer
from milestones.config.values import plural

_FAILED = {"discarded", "cancelled", "unknown"}


def tell_order(answer: OrderAnswer, *, as_json: bool) -> None:
    """Show it. Exits 1 where it will not be done, or only a person can tell whether it was."""
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    if any(action.state in _FAILED for action in answer.actions):
        raise typer.Exit(1)


def tell_held(number: int, hint: str = "") -> None:
    """Say of a file's orders how many the breaker holds, and how they are let go. hint: what to do another time.

    Exits 1 where there are any: whoever gave them unasked must not take them for done.
    """
    if not number:
        return
    typer.echo(
        f"The breaker holds {plural(number, 'order')}, and nothing is done for them until a person has looked: "
        "`milestones outbox list --source import --verdict breaker` shows them, and "
        f"`milestones outbox release --source import --verdict breaker` lets them go.{hint}",
        err=True,
    )
    raise typer.Exit(1)


def _show(answer: OrderAnswer) -> None:
    shown = render.console()
    if not answer.created:
        shown.print("[dim]This order was given before, with the same key, so nothing is done anew.[/]")
    for action in answer.actions:
        shown.print(f"#{action.id} {text(action.sentence)}.")
        if action.state == "done":
            if (tell := _RESULTS.get(action.kind)) is not None:
                shown.print(tell(action.result or {}))
            continue
        for why in filter(None, (action.error, action.reason)):
            shown.print(f"   {text(why)}")
    if not answer.is_done:
        shown.print(_following(answer))


def _balances(result: Mapping[str, Any]) -> str:
    before, after = result.get("before"), result.get("after")
    if not isinstance(before, int) or not isinstance(after, int):
        return "   Wix has it."
    return f"   The balance went from {before:,} to {after:,}."


def _code(result: Mapping[str, Any]) -> str:
    code = result.get("code")
    return "   Wix tells no code of it." if code is None else f"   Its code is [bold]{text(code)}[/]."


def _points(result: Mapping[str, Any]) -> str:
    points = result.get("points")
    spent = (
        "" if points is None else f" {points:,} points were spent; Wix gives them back if nothing is bought."
    )
    return f"   The checkout has it.{spent}"


def _account(result: Mapping[str, Any]) -> str:
    return f"   It is {text(str(result.get('account_id')))}."


_RESULTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "account": _account,
    "adjust": _balances,
    "redemption": _code,
    "discount": _points,
}
"""What more there is to say of a kind of order that is done."""


def _following(answer: OrderAnswer) -> str:
    numbers = ", ".join(f"`milestones outbox show {action.id}`" for action in answer.actions)
    if not answer.works and not answer.settled:
        return f"It is recorded, and the next `milestones run` does it: {numbers}."
    return f"{numbers} {'tells' if len(answer.actions) == 1 else 'tell'} what became of it."
