"""Secrets and people stay out of logs, figures, URLs and answers, when all goes well and when nothing does."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.process import IMPATIENT, Daemon, shop, until
from tests.security.village import baseline_done, subscribed

SMTP_PASSWORD = "smtp-marker-4f1d"
WRONG_SECRET = "wrong-marker-77ab"
DASHBOARD = "dashboard marker 93c0"
HOOK_SECRET = "whsec_" + base64.b64encode(b"webhook-marker-0123456789").decode()

MILESTONES = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000
near = {{ within = 300, template = "almost-there" }}

[[milestones.rewards]]
coupon = {{ name = "For 1,000 stars", percent_off = 10, scope = "stores" }}

[[milestones.rewards]]
badge = {{ title = "Star customer", create = true }}

[[milestones.rewards]]
email = "milestone-reached"

[[milestones.rewards]]
webhook = {{ url = "http://127.0.0.1:{hook}/told", secret = {{ env = "HOOK_SECRET" }} }}
"""

OWN_SITE = """\
[[sites]]
name = "own"
api_key = {{ env = "WIX_API_KEY" }}
site_id = "{site_id}"
milestones = []

[mail]
transport = "smtp"
host = "127.0.0.1"
port = {smtp}
tls = "none"
username = "shop"
password = {{ env = "SMTP_PASSWORD" }}
"""

SHOWN_TO_ANYBODY = (
    ("check",),
    ("check", "--json"),
    ("check", "--online"),
    ("status",),
    ("status", "--json"),
    ("db", "check"),
    ("verify",),
    ("rejected", "list"),
    ("rejected", "list", "--json"),
)
SHOWN_TO_THE_OPERATOR = (
    ("outbox", "list"),
    ("outbox", "list", "--json"),
    ("accounts", "list"),
    ("accounts", "list", "--json"),
    ("scan", "--dry-run"),
)


@dataclass
class Peers:
    """A mail server that refuses some and names them, and a receiver of webhooks that fails at first and quotes."""

    refused: set[str] = field(default_factory=set)
    mails: list[bytes] = field(default_factory=list)
    logins: int = 0
    told: int = 0
    smtp: int = 0
    hook: int = 0

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: Any
    ) -> AuthResult:
        self.logins += 1
        right = isinstance(data, LoginPassword) and data.password == SMTP_PASSWORD.encode()
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd looks it up by name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return f"550 5.1.1 <{address}>: nobody of the name of {address} here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope.content if isinstance(envelope.content, bytes) else b"")
        return "250 2.0.0 taken"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        self.told += 1
        status = b"500 No" if self.told == 1 else b"200 OK"
        length = str(len(body)).encode()
        writer.write(
            b"HTTP/1.1 " + status + b"\r\nContent-Length: " + length + b"\r\nConnection: close\r\n\r\n" + body
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def _peers() -> AsyncIterator[Peers]:
    peers = Peers()
    hook = await asyncio.start_server(peers.answer, "127.0.0.1", 0)
    peers.hook = hook.sockets[0].getsockname()[1]
    smtp = await asyncio.get_running_loop().create_server(
        lambda: SMTP(peers, authenticator=peers.authenticate, auth_require_tls=False), "127.0.0.1", 0
    )
    peers.smtp = smtp.sockets[0].getsockname()[1]
    try:
        yield peers
    finally:
        hook.close()
        smtp.close()


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    async with _peers() as found:
        yield found


@pytest.fixture
async def daemon(tmp_path: Path, peers: Peers) -> AsyncIterator[Daemon]:
    """An app's site and a site with a key, a mail server with a login, a signed webhook, and a talkative log."""
    async with shop(tmp_path, customers=40) as wix:
        running = Daemon(tmp_path, wix, constants=IMPATIENT)
        running.environment = {
            "WIX_API_KEY": wix.credentials["api_key"],
            "SMTP_PASSWORD": SMTP_PASSWORD,
            "HOOK_SECRET": HOOK_SECRET,
            "MILESTONES_DAEMON__LOG": "json",
            "MILESTONES_DAEMON__LOG_LEVEL": "debug",
            "MILESTONES_DAEMON__PASSWORD_FILE": "password",
        }
        running.configure(MILESTONES.format(hook=peers.hook))
        own = OWN_SITE.format(site_id=wix.credentials["site_id"], smtp=peers.smtp)
        text = running.config.read_text()
        running.config.write_text(text.replace('[mail]\ntransport = "folder"\nfolder = "mail"\n', own))
        yield running


async def fail_at_the_door(daemon: Daemon) -> str:
    """A start with a wrong app secret, and without one: what is said."""
    await daemon.start(WIX_APP_SECRET=WRONG_SECRET)

    async def refused() -> bool:
        return any("401" in line or "403" in line for line in daemon.log)

    await until(refused, "Wix's refusal in the log")
    await daemon.end()
    with pytest.raises(AssertionError) as nothing:
        await daemon.start(WIX_APP_SECRET="")
    return "".join(daemon.log) + str(nothing.value)


async def live(daemon: Daemon, peers: Peers) -> list[dict[str, Any]]:
    """Two crossings, a scan, and whatever can go wrong; the accounts. Ends when nothing is owed."""
    await daemon.start()
    await baseline_done(daemon)
    first = await subscribed(daemon)
    email = str(first["contact"]["email"])
    peers.refused = {email}
    refusal = {"applicationError": {"code": "NO", "description": email}}
    quoting = json.dumps({"message": f"no, {email}", "details": refusal})
    for path, status in {"/stores/v2/coupons": 500, "/badges/v4/assignments": 400}.items():
        await daemon.shop.fault("POST", path, "status", status=status, body=quoting)
    await daemon.shop.fault("POST", "/loyalty-accounts/v1/accounts/query", "status", status=403, body=quoting)
    await daemon.shop.fault("POST", "/stores/v2/coupons", "malformed")
    await daemon.shop.adjust(first["id"], 1001)
    second = await subscribed(daemon)
    await daemon.shop.adjust(second["id"], 1002)
    unreadable = {"updatedEvent": {"currentEntity": {"contact": {"email": email}, "points": email}}}
    event = {"event_type": "wix.loyalty.v1.account_updated", "data": unreadable}
    (await daemon.shop.http.post("/_sandbox/event", json=event)).raise_for_status()
    await daemon.command("scan")
    await daemon.command("preview", "milestone-reached", "--customer", first["id"])

    async def over() -> bool:
        owed = "SELECT 1 FROM actions WHERE state IN ('available', 'running', 'waiting') AND kind != 'badge'"
        return bool(peers.mails) and peers.told > 1 and not daemon.query(owed)

    await until(over, "the end of all that is owed", seconds=200)
    return [first, second]


def links(peers: Peers) -> set[str]:
    """The unsubscribe tokens that were mailed."""
    found = (re.search(rb"/u/([\w.-]+)>", mail) for mail in peers.mails)
    return {match[1].decode() for match in found if match}


async def knock(daemon: Daemon, peers: Peers, email: str) -> str:
    """Everything that the daemon answers to anybody, with good and bad questions."""
    said = ""
    async with httpx.AsyncClient(base_url=daemon.address) as client:
        for token in links(peers):
            said += (await client.get(f"/u/{token}")).text + (await client.post(f"/u/{token}")).text
        for path in (
            "/readyz",
            "/metrics",
            "/healthz",
            f"/u/{email}",
            f"/{email}",
            f"/mails/{email}",
            f"/?before={email}",
        ):
            answer = await client.get(path, headers={"authorization": f"Basic {email}"})
            said += answer.text + str(answer.headers)
        for body in (email.encode(), b"a.b." + email.encode()):
            said += (await client.post("/webhooks/wix", content=body)).text
    return said


def secrets(daemon: Daemon, peers: Peers) -> Iterator[str]:
    told = daemon.shop.credentials
    yield from (told["app_secret"], told["api_key"], "OAUTH2.")
    yield from (SMTP_PASSWORD, base64.b64encode(SMTP_PASSWORD.encode()).decode(), WRONG_SECRET, DASHBOARD)
    yield from (HOOK_SECRET, HOOK_SECRET.removeprefix("whsec_"), "webhook-marker")
    yield from links(peers)
    yield from (value for (value,) in daemon.query("SELECT value FROM meta WHERE key LIKE '%secret%'"))


async def people(daemon: Daemon) -> set[str]:
    """Every address and every full name of the shop."""
    found = set()
    for contact in (await daemon.shop.state("contacts"))["contacts"]:
        found |= {one["email"] for one in contact["info"].get("emails", {}).get("items", [])}
        name = contact["info"].get("name", {})
        if "first" in name and "last" in name:
            found.add(f"{name['first']} {name['last']}")
    return found


def found_in(text: str, needles: Iterable[str]) -> list[str]:
    """The lines that hold what they must not."""
    wanted = [needle.casefold() for needle in needles if needle]
    return [line[:300] for line in text.splitlines() if any(needle in line.casefold() for needle in wanted)]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_neither_secrets_nor_people_show_where_they_must_not(daemon: Daemon, peers: Peers) -> None:
    failures = await fail_at_the_door(daemon)
    accounts = await live(daemon, peers)
    personal, hidden = await people(daemon), set(secrets(daemon, peers))
    assert len(personal) > 50
    assert peers.logins > 0
    assert len(links(peers)) > 1
    assert len(hidden) > 12
    answers = await knock(daemon, peers, accounts[0]["contact"]["email"])
    for command in SHOWN_TO_ANYBODY:
        code, out, err = await daemon.command(*command)
        assert code in {0, 1}, (command, err)
        answers += f"{out}\n{err}\n"
    for_the_operator = ""
    ids = [str(number) for (number,) in daemon.query("SELECT min(id) FROM actions GROUP BY kind, state")]
    accounts_ids = [str(account["id"]) for account in accounts]
    shows = [("outbox", "show", number) for number in ids] + [("explain", key) for key in accounts_ids]
    for command in [*SHOWN_TO_THE_OPERATOR, *shows]:
        code, out, err = await daemon.command(*command)
        assert code == 0, (command, err)
        for_the_operator += f"{out}\n{err}\n"
    await daemon.end()
    requests = (await daemon.shop.http.get("/_sandbox/requests")).json()["requests"]
    urls = "\n".join(f"{one['path']}?{one['query']}" for one in requests)
    log = failures + "".join(daemon.log)
    codes = {code for (code,) in daemon.query("SELECT json_extract(result, '$.code') FROM actions") if code}
    assert len(codes) > 1
    assert "action_failed" in log
    assert found_in(log, hidden | personal | codes) == []
    assert found_in(answers, hidden | personal | codes) == []
    assert found_in(urls, hidden | personal) == []
    assert found_in(for_the_operator, hidden) == []
