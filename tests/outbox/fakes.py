"""A channel that does what a test tells it to, and writes down what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from milestones import effects
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task

Answer = Mapping[str, Any] | ChannelError


@dataclass
class FakeChannel:
    """Every perform succeeds unless ``answers`` has something else for its turn.

    turns: how many may begin; without it all may. ends: accounts whose effects end when that is set.
    meanwhile: happens while the gate is asked. stuck: accounts whose effects never end, by whether they are stuck
    before they begin or after.
    """

    answers: list[Answer] = field(default_factory=list)
    found: Found | ChannelError = field(default_factory=lambda: Found(Fate.REPEAT))
    stops: dict[int, Stop] = field(default_factory=dict)
    gate_error: Exception | None = None
    concurrency: int = 2
    before: Callable[[Task], None] = lambda _task: None
    meanwhile: Callable[[], Awaitable[object]] | None = None
    stuck: dict[str, str] = field(default_factory=dict)
    all_stuck: asyncio.Event = field(default_factory=asyncio.Event)
    turns: asyncio.Semaphore | None = None
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    most_at_once: int = 0
    under_way: int = 0
    waiting: int = 0
    performed: list[Task] = field(default_factory=list)
    recovered: list[Task] = field(default_factory=list)
    gated: list[list[int]] = field(default_factory=list)

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        self.gated.append([task.id for task in tasks])
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.gate_error is not None:
            raise self.gate_error
        return {task.id: self.stops[task.id] for task in tasks if task.id in self.stops}

    async def perform(self, task: Task) -> Mapping[str, Any]:
        await self._turn()
        await effects.begin()
        self.before(task)
        self.performed.append(task)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        self.changed.set()
        try:
            return await self._performed(task)
        finally:
            self.under_way -= 1

    async def _turn(self) -> None:
        self.waiting += 1
        self.changed.set()
        try:
            if self.turns is not None:
                await self.turns.acquire()
        finally:
            self.waiting -= 1

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds that changes with what is begun here."""
        async with asyncio.timeout(60):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    async def _performed(self, task: Task) -> Mapping[str, Any]:
        if task.account_id in self.ends:
            await self.ends[task.account_id].wait()
        if task.account_id in self.stuck:
            await self._stick(self.stuck[task.account_id])
        answer = self.answers.pop(0) if self.answers else {"done": task.key}
        if isinstance(answer, ChannelError):
            raise answer
        return answer

    async def _stick(self, where: str) -> None:
        if {task.account_id for task in self.performed} >= self.stuck.keys():
            self.all_stuck.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if where == "before":
                raise ChannelError("cut short before it began", untried=True) from None
            raise

    async def recover(self, task: Task) -> Found:
        self.recovered.append(task)
        if isinstance(self.found, ChannelError):
            raise self.found
        return self.found
