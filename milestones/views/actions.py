"""One action of the outbox, or many, as an operator looks at them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from milestones.domain.actions import FINAL, State
from milestones.errors import NotFoundError
from milestones.store.database.store import Transaction
from milestones.store.outbox.attempts import list_attempts
from milestones.store.tables import Action
from milestones.store.views import lookup
from milestones.store.views.lookup import Which
from milestones.views.attempts import AttemptLine, attempt_lines
from milestones.views.sentences import (
    MOVED_ON_BY,
    NEEDS,
    action_sentence,
    reason,
    subject,
)


@dataclass(frozen=True, slots=True)
class Sibling:
    """An action of the same grant or reminder."""

    id: int
    kind: str
    state: str
    subject: str


@dataclass(frozen=True, slots=True)
class ActionDetail:
    """One action whole. waits_because: what it waits for besides other actions. tries: its attempts, oldest first."""

    id: int
    sentence: str
    kind: str
    state: str
    verdict: str | None
    reason: str | None
    moved_on_by: str
    waits_because: str | None
    site_id: str
    account_id: str
    milestone: str
    owner: str
    key: str
    recorded_at: datetime
    available_at: datetime
    settled_at: datetime | None
    attempts: int
    tries: tuple[AttemptLine, ...]
    lost: bool
    error: str | None
    payload: dict[str, Any]
    result: dict[str, Any] | None
    waits_for: list[Sibling]
    awaited_by: list[Sibling]

    @property
    def is_open(self) -> bool:
        """Whether something may still become of it."""
        return State(self.state) not in FINAL


async def get_detail(tx: Transaction, action_id: int) -> ActionDetail:
    """One action with its neighbours. Raises NotFoundError where there is none of this number."""
    result = await lookup.list_actions(tx, Which(ids=(action_id,)))
    if not result:
        raise NotFoundError(f"There is no action #{action_id}. `milestones outbox list` shows their numbers.")
    (action,) = result
    siblings = await lookup.list_of_owner(tx, action.owner)
    return ActionDetail(
        id=action_id,
        sentence=action_sentence(action) + ".",
        kind=action.kind,
        state=action.state,
        verdict=action.verdict,
        reason=reason(action.verdict),
        moved_on_by=MOVED_ON_BY[State(action.state)],
        waits_because=NEEDS.get(action.needs) if action.needs else None,
        site_id=action.site_id,
        account_id=action.account_id,
        milestone=action.milestone,
        owner=action.owner,
        key=action.key,
        recorded_at=action.recorded_at,
        available_at=action.available_at,
        settled_at=action.settled_at,
        attempts=action.attempts,
        tries=attempt_lines((await list_attempts(tx, [action_id])).get(action_id, [])),
        lost=action.lost,
        error=action.error,
        payload=action.payload,
        result=action.result,
        waits_for=[_other(one) for one in siblings if one.key in action.waits_for],
        awaited_by=[_other(one) for one in siblings if action.key in one.waits_for],
    )


def _other(action: Action) -> Sibling:
    return Sibling(action.id or 0, action.kind, action.state, subject(action))


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action as a line of a list."""

    id: int
    site_id: str
    account_id: str
    milestone: str
    kind: str
    state: str
    verdict: str | None
    needs: str | None
    available_at: datetime
    recorded_at: datetime
    settled_at: datetime | None
    attempts: int
    error: str | None
    lost: bool
    subject: str
    sentence: str
    reason: str | None


def describe_action(action: Action) -> ActionLine:
    """One line of the list, with what it says to a person."""
    return ActionLine(
        id=action.id or 0,
        site_id=action.site_id,
        account_id=action.account_id,
        milestone=action.milestone,
        kind=action.kind,
        state=action.state,
        verdict=action.verdict,
        needs=action.needs,
        available_at=action.available_at,
        recorded_at=action.recorded_at,
        settled_at=action.settled_at,
        attempts=action.attempts,
        error=action.error,
        lost=action.lost,
        subject=subject(action),
        sentence=action_sentence(action),
        reason=reason(action.verdict),
    )
