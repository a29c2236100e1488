"""Points as a reward: earned with an idempotency key, at most so many times in a period (docs/wix-api.md, 2.3)."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.points.payload import Points, PointsPayload
from milestones.kinds.program import CurrentProgram, gate_by_program, refusal_while_inactive
from milestones.kinds.services import SiteServices
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Action
from milestones.wix import accounts, transactions
from milestones.wix.account import LOYALTY_APP_ID
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.transport import WixClient

_ACTIONS = table_of(Action)


class Earnings(Protocol):
    """The points of one site. Every method raises ChannelError."""

    async def earn(
        self, account_id: str, *, amount: int, description: str, idempotency_key: str
    ) -> str | None:
        """Books the points once for each key, and returns the transaction's id where Wix tells it."""

    async def transaction(self, idempotency_key: str, /) -> str | None:
        """The id of the transaction with this key, or None while queries do not show one (section 2.8)."""


class EarnedSince(Protocol):
    """How many point rewards of a milestone an account has had since a moment, whatever came of those under way.

    apart_from: actions that are not counted, by id.
    """

    async def __call__(
        self, account_id: str, milestone: str, since: datetime, /, *, apart_from: Collection[int]
    ) -> int:
        """Raises StoreError."""


@dataclass(frozen=True, slots=True)
class SiteEarnings:
    """``Earnings`` on Wix."""

    client: WixClient

    async def earn(
        self, account_id: str, *, amount: int, description: str, idempotency_key: str
    ) -> str | None:
        """Books the points once for each key. A key that was used is ours: the points are there.

        In what words Wix refuses such a key is documented nowhere: of any other refusal the transaction decides.
        """
        try:
            booking = await accounts.earn(
                self.client,
                account_id,
                amount=amount,
                description=description,
                app_id=LOYALTY_APP_ID,
                idempotency_key=idempotency_key,
            )
        except (WixRefusedError, WixConflictError) as error:
            found = await self.transaction(idempotency_key)
            if found is None and not accounts.already_earned(error):
                raise
            return found
        return booking.transaction_id

    async def transaction(self, idempotency_key: str, /) -> str | None:
        """The id of the transaction with this key, or None while queries do not show one."""
        found = await transactions.find_by_idempotency_key(self.client, idempotency_key)
        return found.id if found is not None else None


@dataclass(frozen=True, slots=True)
class EarnedRewards:
    """``EarnedSince`` on the store."""

    store: Store
    site_id: str

    async def __call__(
        self, account_id: str, milestone: str, since: datetime, /, *, apart_from: Collection[int]
    ) -> int:
        """Point rewards of a milestone that an account has had."""
        async with self.store.read() as tx:
            return await point_rewards(tx, self.site_id, account_id, milestone, since, apart_from)


async def point_rewards(
    tx: Transaction,
    site_id: str,
    account_id: str,
    milestone: str,
    since: datetime,
    apart_from: Collection[int] = (),
) -> int:
    """Point rewards that an account was given for a milestone since a time, those under way included, and those of
    which nobody knows.

    It counts when they were given: that may be long after they were recorded. apart_from: actions that are not counted.
    """
    statement = select(func.count()).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.account_id == account_id,
        _ACTIONS.c.milestone == milestone,
        _ACTIONS.c.kind == Points.kind,
        _ACTIONS.c.settled_at.is_(None) | (_ACTIONS.c.settled_at > since),
        _ACTIONS.c.state.in_([State.DONE, State.UNKNOWN, State.RUNNING]) | _ACTIONS.c.lost_at.is_not(None),
        _ACTIONS.c.id.not_in(apart_from),
    )
    return int((await tx.execute(statement)).scalar_one())


class PointsChannel:
    """The points that one site gives. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self,
        earnings: Earnings,
        *,
        earned_since: EarnedSince,
        program: CurrentProgram,
        query_lag: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._query_lag = query_lag
        self._earnings = earnings
        self._earned_since = earned_since
        self._program = program
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Cancels what is beyond the cap, the others of the same batch counted; waits while the program is paused,
        since Wix then refuses points for good.
        """
        inactive = await gate_by_program(self._program, tasks, self._clock)
        if inactive:
            return inactive
        stops: dict[int, Stop] = {}
        # One whose answer was lost counts as had for others, and must not stand in its own way.
        batch = [task.id for task in tasks]
        passed: Counter[tuple[str, str]] = Counter()
        for task in sorted(tasks, key=lambda task: task.id):
            cap = PointsPayload.from_json(task.payload).cap
            if cap is None:
                continue
            since = self._clock() - cap.period
            had = await self._earned_since(task.account_id, task.milestone, since, apart_from=batch)
            if had + passed[task.account_id, task.milestone] >= cap.times:
                stops[task.id] = Stop(State.CANCELLED, Verdict.POINTS_CAPPED)
            else:
                passed[task.account_id, task.milestone] += 1
        return stops

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Books the points. Raises ChannelError, which lets all points wait if the program was paused since the gate."""
        payload = PointsPayload.from_json(task.payload)
        try:
            transaction_id = await self._earnings.earn(
                task.account_id,
                amount=payload.amount,
                description=payload.description,
                idempotency_key=payload.idempotency_key,
            )
        except ChannelError as error:
            # With which status Wix refuses then is documented nowhere (section 8), and it sends no event of a pause.
            if not error.permanent or (await self._program(anew=True)).active:
                raise
            raise refusal_while_inactive("the points", self._clock()) from error
        return _result(payload, transaction_id)

    async def recover(self, task: Task) -> Found:
        """Looks the transaction up. For how long Wix remembers the key is documented nowhere, so what does not show is
        awaited before it is repeated.
        """
        payload = PointsPayload.from_json(task.payload)
        transaction_id = await self._earnings.transaction(payload.idempotency_key)
        if transaction_id is None:
            await_query(task.lost_at, self._clock(), self._query_lag)
            return Found(Fate.REPEAT)
        return Found(Fate.HAPPENED, _result(payload, transaction_id))


def _result(payload: PointsPayload, transaction_id: str | None) -> dict[str, Any]:
    return {"amount": payload.amount, "transaction_id": transaction_id}


def build(services: SiteServices) -> PointsChannel:
    """The channel of a site."""
    return PointsChannel(
        SiteEarnings(services.client),
        earned_since=EarnedRewards(services.store, services.site_id),
        program=services.program,
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
