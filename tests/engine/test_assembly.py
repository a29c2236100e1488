"""What works for one site, built from settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from milestones.app.assembly import Assembly, Wix
from milestones.config import Settings, parse
from milestones.errors import ConfigurationError
from milestones.observability.metrics import Metrics
from milestones.outbox.flights import Flights
from milestones.store.database.store import Store
from milestones.wix.account import Account
from tests.kinds.builders import NOW, TEMPLATES

BY_KEY = """
[daemon]
templates = "{templates}"

[[sites]]
name = "main"
site_id = "site-1"
api_key = {{ env = "KEY" }}

[mail]
sender = "Shop <shop@example.com>"
transport = "smtp"
host = "127.0.0.1"
username = "shop"
password = {{ env = "PASSWORD" }}
"""

Read = Callable[[str], Settings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(more: str = "") -> Settings:
        text = BY_KEY.format(templates=TEMPLATES) + more
        return parse(text, tmp_path / "config.toml", {"KEY": "key", "PASSWORD": "hush"}, secrets=True)

    return reader


async def _unheard(_site_id: str, _account: Account) -> None:
    raise AssertionError("nothing is done here")


@asynccontextmanager
async def assembled(settings: Settings, folder: Path) -> AsyncIterator[Assembly]:
    store = await Store.open(f"sqlite:///{folder}/test.db")
    async with httpx.AsyncClient() as http:
        made = Assembly(
            lambda: settings,
            store=store,
            secret=b"secret",
            http=http,
            wix=Wix("https://wix.test", None, None, None),
            metrics=Metrics(CollectorRegistry()),
            observe=_unheard,
            clock=lambda: NOW,
            stopping=lambda: False,
            flights=Flights(),
        )
        yield made
        await made.aclose()
    await store.close()


async def test_a_site_that_is_not_named_any_more_is_a_sentence(read: Read, tmp_path: Path) -> None:
    async with assembled(read(""), tmp_path) as assembly:
        assembly.client("site-1")
        with pytest.raises(ConfigurationError, match="the site gone is not named"):
            assembly.client("gone")
        with pytest.raises(ConfigurationError, match="the site gone is not named"):
            assembly.parts("gone")


async def test_senders_that_share_a_server_share_its_connections_and_its_pace(
    read: Read, tmp_path: Path
) -> None:
    settings = read("")
    mail = settings.mail
    async with assembled(settings, tmp_path) as assembly:
        first = assembly.transport(mail)
        assert assembly.transport(mail.model_copy(update={"sender": "Other <other@example.com>"})) is first
        assert assembly.transport(mail.model_copy(update={"port": 25})) is not first


async def test_two_logins_of_one_server_are_kept_apart(read: Read, tmp_path: Path) -> None:
    settings = read("")
    mail = settings.mail
    async with assembled(settings, tmp_path) as assembly:
        others = mail.model_copy(update={"password": SecretStr("another")})
        assert assembly.transport(others) is not assembly.transport(mail)
