"""Every move of an action has its one home: what is in the table happens, and nothing else does."""

import ast
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, true

import milestones
from milestones.domain.actions import FINAL, Need, PlannedAction, State
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.outbox import moves
from milestones.store.outbox.moves import MOVES, Move
from milestones.store.tables import Action
from tests.builders import NOW, SITE

_ACTIONS = table_of(Action)
SOURCE = Path(inspect.getfile(milestones)).parent
PAGE = SOURCE.parent / "docs" / "states.md"
NUMBERS = {state: number for number, state in enumerate(State, 1)}
"""The id of the one action that stands in each state."""

Way = Callable[[Transaction], Awaitable[object]]


def rows(waits_for: list[str], verdict: Verdict | None) -> list[Action]:
    return [
        Action(
            id=number,
            key=f"key-{number}",
            owner="owner",
            site_id=SITE,
            account_id="account",
            milestone="stars",
            kind="coupon",
            state=state,
            verdict=verdict,
            available_at=NOW,
            payload={},
            waits_for=waits_for,
            needs=Need.MEMBER if state is State.WAITING else None,
            generation=1 if state is State.RUNNING else None,
            recorded_at=NOW,
        )
        for state, number in NUMBERS.items()
    ]


def settling(state: State) -> Way:
    return lambda tx: moves.settle(tx, true(), state, Verdict.DONE, NOW, attempts=0)


def anew(move: Move, awaited: tuple[str, ...]) -> Way:
    chosen = rows([*awaited], None)
    return lambda tx: moves.begin_anew(tx, move, chosen)


def on_each(way: Callable[[Transaction, int], Awaitable[object]]) -> Way:
    async def every(tx: Transaction) -> None:
        for number in NUMBERS.values():
            await way(tx, number)

    return every


IDS = list(NUMBERS.values())
WAYS: list[tuple[Move, State, Way]] = [
    (moves.RECLAIM, State.AVAILABLE, lambda tx: moves.reclaim(tx, SITE)),
    (moves.CLAIM, State.RUNNING, lambda tx: moves.claim(tx, IDS, 2)),
    (
        moves.PUT_BACK,
        State.AVAILABLE,
        lambda tx: moves.put_back(tx, true(), NOW, failing=True, begun=False),
    ),
    *((moves.SETTLE, state, settling(state)) for state in State if state is not State.RUNNING),
    (moves.GO_ON, State.AVAILABLE, lambda tx: moves.go_on(tx, true())),
    (moves.SUPERSEDE, State.CANCELLED, on_each(lambda tx, number: moves.supersede(tx, number, NOW))),
    (moves.BLOCK, State.HELD, on_each(moves.block)),
    (moves.UNBLOCK, State.WAITING, lambda tx: moves.unblock(tx, true())),
    (moves.RETRY, State.AVAILABLE, anew(moves.RETRY, ())),
    (moves.RETRY, State.WAITING, anew(moves.RETRY, ("other",))),
    (moves.RELEASE, State.AVAILABLE, anew(moves.RELEASE, ())),
    (moves.RELEASE, State.WAITING, anew(moves.RELEASE, ("other",))),
    (moves.HOLD, State.HELD, lambda tx: moves.hold(tx, IDS)),
    (moves.CANCEL, State.CANCELLED, lambda tx: moves.cancel(tx, IDS, NOW)),
    (moves.RESOLVE, State.DONE, lambda tx: moves.resolve(tx, IDS, NOW, done=True)),
    (moves.RESOLVE, State.AVAILABLE, lambda tx: moves.resolve(tx, IDS, NOW, done=False)),
    (moves.GIVE_UP, State.CANCELLED, lambda tx: moves.give_up(tx, true(), Verdict.DELETED, NOW)),
    (moves.AWAIT_HEIR, State.WAITING, lambda tx: moves.await_heir(tx, true())),
    (moves.SELECT, State.AVAILABLE, lambda tx: moves.select(tx, true(), NOW)),
    (moves.ABANDON_SCAN, State.CANCELLED, lambda tx: moves.abandon_scan(tx, SITE, NOW)),
]


def test_each_way_of_each_move_is_tried_here() -> None:
    assert {(move.name, lead) for move, lead, _ in WAYS} == {
        (move.name, lead) for move in MOVES for lead in move.leads
    }


async def test_a_move_takes_what_stands_where_it_starts_and_leaves_all_else(store: Store) -> None:
    for move, lead, way in WAYS:
        awaited = {moves.UNBLOCK: Verdict.BLOCKED, moves.ABANDON_SCAN: Verdict.SCAN_UNDER_WAY}
        async with store.write() as tx:
            await tx.execute(delete(_ACTIONS))
            await tx.execute(insert(_ACTIONS), [row.model_dump() for row in rows([], awaited.get(move))])
            await way(tx)
            came = {row.id: row.state for row in await tx.execute(select(_ACTIONS.c.id, _ACTIONS.c.state))}
        expected = {number: lead if state in move.starts else state for state, number in NUMBERS.items()}
        assert came == expected, move.name


async def test_what_stands_in_a_state_has_no_lease_but_while_it_runs(store: Store) -> None:
    for move, lead, way in WAYS:
        if lead is State.RUNNING or move is moves.RECLAIM:
            continue
        async with store.write() as tx:
            await tx.execute(delete(_ACTIONS))
            await tx.execute(insert(_ACTIONS), [row.model_dump() for row in rows([], None)])
            await way(tx)
            leased = select(_ACTIONS.c.id).where(
                _ACTIONS.c.generation.is_not(None), _ACTIONS.c.state != State.RUNNING
            )
            assert (await tx.execute(leased)).all() == [], move.name


def test_every_state_but_the_end_is_left_by_itself_or_by_a_person() -> None:
    pairs = set().union(*(move.pairs for move in MOVES))
    left = {start for start, lead in pairs if start != lead}
    assert left == set(State) - {State.DONE}
    by_itself = set().union(
        *(move.pairs for move in MOVES if move not in {moves.RETRY, moves.RESOLVE, moves.RELEASE})
    )
    assert not {start for start, _ in by_itself} & (FINAL | {State.UNKNOWN})


@pytest.mark.parametrize(
    ("stop", "waits_for", "state"),
    [
        (None, (), State.AVAILABLE),
        (None, (0,), State.WAITING),
        (Verdict.BREAKER, (0,), State.HELD),
        (Verdict.SHADOW, (), State.CANCELLED),
    ],
)
def test_an_action_is_recorded_where_its_life_begins(
    stop: Verdict | None, waits_for: tuple[int, ...], state: State
) -> None:
    assert moves.first_state(PlannedAction("key", 1, "email", {}, NOW, waits_for), stop) is state


def test_the_page_shows_the_same_table() -> None:
    shown: dict[str, tuple[frozenset[State], ...]] = {}
    for line in PAGE.read_text().partition("## Moves")[2].partition("\n## ")[0].splitlines():
        if (cells := re.fullmatch(r"\| ([a-z ]+) \| ([^|]*) \| ([^|]*) \| [^|]+ \|", line)) is not None:
            shown[cells[1]] = tuple(frozenset(map(State, re.findall(r"`(\w+)`", cells[n]))) for n in (2, 3))
    del shown["move"]  # the head of the table
    assert shown == {move.name: (move.starts, move.leads) for move in MOVES}


def writes_of_state(tree: ast.AST) -> Iterator[int]:
    """The lines where a statement on actions gets values that are, or may be, a state."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "values" or "update(" not in (chain := ast.unparse(node.func)):
            continue
        names = {keyword.arg for keyword in node.keywords} | ({"state"} if node.args else set())
        if re.search(r"update\((_ACTIONS|actions|table_of\(Action\)|Action)\)", chain) and names & {
            "state",
            None,
        }:
            yield node.lineno


def test_nobody_else_writes_a_state() -> None:
    found = {
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line in writes_of_state(ast.parse(path.read_text()))
        if path != Path(inspect.getfile(moves))
    }
    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        "update(_ACTIONS).where(x).values(state=1)",
        "update(_ACTIONS).values({'state': 1})",
        "update(table_of(Action)).values(**values)",
    ],
)
def test_the_guard_sees_a_write(code: str) -> None:
    assert list(writes_of_state(ast.parse(code))) == [1]
