"""The sign of life: where it is kept, and what tells that a database is not the one that was here before."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from milestones.domain.continuity import Beat
from milestones.store.database import heartbeat
from milestones.store.database.store import Store
from tests.builders import NOW
from tests.postgres import fresh_database
from tests.store.rules import opened

BEAT = Beat(NOW, "machine", "place")


async def test_a_beat_replaces_the_one_before(store: Store) -> None:
    async with store.write() as tx:
        assert await heartbeat.get_last(tx) is None
        for minutes in (0, 1):
            await heartbeat.beat(tx, Beat(NOW + timedelta(minutes=minutes), BEAT.machine, BEAT.place))
        assert await heartbeat.get_last(tx) == Beat(NOW + timedelta(minutes=1), BEAT.machine, BEAT.place)


async def test_a_machine_has_a_name_that_stays() -> None:
    assert heartbeat.machine()
    assert heartbeat.machine() == heartbeat.machine()


async def test_a_machine_without_an_id_is_known_by_its_network_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_MACHINE_IDS", (Path("/nowhere/machine-id"),))
    assert "/" in heartbeat.machine()


async def test_a_file_is_known_by_where_it_really_is(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        at_home = await heartbeat.place(store)
    (tmp_path / "link").symlink_to(tmp_path)
    async with opened(f"sqlite:///{tmp_path / 'link' / 'milestones.db'}") as store:
        assert await heartbeat.place(store) == at_home == str(tmp_path / "milestones.db")


class TestWitness:
    async def test_what_is_remembered_beside_the_database_is_the_last_beat(self, tmp_path: Path) -> None:
        async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
            assert heartbeat.read_witness(store) is None
            for minutes in (0, 1):
                heartbeat.witness(store, NOW + timedelta(minutes=minutes))
            assert heartbeat.read_witness(store) == NOW + timedelta(minutes=1)

    @pytest.mark.parametrize("content", [b"", b"yesterday", b"\xff\xfe"])
    async def test_a_damaged_memory_is_none(self, tmp_path: Path, content: bytes) -> None:
        async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
            (tmp_path / "milestones.db.beat").write_bytes(content)
            assert heartbeat.read_witness(store) is None

    async def test_where_it_cannot_be_written_nothing_happens(self, tmp_path: Path) -> None:
        async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
            (tmp_path / "milestones.db.beat.new").mkdir()
            heartbeat.witness(store, NOW)
            assert heartbeat.read_witness(store) is None

    async def test_beside_a_server_there_is_no_place_for_it(self, postgres_database_url: str) -> None:
        async with opened(postgres_database_url) as store:
            heartbeat.witness(store, NOW)
            assert heartbeat.read_witness(store) is None


class TestPostgresql:
    async def test_a_restored_dump_lies_at_another_place(self, postgres_url: str) -> None:
        with fresh_database(postgres_url) as one, fresh_database(postgres_url) as other:
            async with opened(one) as first, opened(other) as second:
                at_home = await heartbeat.place(first)
                assert at_home == await heartbeat.place(first)
                assert at_home != await heartbeat.place(second)
                async with first.read() as tx:
                    name = (await tx.execute(select(func.current_database()))).scalar_one()
                assert at_home.endswith(f"/1/{name}"), "system, timeline, database"

    async def test_a_server_that_keeps_its_identity_to_itself_is_known_by_its_address(
        self, fresh_postgres_url: str
    ) -> None:
        role = f"shop_{uuid4().hex[:12]}"
        async with opened(fresh_postgres_url) as owner:
            async with owner.write() as tx:
                await tx.execute(text("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"))
                await tx.execute(text(f"CREATE ROLE {role}"))
            store = await Store.open(f"{fresh_postgres_url}?options=-crole%3D{role}")
            place = await heartbeat.place(store)
            await store.close()
            async with owner.write() as tx:
                await tx.execute(text(f"DROP ROLE {role}"))
        assert place.endswith(fresh_postgres_url.rpartition("/")[2])
        assert not place.startswith(("None", "/")), "its host is told"
