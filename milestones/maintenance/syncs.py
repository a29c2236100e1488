"""Keeps sites in step with other programs: each program has its own turns, so that a slow one keeps no other waiting."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from milestones.errors import IngestError, MilestonesError, UsageError
from milestones.maintenance.service import pause
from milestones.store import agreements
from milestones.sync.hear import Recent, hear
from milestones.sync.turn import take_turn
from milestones.sync.work import SyncWork
from milestones.web import sync_events

log = structlog.get_logger()

IDLE = 30.0
"""Seconds between two looks at what is due, where nobody rang."""

SETTLING = 2.0
"""Seconds between two looks at adjustments that are under way."""

TROUBLE = 60.0
"""Seconds after a turn that could not do everything."""

BURST = 1.0
"""Seconds that are waited after something changed: it seldom comes alone."""

Key = tuple[str, str]
"""A site and a program."""


@dataclass(slots=True)
class Turns:
    """Whose turn it is. works: of every program of the configuration in force. public_url: where they reach this one.

    reloaded: is set when that configuration is another.
    """

    works: Callable[[], Sequence[SyncWork]]
    public_url: Callable[[], str]
    reloaded: asyncio.Event = field(default_factory=asyncio.Event)
    _recent: Recent = field(default_factory=Recent)
    _bells: dict[Key, asyncio.Event] = field(default_factory=dict)

    def ring(self) -> None:
        """Wake it: something changed here, or an event of another program came."""
        for bell in self._bells.values():
            bell.set()

    def renew(self) -> None:
        """Wake it, and begin with the programs of a new configuration."""
        self.reloaded.set()
        self.ring()

    async def hear(self, program: str, headers: Mapping[str, str], body: bytes) -> None:
        """Take an event of a program. Raises IngestError where it must not be acknowledged, and StoreError."""
        work = next((work for work in self.works() if work.name == program), None)
        if work is None:
            raise IngestError(404, "No program of this name is kept in step with.")
        url = f"{self.public_url()}{sync_events.PREFIX}{program}"
        if await hear(work, self._recent, url, headers, body):
            self.ring()

    def get_works(self) -> dict[Key, SyncWork]:
        """What is to be kept in step, by site and program."""
        return {(work.site_id, work.name): work for work in self.works()}

    def get_bell(self, key: Key) -> asyncio.Event:
        """What wakes a program's turns."""
        return self._bells.setdefault(key, asyncio.Event())


async def keep_in_step(turns: Turns, stop: asyncio.Event) -> None:
    """Take turns with every program until ``stop``; those under way are waited for. A reload may bring others."""
    tasks: dict[Key, asyncio.Task[None]] = {}
    while not stop.is_set():
        turns.reloaded.clear()
        tasks = {key: task for key, task in tasks.items() if not task.done()}
        for key in turns.get_works():
            if key not in tasks:
                tasks[key] = asyncio.create_task(_keep(turns, key, stop))
        await pause(IDLE, stop, turns.reloaded)
    if tasks:
        await asyncio.wait(tasks.values())


async def _keep(turns: Turns, key: Key, stop: asyncio.Event) -> None:
    bell = turns.get_bell(key)
    while not stop.is_set():
        work = turns.get_works().get(key)
        if work is None:
            return
        bell.clear()
        await pause(await _take(work), stop, bell)
        if bell.is_set():
            await pause(BURST, stop)


async def _take(work: SyncWork) -> float:
    """Take a turn. Returns after how many seconds to look again."""
    try:
        turn = await take_turn(work)
        async with work.store.read() as tx:
            waiting = await agreements.count_open(tx, work.site_id, work.name)
    except UsageError:
        # Of a site that is not known yet, or not any more, there is nothing to be told every minute.
        return IDLE
    except MilestonesError as error:
        log.warning("sync_failed", site=work.site_id, program=work.name, error=str(error))
        return TROUBLE
    except Exception as error:
        # A fault in one program's turn must not end the others.
        log.exception("sync_crashed", site=work.site_id, program=work.name, error=type(error).__name__)
        return TROUBLE
    if turn.trouble is not None:
        log.warning("sync_trouble", site=work.site_id, program=work.name, error=turn.trouble)
    if turn.counts["agreed"] or turn.counts["settled"] or turn.counts["listed"]:
        log.info("sync_turn", site=work.site_id, program=work.name, **dict(turn.counts))
    if waiting:
        return SETTLING
    return TROUBLE if turn.trouble is not None else IDLE
