"""A mail server that refuses everybody, through the outbox: nothing is discarded, and all of it is sent after the repair."""

from datetime import timedelta
from typing import Any

import pytest

from milestones.pipeline import observe
from milestones.store.outbox import rests
from tests.builders import SITE, a_customer, a_milestone, an_email, an_observation
from tests.kinds.builders import Clock, FakeConsent, Known
from tests.kinds.smtp_client import transport_to
from tests.kinds.smtp_server import mailserver
from tests.kinds.test_email import Setting
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live

NAMES = [f"customer-{number}@example.com" for number in range(8)]


async def reach(bench: Bench) -> None:
    """Eight customers with mailboxes of their own reach a milestone that owes a mail."""
    rules = FixedRules((a_milestone(rewards=(an_email(),)),))
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        seen = [
            an_observation(balance, revision, account_id=name, customer=a_customer(email=name))
            for name in NAMES
        ]
        await observe.observe(bench.store, rules, SITE, seen, bench.now)


async def drain_for(bench: Bench, span: timedelta) -> None:
    end = bench.now + span
    while bench.now < end:
        due = await bench.drain()
        bench.now = min(end, due) if due is not None and due > bench.now else end


async def states(bench: Bench) -> list[str]:
    return [row.state for row in await bench.rows() if row.kind == "email"]


def mails_over(bench: Bench, transport: Any) -> None:
    consent = FakeConsent(known={name: Known() for name in NAMES})
    setting = Setting(consent, Clock())
    setting.clock = lambda: bench.now  # type: ignore[assignment]
    bench.channels["email"] = setting.channel(transport)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("RCPT", "554 5.7.1 Relay access denied"),
        ("EHLO", "504 5.5.2 Helo command rejected"),
    ],
)
async def test_a_server_that_refuses_everybody_gets_every_mail_after_the_repair(
    bench: Bench, verb: str, reply: str
) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        mails_over(bench, transport)
        await reach(bench)
        server.at[verb] = reply
        await drain_for(bench, timedelta(hours=1))
        assert await states(bench) == ["available"] * 8
        async with bench.store.read() as tx:
            rest = (await rests.get_rests(tx, SITE))["email"]
        assert rest.failures >= 5
        assert "The mail server refused" in rest.reason
        server.at.clear()
        await drain_for(bench, timedelta(hours=2))
        assert await states(bench) == ["done"] * 8
        assert sorted(server.recipients) == NAMES


async def test_a_server_that_puts_everybody_off_for_days_gets_every_mail_in_the_end(bench: Bench) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        mails_over(bench, transport)
        await reach(bench)
        server.at["RCPT"] = "450 4.7.1 Client host rejected: cannot find your reverse hostname"
        for wait in (timedelta(), *[timedelta(minutes=11)] * 3):
            bench.now += wait
            await bench.drain()
        async with bench.store.read() as tx:
            rest = (await rests.get_rests(tx, SITE))["email"]
        assert "took no mail meanwhile" in rest.reason
        used = max(row.attempts for row in await bench.rows())
        for _ in range(3):
            bench.now += timedelta(days=1)
            await bench.drain()
        assert max(row.attempts for row in await bench.rows()) == used < 5
        server.at.clear()
        await drain_for(bench, timedelta(minutes=10))
        assert await states(bench) == ["done"] * 8


async def test_who_is_refused_alone_is_given_up_and_holds_up_nobody(bench: Bench) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        mails_over(bench, transport)
        await reach(bench)
        server.at = dict.fromkeys(NAMES[2:6:3], "550 5.1.1 no such user")
        await drain_for(bench, timedelta(minutes=10))
        assert sorted(await states(bench)) == ["discarded"] * 2 + ["done"] * 6
        async with bench.store.read() as tx:
            assert await rests.get_rests(tx, SITE) == {}


async def test_many_dead_mailboxes_in_a_row_are_given_up_in_the_end_and_the_others_are_sent(
    bench: Bench,
) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        mails_over(bench, transport)
        await reach(bench)
        server.at = dict.fromkeys(NAMES[:6], "550 5.1.1 no such user")
        await drain_for(bench, timedelta(hours=3))
        assert sorted(await states(bench)) == ["discarded"] * 6 + ["done"] * 2
