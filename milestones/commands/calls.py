"""Calls under a key: carried out once, and answered alike each time.

An order is unique by its key, and its answer is what became of it. Of everything else that changes something, the answer
is kept. What was refused has changed nothing, so its key is free again; what the end of the daemon cut short is carried
out anew, which is the same as once: such commands set a state, or ask for what is done once by its own keys.
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from milestones.commands.models.command import Answer, Command
from milestones.commands.models.orders import Keyed
from milestones.domain.keys import request_mark
from milestones.errors import KeyTakenError, MilestonesError, StoreError
from milestones.store import calls
from milestones.store.database.store import Store, retry_races
from milestones.store.tables import ApiCall

A = TypeVar("A", bound=Answer)

_NOT_COMPARED = {"key", "wait", "source"}
"""What says how a command is given, and not what it is."""


class UnderWayError(MilestonesError):
    """The same call is being carried out at this moment."""


class Calls:
    """What is under way in this process, and what the database keeps of the rest."""

    def __init__(self, store: Store, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._secret = secret
        self._clock = clock
        self._run = secrets.token_hex(8)
        self._under_way: set[str] = set()

    async def once(self, key: str, command: Command[A, Any], perform: Callable[[], Awaitable[A]]) -> A:
        """Carry a command out and keep its answer, or find the answer that was given before under this key.

        Raises KeyTakenError where the key stands for another call, UnderWayError, and what ``perform`` raises.
        """
        alone = key not in self._under_way
        # Noted before anything is awaited: of two that come at once, one finds the other here.
        self._under_way.add(key)
        try:
            kept = await self._begin(key, command, alone=alone)
            if kept is not None:
                return command.answer_type().model_validate(kept)
            return await self._carry_out(key, command, perform, alone=alone)
        finally:
            if alone:
                self._under_way.discard(key)

    @retry_races
    async def _begin(self, key: str, command: Command[Any, Any], *, alone: bool) -> dict[str, Any] | None:
        """The answer that is kept, or None where the command is to be carried out; it is noted then."""
        call = ApiCall(key=key, fingerprint=self._mark(command), run=self._run, begun_at=self._clock())
        async with self._store.write() as tx:
            former = await calls.begin(tx, call)
            if former is None:
                return None
            if former.fingerprint != call.fingerprint:
                raise KeyTakenError(
                    f"The Idempotency-Key {key!r} was used on {former.begun_at:%Y-%m-%d %H:%M} UTC for another call. Take "
                    "a new key for each call that is to be carried out."
                )
            if not _is_kept(command) or former.answer is not None:
                return former.answer
            if not alone or not await calls.take_over(tx, call, former.run):
                raise UnderWayError(
                    "The same call is being carried out. Its answer will be kept; ask again in a moment."
                )
            return None

    async def _carry_out(
        self, key: str, command: Command[A, Any], perform: Callable[[], Awaitable[A]], *, alone: bool
    ) -> A:
        try:
            answer = await perform()
        except StoreError:
            # Nobody knows whether it was written; under the same key it may be tried again.
            raise
        except MilestonesError:
            if alone:
                async with self._store.write() as tx:
                    await calls.withdraw(tx, key)
            raise
        if _is_kept(command):
            async with self._store.write() as tx:
                await calls.keep_answer(tx, key, json.loads(answer.model_dump_json()))
        return answer

    def _mark(self, command: Command[Any, Any]) -> str:
        fields = command.model_dump(mode="json", exclude=_NOT_COMPARED)
        return request_mark(self._secret, json.dumps([command.path, fields], sort_keys=True))


def _is_kept(command: Command[Any, Any]) -> bool:
    return command.changes and not isinstance(command, Keyed)
