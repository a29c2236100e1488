"""Servers that allow fewer connections, or fewer mails on each, than we would like."""

import asyncio
from itertools import product

import pytest

from milestones.kinds.email.smtp import SmtpSettings, SmtpTransport, Tls
from milestones.kinds.email.smtp_connections import FAILED_SECONDS, FIRST_PATIENCE
from tests.kinds.smtp_client import refused, send, transport_to
from tests.kinds.smtp_server import HANG_UP, Mailserver, mailserver


async def send_all(transport: SmtpTransport, number: int) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(send(transport, f"customer-{one}@example.com") for one in range(number)))


def all_arrived_once(server: Mailserver, number: int) -> bool:
    return sorted(server.recipients) == sorted(f"customer-{one}@example.com" for one in range(number))


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize(
    "crowded", ["421 4.7.0 too many connections", "554 5.7.1 too many", "450 4.7.1 no", HANG_UP]
)
async def test_a_server_that_serves_fewer_connections_gets_every_mail_over_those(
    at_once: int, crowded: str
) -> None:
    async with mailserver() as server, transport_to(server, connections=5) as transport:
        server.at_once, server.crowded = at_once, crowded
        await send_all(transport, 40)
        assert all_arrived_once(server, 40)
        # The others are tried once, and then no more for a while.
        assert server.turned_away <= 4


@pytest.mark.parametrize(
    ("verb", "crowded"),
    [
        *product(["EHLO", "MAIL"], ["421 4.7.0 too many connections", "451 4.7.1 try later", HANG_UP]),
        ("RCPT", "450 4.7.1 too many concurrent connections from this host"),
        ("MAIL", "554 5.7.0 too many connections"),
    ],
)
async def test_a_server_that_says_later_that_a_connection_is_one_too_many_gets_every_mail(
    verb: str, crowded: str
) -> None:
    async with mailserver() as server, transport_to(server, connections=4) as transport:
        server.at_once, server.crowded, server.crowded_at = 2, crowded, verb
        await send_all(transport, 30)
        assert all_arrived_once(server, 30)


@pytest.mark.parametrize("per_connection", [1, 7])
@pytest.mark.parametrize(
    ("enough", "at"),
    [
        ("421 4.7.0 too many messages", "MAIL"),
        ("452 4.3.2 too many messages", "MAIL"),
        ("450 4.7.1 too much mail", "MAIL"),
        ("550 5.7.0 too many messages in this session", "MAIL"),
        ("452 4.5.3 too many recipients", "RCPT"),
        ("421 too many messages", "RCPT"),
        ("454 4.5.3 too many messages in this session", "RCPT"),
        ("550 5.7.1 Too much mail per connection", "RCPT"),
        ("554 too many messages", "DATA"),
        ("452 too many messages", "DATA"),
        (HANG_UP, "MAIL"),
        (HANG_UP, "RCPT"),
    ],
)
async def test_a_server_that_takes_few_mails_on_a_connection_gets_all_of_them(
    per_connection: int, enough: str, at: str
) -> None:
    async with mailserver() as server, transport_to(server, connections=2) as transport:
        server.per_connection, server.enough, server.enough_at = per_connection, enough, at
        await send_all(transport, 25)
        assert all_arrived_once(server, 25)


async def test_both_limits_at_once_cost_connections_and_no_mail() -> None:
    async with mailserver() as server, transport_to(server, connections=4) as transport:
        server.at_once, server.per_connection = 2, 3
        await send_all(transport, 40)
        assert all_arrived_once(server, 40)


async def test_the_number_of_connections_is_raised_slowly_again() -> None:
    now = 0.0
    async with mailserver() as server:
        settings = SmtpSettings(
            "127.0.0.1", server.port, Tls.NONE, connections=4, per_minute=10**9, hello="shop.test"
        )
        transport = SmtpTransport(settings, clock=lambda: now)
        server.at_once = 1
        await send_all(transport, 20)
        tried = server.turned_away
        await send_all(transport, 20)
        assert server.turned_away == tried
        now += FIRST_PATIENCE
        await send_all(transport, 20)
        assert server.turned_away == tried + 1
        server.at_once = None
        # Refused once more, so it waits twice as long.
        for _ in range(3):
            now += 2 * FIRST_PATIENCE
            await send_all(transport, 20)
        assert len(server.serving) > 1
        await transport.aclose()


async def test_a_wrong_password_is_sent_once_and_not_once_for_each_mail() -> None:
    settings = {"username": "shop", "password": "wrong", "connections": 4}
    async with mailserver(login=True) as server, transport_to(server, **settings) as transport:
        errors = await asyncio.gather(*(refused(transport) for _ in range(12)))
        # Those too that come one by one, at a pace.
        errors += [await refused(transport) for _ in range(3)]
        assert server.connections == server.logins == 1
        assert all(error.permanent and error.connection_wide for error in errors)


async def test_a_password_that_is_right_by_now_is_tried_anew() -> None:
    now = 0.0
    async with mailserver(login=True) as server:
        settings = SmtpSettings("127.0.0.1", server.port, Tls.NONE, "shop", "secret", hello="shop.test")
        transport = SmtpTransport(settings, clock=lambda: now)
        server.at["AUTH"] = "535 5.7.8 wrong"
        await refused(transport)
        del server.at["AUTH"]
        now += FAILED_SECONDS
        await send(transport)
        await transport.aclose()
        assert (server.connections, server.logins) == (2, 1)


@pytest.mark.parametrize(
    ("reply", "logins"), [("504 5.5.4 unrecognized authentication type", 2), ("535 5.7.8 no", 1)]
)
async def test_another_way_to_log_in_is_tried_only_where_one_is_not_known(reply: str, logins: int) -> None:
    settings = {"username": "shop", "password": "secret"}
    async with mailserver(login=True) as server, transport_to(server, **settings) as transport:
        server.at["AUTH"] = reply
        assert (await refused(transport)).connection_wide
        assert server.reached["AUTH"].is_set()
        assert server.verbs["AUTH"] == logins


async def test_a_mail_that_is_turned_away_over_every_connection_holds_up_no_other() -> None:
    async with mailserver() as server, transport_to(server, connections=2) as transport:
        await send_all(transport, 4)
        server.at["poison@example.com"] = "421 4.3.0 go away"
        error = await refused(transport, "poison@example.com")
        assert not error.lost
        await send(transport)
        assert len(server.taken) == 5
