"""The address of a database: what is accepted is what is connected with, and no part of it is ever quoted."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from milestones import config
from milestones.config.database import PostgresAddress, read_address
from milestones.errors import ConfigurationError, StoreUnavailableError
from milestones.store.database import meta, postgres
from milestones.store.database.store import Store, database_url

SECRET = "s3cr3t"


def told_to_the_driver(text: str) -> dict[str, Any]:
    dialect: Any = PGDialect_psycopg
    _, arguments = dialect().create_connect_args(database_url(text))
    return dict(arguments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://h/shop", {"host": "h", "dbname": "shop"}),
        ("postgres://u@h:5433/shop", {"user": "u", "host": "h", "port": "5433", "dbname": "shop"}),
        ("POSTGRESQL://h/shop", {"host": "h", "dbname": "shop"}),
        ("postgresql+asyncpg://h/shop", {"host": "h", "dbname": "shop"}),
        ("postgresql:///shop", {"dbname": "shop"}),
        ("  postgresql://h/shop\n", {"host": "h", "dbname": "shop"}),
        ("postgresql://shop:s3cr3t@pass@h/d", {"user": "shop", "password": "s3cr3t@pass", "host": "h"}),
        ("postgresql://shop:a:b@h/d", {"user": "shop", "password": "a:b", "host": "h"}),
        ("postgresql://shop:p%40s%2Fs%3F%23%25@h/d", {"password": "p@s/s?#%", "host": "h"}),
        ("postgresql://me%40home:x@h/d%2F1", {"user": "me@home", "dbname": "d/1"}),
        ("postgresql://shop:größe@h/d", {"password": "größe"}),
        ("postgresql://shop:[x]@h/d", {"password": "[x]", "host": "h"}),
        ("postgresql://shop:@h/d", {"user": "shop", "host": "h"}),
        ("postgresql://u@[::1]:5432/d", {"host": "::1", "port": "5432"}),
        ("postgresql://[2001:db8::7]/d", {"host": "2001:db8::7"}),
        ("postgresql://u@/d?host=/run/postgresql", {"host": "/run/postgresql", "user": "u"}),
        ("postgresql://u@%2Frun%2Fpostgresql:5433/d", {"host": "/run/postgresql", "port": "5433"}),
        ("postgresql://a:5432,b/d?target_session_attrs=read-write", {"host": "a,b", "port": "5432,"}),
        ("postgresql:///?host=a,b&port=5433&dbname=d&user=u", {"host": "a,b", "port": "5433,5433"}),
        ("postgresql:///d?user=u&password=p%20w", {"user": "u", "password": "p w"}),
        ("postgresql://h/d?options=-csearch_path%3Dshop", {"options": "-csearch_path=shop"}),
        ("postgresql://h/d?sslmode=verify-full&connect_timeout=3", {"sslmode": "verify-full"}),
    ],
)
def test_an_address_reaches_the_driver_as_it_is_meant(text: str, expected: dict[str, str]) -> None:
    told = told_to_the_driver(text)
    assert {name: told.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mysql://h/d", "must be"),
        ("postgresql:h/d", "must be"),
        ("postgresql://h", "must name a database"),
        ("postgresql://h/", "must name a database"),
        ("postgresql://shop:1234/s3cr3t@h/d", "%2F"),
        ("postgresql://shop:1234?s3cr3t@h/d", "%3F"),
        ("postgresql://shop:1234#s3cr3t@h/d", "%23"),
        ("postgresql://shop:s3cr3t/x@h/d", "%2F"),
        ("postgresql://shop:s3cr3t%zz@h/d", "%25"),
        ("postgresql://shop:s3cr3t%ff@h/d", "UTF-8"),
        ("postgresql://shop:s3cr3t%00@h/d", "cannot be typed"),
        ("postgresql://shop:s3cr3t x@h/d", "%20"),
        ("postgresql://shop:s3cr3t\n@h/d", "line break"),
        ("postgresql://shop:s3cr3t\t@h/d", "line break"),
        ("postgresql://shop:s3cr3t@h:port/d", "port"),
        ("postgresql://h:0/d", "port"),
        ("postgresql://h:65536/d", "port"),
        ("postgresql://h:5432:5433/d", "host"),
        ("postgresql://::1/d", "brackets"),
        ("postgresql://a,,b/d", "comma"),
        ("postgresql://a,b/d?port=1,2,3", "as many ports"),
        ("postgresql://h/d?sslmode=s3cr3t", "sslmode"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout"),
        ("postgresql://h/d?prepare_threshold=none", "prepare_threshold"),
        ("postgresql://h/d?client_encoding=latin1", "not known"),
        ("postgresql://h/d?target_session_attrs=standby", "target_session_attrs"),
        ("postgresql://shop:x@h/d?password=s3cr3t", "twice"),
        ("postgresql://h/d?sslmode=require&sslmode=disable", "twice"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///var/", "must name a file"),
        ("sqlite:///a\0b", "must name a file"),
        ("sqlite://shop.db", "must be"),
        ("sqlite:///:memory:", "not :memory:"),
        ("sqlite:///file::memory:", "not :memory:"),
        ("sqlite:///var/shop.db?mode=rwc", "without options"),
    ],
)
def test_what_cannot_be_connected_with_is_refused_without_a_part_of_it(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as refused:
        read_address(text)
    assert SECRET not in str(refused.value)
    with pytest.raises(ConfigurationError, match="daemon"):
        database_url(text)


@pytest.mark.parametrize(
    "text", ["postgresql://me:s3cr3t@db/name", "postgresql://db/name?password=s3cr3t&user=me"]
)
def test_a_password_is_never_written_in_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[daemon]\ndatabase = "{text}"\n[wix]\nsandbox = true\n')
    with pytest.raises(ConfigurationError, match="holds a password") as refused:
        config.load(path, {})
    assert SECRET not in str(refused.value)


def test_what_may_be_shown_has_no_password_and_no_options() -> None:
    address = read_address("postgresql://shop:s3cr3t@pass@h:5433/d?application_name=shown")
    assert isinstance(address, PostgresAddress)
    assert str(address) == "postgresql://shop@h:5433/d"
    assert SECRET not in repr(address)
    assert SECRET not in repr(postgres.url(read_password()))


def read_password() -> PostgresAddress:
    address = read_address("postgresql:///d?user=shop&password=s3cr3t@pass".replace("@", "%40"))
    assert isinstance(address, PostgresAddress)
    assert address.password == "s3cr3t@pass"
    return address


async def test_the_driver_is_told_the_password_and_tells_nobody() -> None:
    store = await Store.open("postgresql://shop:s3cr3t@pass@127.0.0.1:1/shop")
    with pytest.raises(StoreUnavailableError) as failed:
        await meta.get_secret(store)
    await store.close()
    assert "127.0.0.1" in str(failed.value)
    assert SECRET not in str(failed.value)
    assert "pass" not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("", 5), ("?prepare_threshold=0", None), ("?prepare_threshold=9", 9)]
)
def test_preparing_statements_can_be_given_up(text: str, expected: int | None) -> None:
    assert postgres.connect_args(database_url(f"postgresql://h/d{text}"))["prepare_threshold"] == expected
