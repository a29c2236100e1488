"""What met another writer is run again."""

import asyncio

import pytest

from milestones.errors import (
    StoreRaceError,
    StoreUnavailableError,
)
from milestones.store.database.store import (
    LONGEST_WAIT,
    TRIES,
    Store,
    retry_races,
)
from tests.store.rules import opened


class TestRaces:
    """Two writers that meet on PostgreSQL: whoever comes second tries again with what the first one wrote."""

    async def test_a_key_that_another_writer_took_first_is_a_race(self, postgres_database_url: str) -> None:
        async with opened(postgres_database_url) as store:
            with pytest.raises(StoreRaceError):
                await self._the_same_key_twice(store)
            async with store.read() as tx:
                assert (
                    await tx.exec_driver_sql("SELECT count(*) FROM meta WHERE key = 'a'")
                ).scalar_one() == 0

    async def _the_same_key_twice(self, store: Store) -> None:
        async with store.write() as tx:
            for _ in range(2):
                await tx.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('a', 'b')")

    @pytest.mark.parametrize(("races", "tries"), [(0, 1), (1, 2), (TRIES - 1, TRIES)])
    async def test_a_race_is_run_again_a_few_times(self, races: int, tries: int) -> None:
        tried = 0

        @retry_races
        async def work() -> str:
            nonlocal tried
            tried += 1
            if tried <= races:
                raise StoreRaceError("met")
            return "done"

        assert (await work(), tried) == ("done", tries)

    async def test_whoever_meets_somebody_waits_by_chance_before_the_next_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)

        @retry_races
        async def work() -> None:
            raise StoreRaceError("met")

        for _ in range(2):
            with pytest.raises(StoreRaceError):
                await work()
        assert len(waits) == 2 * (TRIES - 1)
        assert len(set(waits)) > TRIES - 1, "two that met wait for different times"
        assert all(0 < seconds <= LONGEST_WAIT for seconds in waits)

    async def test_whoever_always_meets_somebody_gives_up_with_nothing_kept(self) -> None:
        @retry_races
        async def work() -> None:
            raise StoreRaceError("met")

        with pytest.raises(StoreUnavailableError):
            await work()
