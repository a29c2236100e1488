"""Points changed by an amount or to a balance. Wix takes no key for that, but it takes the revision of the account and
refuses one that is not the latest (docs/wix-api.md, 2.3).

So the revision is read and noted before the act. After a lost answer, an account that still has it was not changed, and
the repetition names the same revision: of two of them Wix books one. An account that has another was changed by us or by
somebody else, which the transaction with our mark tells, once queries show it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.formats.untrusted import microseconds
from milestones.kinds.adjust.payload import AdjustPayload
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.program import CurrentProgram, gate_by_program, refusal_while_inactive
from milestones.kinds.services import SiteServices
from milestones.wix import accounts, transactions
from milestones.wix.transport import WixClient


@dataclass(frozen=True, slots=True)
class Standing:
    """An account at one moment. at: Wix's ``updatedDate`` in microseconds. tier_points: None where Wix tells none."""

    revision: int
    balance: int
    at: int = 0
    earned: int = 0
    tier_points: int | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """An adjustment that Wix has. The balances are None where Wix does not tell them."""

    transaction_id: str | None
    before: int | None
    after: int | None


class Ledger(Protocol):
    """The accounts of one site. Every method raises ChannelError."""

    async def get_standing(self, account_id: str, /) -> Standing:
        """The account as it is now, and not as queries show it."""

    async def adjust(
        self, account_id: str, *, amount: int | None, balance: int | None, description: str, revision: int
    ) -> Booked:
        """Books it if the account still has this revision."""

    async def find(self, account_id: str, description: str, /) -> Booked | None:
        """The transaction with this description, or None while queries do not show one."""


@dataclass(frozen=True, slots=True)
class SiteLedger:
    """``Ledger`` on Wix."""

    client: WixClient

    async def get_standing(self, account_id: str, /) -> Standing:
        """The account as it is now."""
        found = await accounts.get(self.client, account_id)
        return Standing(
            found.revision,
            found.points.balance,
            at=microseconds(found.updated_date),
            earned=found.points.earned,
            tier_points=found.tier.points if found.tier else None,
        )

    async def adjust(
        self, account_id: str, *, amount: int | None, balance: int | None, description: str, revision: int
    ) -> Booked:
        """Books it if the account still has this revision."""
        booking = await accounts.adjust(
            self.client,
            account_id,
            amount=amount,
            balance=balance,
            description=description,
            revision=revision,
        )
        after = booking.account.points.balance if booking.account is not None else None
        return Booked(booking.transaction_id, None, after)

    async def find(self, account_id: str, description: str, /) -> Booked | None:
        """The transaction with this description."""
        found = await transactions.find_by_description(self.client, account_id, description)
        if found is None:
            return None
        told = found.adjust_info
        return Booked(found.id, told.amount_before if told else None, told.amount_after if told else None)


class AdjustChannel:
    """The adjustments of one site. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self, ledger: Ledger, *, program: CurrentProgram, query_lag: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._program = program
        self._query_lag = query_lag
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Waits while the program is not active. A balance is set for the account that was meant, and no other: what a
        merge has handed over would overwrite the points of both.
        """
        inactive = await gate_by_program(self._program, tasks, self._clock)
        if inactive:
            return inactive
        return {
            task.id: Stop(State.CANCELLED, Verdict.OTHER_ACCOUNT) for task in tasks if _is_of_another(task)
        }

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Books it once. Raises ChannelError."""
        payload = AdjustPayload.from_json(task.payload)
        standing = await self._look(task, payload)
        if isinstance(standing, Booked):
            return _result(standing)
        if payload.balance == standing.balance:
            return _result(Booked(None, standing.balance, standing.balance))
        if payload.amount is not None and standing.balance + payload.amount < 0:
            raise ChannelError(
                f"The account has {standing.balance:,} points, so {-payload.amount:,} cannot be taken.",
                permanent=True,
            )
        try:
            with effects.intending(_intent(task.account_id, payload, standing)):
                booked = await self._ledger.adjust(
                    task.account_id,
                    amount=payload.amount,
                    balance=payload.balance,
                    description=payload.description,
                    revision=standing.revision,
                )
        except ChannelError as error:
            if not error.permanent or error.connection_wide:
                raise
            raise await self._refusal(error, task, standing) from error
        return _result(Booked(booked.transaction_id, standing.balance, booked.after))

    async def recover(self, task: Task) -> Found:
        """Asks for the account, and where it was changed since for our transaction."""
        payload = AdjustPayload.from_json(task.payload)
        if task.intent is None:
            return Found(Fate.REPEAT)
        if task.intent["account_id"] != task.account_id:
            # A merge has handed it over, and what an account of before had is told by its transactions alone.
            booked = await self._ledger.find(task.intent["account_id"], payload.description)
            if booked is None:
                await_query(task.lost_at, self._clock(), self._query_lag)
                return Found(Fate.UNTOLD)
            return Found(Fate.HAPPENED, _result(booked))
        found = await self._look(task, payload)
        return Found(Fate.HAPPENED, _result(found)) if isinstance(found, Booked) else Found(Fate.REPEAT)

    async def _look(self, task: Task, payload: AdjustPayload) -> Standing | Booked:
        """The account now; or what an earlier attempt has booked, whose answer was lost. A late one may still come, so
        it is asked before each repetition. Raises ChannelError, also where the account is gone and nothing was booked.
        """
        standing, gone = None, None
        try:
            standing = await self._ledger.get_standing(task.account_id)
        except ChannelError as error:
            if task.lost_at is None or task.intent is None or not error.permanent or error.connection_wide:
                raise
            # What an account had that was deleted since, its transactions may tell still.
            gone = error
        if standing is not None and (
            task.lost_at is None or task.intent is None or standing.revision == task.intent["revision"]
        ):
            return standing
        booked = await self._ledger.find(task.account_id, payload.description)
        if booked is not None:
            return booked
        await_query(task.lost_at, self._clock(), self._query_lag)
        if gone is not None:
            raise gone
        assert standing is not None, "it was read, or is gone"
        return standing

    async def _refusal(self, error: ChannelError, task: Task, before: Standing) -> ChannelError:
        """What a refusal means. In what words Wix refuses a revision, or while the program is paused, is documented
        nowhere (docs/wix-api.md, 8).
        """
        if not (await self._program(anew=True)).active:
            return refusal_while_inactive("the adjustment", self._clock())
        if await self._ledger.get_standing(task.account_id) != before:
            return ChannelError("The account changed while it was adjusted; it is read anew.")
        return error


def _intent(account_id: str, payload: AdjustPayload, standing: Standing) -> dict[str, Any]:
    """What is noted before the act. A step that is to be muted is so from then on (``store.mutes``)."""
    intent: dict[str, Any] = {"account_id": account_id, "revision": standing.revision}
    if payload.mutes:
        leads_to = (
            payload.balance if payload.balance is not None else standing.balance + (payload.amount or 0)
        )
        intent["mute"] = {
            "at": standing.at,
            "balance": standing.balance,
            "earned": standing.earned,
            "tier_points": standing.tier_points,
            "leads_to": leads_to,
        }
    return intent


def _is_of_another(task: Task) -> bool:
    payload = AdjustPayload.from_json(task.payload)
    meant = payload.account_id or task.inputs.get("account", {}).get("account_id")
    return payload.balance is not None and meant != task.account_id


def _result(booked: Booked) -> dict[str, Any]:
    return {"before": booked.before, "after": booked.after, "transaction_id": booked.transaction_id}


def build(services: SiteServices) -> AdjustChannel:
    """The channel of a site."""
    return AdjustChannel(
        SiteLedger(services.client),
        program=services.program,
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
