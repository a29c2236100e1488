"""The schema over time: made once and whole, taken forward with everything in it, refused when it is not ours."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text
from sqlmodel import SQLModel

from milestones.errors import StoreError, StoreNewerError, StoreUnavailableError
from milestones.pipeline import observe
from milestones.store.database import meta, schema
from milestones.store.database.statements import table_of
from milestones.store.tables import Account, Action, Grant
from milestones.views.database import examine
from tests.builders import NOW, SITE, a_badge, a_coupon, a_milestone, an_email, an_observation
from tests.store import first_release
from tests.store.rules import FixedRules, opened

REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(schema._script()).walk_revisions()))
]


def changed(text_url: str, statement: str) -> None:
    """Change a database behind the program's back."""
    engine = create_engine(schema._migration_url(text_url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def taken_to(text_url: str, revision: str) -> None:
    engine = schema._engine(schema._migration_url(text_url))
    with engine.begin() as connection:
        config = schema._script()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


class TestMigrations:
    def test_the_file_of_each_begins_with_its_revision(self) -> None:
        assert schema.revisions() == REVISIONS

    def test_the_models_are_what_the_migrations_make(self, empty_database_url: str) -> None:
        asyncio.run(schema.prepare(empty_database_url))
        engine = create_engine(schema._migration_url(empty_database_url))
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        engine.dispose()

    def test_the_first_release_left_something_in_every_column_s_table(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'milestones.db'}"
        taken_to(url, first_release.REVISION)
        kept = first_release.rows()
        with closing(sqlite3.connect(tmp_path / "milestones.db")) as connection:
            for table in first_release.contents(url).keys() - {"alembic_version"}:
                columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
                assert columns == set(kept[table][0]), f"of {table}; see tests/store/first_release.py"

    @pytest.mark.parametrize("revision", REVISIONS)
    def test_what_it_left_is_there_after_every_migration(
        self, empty_database_url: str, revision: str
    ) -> None:
        first_release.fill(empty_database_url)
        before = first_release.contents(empty_database_url)
        assert {table: len(rows) for table, rows in first_release.rows().items()} == {
            table: len(rows) for table, rows in before.items() if table != "alembic_version"
        }
        taken_to(empty_database_url, revision)
        assert asyncio.run(schema.upgrade(empty_database_url)) in {"older", "current"}
        after = first_release.contents(empty_database_url)
        for table in before.keys() - {"alembic_version"}:
            assert _kept(before[table], after[table]) == _kept(after[table], before[table]), table

    async def test_an_upgraded_shop_is_sound_and_goes_on_where_it_stopped(
        self, empty_database_url: str
    ) -> None:
        await asyncio.to_thread(first_release.fill, empty_database_url)
        await schema.upgrade(empty_database_url)
        assert [finding.told for finding in await examine(empty_database_url) if not finding.ok] == []
        rewarded = a_milestone(rewards=(a_coupon(), a_badge(), an_email()))
        async with opened(empty_database_url) as store:
            assert (await meta.get_secret(store)).hex() == first_release.rows()["meta"][0]["value"]
            rules = FixedRules((rewarded,), secret=await meta.get_secret(store))
            seen = [
                an_observation(1020, revision=9, account_id=name) for name in ("given", "near", "held", "new")
            ]
            outcome = await observe.observe(store, rules, SITE, seen, NOW)
            assert outcome.granted == {"stars-1000": 1}, "only who was near has crossed anew"
            async with store.read() as tx:
                grants = (await tx.execute(select(table_of(Grant).c.account_id))).scalars().all()
                states = (await tx.execute(select(table_of(Action).c.state))).scalars().all()
                accounts = [
                    Account(**row) for row in (await tx.execute(select(table_of(Account)))).mappings()
                ]
        assert Counter(grants) == Counter(["given", "half-given", "held", "near"])
        assert Counter(states)["held"] == 3
        assert all(account.seen_at.tzinfo is not None for account in accounts)


def _kept(of: list[dict[str, Any]], columns_of: list[dict[str, Any]]) -> list[str]:
    """Rows without the columns that only one version has, in any order."""
    both = of[0].keys() & columns_of[0].keys()
    return sorted(repr([row[name] for name in sorted(both)]) for row in of)


class TestStanding:
    async def test_an_empty_one_is_made_and_then_left_as_it_is(self, empty_database_url: str) -> None:
        assert await schema.get_version_state(empty_database_url) == "empty"
        await schema.prepare(empty_database_url)
        assert await schema.get_version_state(empty_database_url) == "current"
        await schema.prepare(empty_database_url)
        assert await schema.upgrade(empty_database_url) == "current"
        assert await schema.differences(empty_database_url) == []

    async def test_looking_makes_no_file(self, tmp_path: Path) -> None:
        assert await schema.get_version_state(f"sqlite:///{tmp_path / 'none.db'}") == "empty"
        assert not (tmp_path / "none.db").exists()

    async def test_a_newer_one_is_left_alone(self, empty_database_url: str) -> None:
        await schema.prepare(empty_database_url)
        changed(empty_database_url, "UPDATE alembic_version SET version_num = '9999'")
        assert await schema.get_version_state(empty_database_url) == "newer"
        for act in (schema.prepare, schema.upgrade):
            with pytest.raises(StoreNewerError, match="written by a newer version of milestones"):
                await act(empty_database_url)

    @pytest.mark.parametrize("revision", [None, "0001", "9999"])
    async def test_the_tables_of_another_program_are_left_alone(
        self, empty_database_url: str, revision: str | None
    ) -> None:
        changed(empty_database_url, "CREATE TABLE customers (id INTEGER)")
        if revision is not None:
            changed(empty_database_url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            changed(empty_database_url, f"INSERT INTO alembic_version VALUES ('{revision}')")
        before = first_release.contents(empty_database_url)
        assert await schema.get_version_state(empty_database_url) == "foreign"
        for act in (schema.prepare, schema.upgrade):
            with pytest.raises(StoreError, match="holds tables of another program"):
                await act(empty_database_url)
        assert first_release.contents(empty_database_url) == before

    async def test_an_older_one_wants_a_command(
        self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await schema.prepare(empty_database_url)
        monkeypatch.setattr(schema, "revisions", lambda: ["0001", "9999"])
        assert await schema.get_version_state(empty_database_url) == "older"
        with pytest.raises(
            StoreError, match=r"older version\. Make a backup, then run `milestones db upgrade`"
        ):
            await schema.prepare(empty_database_url)

    async def test_a_start_that_died_half_way_leaves_nothing(
        self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create_table, made = op.create_table, Counter[str]()

        def dying(name: str, *columns: Any, **options: Any) -> Any:
            made["tables"] += 1
            if made["tables"] == 5:
                raise RuntimeError("killed")
            return create_table(name, *columns, **options)

        monkeypatch.setattr(op, "create_table", dying)
        with pytest.raises(RuntimeError, match="killed"):
            await schema.prepare(empty_database_url)
        assert first_release.contents(empty_database_url) == {}
        await schema.prepare(empty_database_url)
        assert await schema.get_version_state(empty_database_url) == "current"

    async def test_two_replicas_may_start_at_once(self, fresh_postgres_url: str) -> None:
        await asyncio.gather(*(schema.prepare(fresh_postgres_url) for _ in range(4)))
        assert await schema.get_version_state(fresh_postgres_url) == "current"

    async def test_a_file_that_is_no_database_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "shop.db").write_text("Dear diary, " * 1_000)
        for act in (schema.prepare, schema.get_version_state, schema.differences):
            with pytest.raises(StoreUnavailableError, match="the file is no SQLite database"):
                await act(f"sqlite:///{tmp_path / 'shop.db'}")

    async def test_a_folder_that_cannot_be_made_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            StoreUnavailableError, match=r"file: File exists\. Check daemon\.database|Not a dir"
        ):
            await schema.prepare(f"sqlite:///{tmp_path / 'file' / 'shop.db'}")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP TABLE grants", "The table grants is missing."),
        ("DROP INDEX ix_actions_due", "The index or constraint of actions on site_id, state, kind"),
        ("ALTER TABLE scans DROP COLUMN watermark", "The column scans.watermark is missing."),
        ("ALTER TABLE scans ADD COLUMN note TEXT", "The column scans.note is not of this program."),
    ],
)
async def test_what_was_changed_by_hand_is_named(
    empty_database_url: str, statement: str, sentence: str
) -> None:
    await schema.prepare(empty_database_url)
    changed(empty_database_url, statement)
    found = await schema.differences(empty_database_url)
    assert any(one.startswith(sentence) for one in found), found


async def test_a_table_of_ones_own_beside_them_is_no_fault(empty_database_url: str) -> None:
    await schema.prepare(empty_database_url)
    changed(empty_database_url, "CREATE TABLE notes (id INTEGER)")
    assert await schema.get_version_state(empty_database_url) == "current"
    assert await schema.differences(empty_database_url) == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
class TestEncodings:
    """A database that cannot hold every name is refused before anybody's name is met that it cannot hold."""

    async def test_it_is_refused_at_the_start_with_what_to_do(self, postgres_url: str, encoding: str) -> None:
        with a_database(postgres_url, encoding) as url:
            for ask in (schema.prepare, schema.upgrade, schema.get_version_state, schema.differences):
                with pytest.raises(StoreError, match=f"is {encoding}.*ENCODING 'UTF8' TEMPLATE template0"):
                    await ask(url)

    async def test_the_check_says_so(self, postgres_url: str, encoding: str) -> None:
        with a_database(postgres_url, encoding) as url:
            (finding,) = await examine(url)
        assert not finding.ok
        assert f"is {encoding}" in finding.told


async def test_a_name_of_anybody_is_kept_whatever_clients_prefer(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Zoë Łukasz 王 🎉"
    database = fresh_postgres_url.rpartition("/")[2]
    with psycopg.connect(fresh_postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database} SET client_encoding = 'LATIN1'".encode())
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    async with opened(fresh_postgres_url) as store:
        async with store.write() as tx:
            await meta.set_to(tx, "name", name)
        async with store.read() as tx:
            assert await meta.get(tx, "name") == name


@contextmanager
def a_database(server: str, encoding: str) -> Iterator[str]:
    name = f"milestones_test_{uuid4().hex[:16]}"
    with psycopg.connect(server, autocommit=True) as connection:
        how = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        connection.execute(f"CREATE DATABASE {name} {how}".encode())
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
