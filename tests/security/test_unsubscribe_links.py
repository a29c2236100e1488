"""Links to unsubscribe: only we can make one, it tells nobody's address, and it works for ever."""

import base64
import re
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import httpx
import pytest

from milestones.domain import keys
from milestones.formats.mail_addresses import address_form
from tests.process import STARS, Daemon, shop
from tests.security.village import gave_everything

SECRET = b"s" * 32


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with shop(tmp_path, customers=40) as wix:
        running = Daemon(tmp_path, wix)
        running.configure(STARS)
        await running.start()
        yield running
        await running.end()


def test_the_seal_of_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    token = keys.unsubscribe_token(SECRET, "site", address_form("ada@example.com"))
    monkeypatch.setattr("milestones.domain.keys.hmac.compare_digest", lambda _one, _other: False)
    assert keys.open_token(SECRET, token) is None, "nothing else decides"


async def mailed_link(daemon: Daemon) -> tuple[str, str]:
    """The token in the mail of a customer, and that customer's address."""
    account = await gave_everything(daemon)
    (mail,) = (daemon.folder / "mail").glob("*.eml")
    header = message_from_bytes(mail.read_bytes())["List-Unsubscribe"]
    match = re.search(r"/u/([^>]+)>", header)
    assert match is not None
    return match[1], str(account["contact"]["email"])


async def posted(daemon: Daemon, token: str) -> int:
    async with httpx.AsyncClient(base_url=daemon.address) as client:
        one_click = {"List-Unsubscribe": "One-Click"}
        return (await client.post(f"/u/{token}", data=one_click, headers={"host": "anywhere"})).status_code


async def test_a_mailed_link_works_after_a_restart_and_no_neighbour_of_it_does(daemon: Daemon) -> None:
    token, address = await mailed_link(daemon)
    key, seal = token.split(".")
    for part in (key, seal):
        assert address.encode() not in base64.urlsafe_b64decode(part + "==")
    await daemon.end()
    await daemon.start()
    another = keys.unsubscribe_token(SECRET, daemon.shop.credentials["instance_id"], address_form(address))
    forged = [
        f"{key}.",
        key,
        f".{seal}",
        f"{seal}.{key}",
        f"{key}.{key}",
        another,
        another.split(".")[0] + f".{seal}",
    ]
    for neighbour in forged:
        assert await posted(daemon, neighbour) in {404, 405}
    suppressed = "SELECT reason FROM suppressions"
    assert daemon.query(suppressed) == []
    async with httpx.AsyncClient(base_url=daemon.address) as client:
        assert (await client.get(f"/u/{token}")).status_code == 200
    assert daemon.query(suppressed) == [], "a scanner that follows links changes nothing"
    assert await posted(daemon, token) == 200
    assert daemon.query(suppressed) == [("unsubscribed",)]
    assert await posted(daemon, token) == 200, "twice is once"
