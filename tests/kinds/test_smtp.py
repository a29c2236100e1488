import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from milestones.domain.greeting import NAMELESS
from milestones.errors import MailError
from milestones.kinds.email.smtp import SmtpSettings, SmtpTransport, Tls
from milestones.kinds.email.transport import Carried
from tests.kinds.smtp_client import MESSAGE, refused, send, transport_to
from tests.kinds.smtp_server import HANG_UP, SILENCE, a_certificate, mailserver


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        await send(transport)
        (envelope,) = server.taken
        assert (envelope.mail_from, envelope.rcpt_tos) == ("hello@example.com", ["ana@example.com"])
        assert envelope.original_content == MESSAGE


async def test_a_connection_is_used_again() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        for _ in range(5):
            await send(transport)
        assert (len(server.taken), server.connections) == (5, 1)


async def test_no_more_connections_are_opened_than_configured() -> None:
    async with mailserver() as server, transport_to(server, connections=2) as transport:
        await asyncio.gather(*(send(transport, f"customer-{number}@example.com") for number in range(20)))
        assert len(set(server.recipients)) == 20
        assert server.connections <= 2


async def test_a_connection_that_the_server_closed_is_replaced() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        await send(transport)
        server.at["RSET"] = HANG_UP
        await send(transport)
        server.at["RSET"] = "421 4.3.2 enough of you"
        await send(transport)
        assert (len(server.taken), server.connections) == (3, 3)


async def test_a_connection_that_was_idle_for_long_is_replaced() -> None:
    now = 0.0
    async with mailserver() as server:
        settings = SmtpSettings("127.0.0.1", server.port, Tls.NONE, per_minute=1_000_000, hello="shop.test")
        transport = SmtpTransport(settings, clock=lambda: now)
        await send(transport)
        now += 61
        await send(transport)
        assert server.connections == 2
        await transport.aclose()


async def test_messages_keep_the_pace() -> None:
    now, slept = 100.0, []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    async with mailserver() as server:
        settings = SmtpSettings("127.0.0.1", server.port, Tls.NONE, per_minute=600, hello="shop.test")
        transport = SmtpTransport(settings, clock=lambda: now, sleep=sleep)
        for _ in range(4):
            await send(transport)
        assert slept == [0.1, 0.2, 0.3]
        now += 60
        await send(transport)
        assert slept == [0.1, 0.2, 0.3]
        await transport.aclose()


async def test_who_would_wait_too_long_for_a_turn_takes_none_from_the_others() -> None:
    now, slept = 100.0, []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with mailserver() as server:
        settings = SmtpSettings("127.0.0.1", server.port, Tls.NONE, per_minute=1, hello="shop.test")
        transport = SmtpTransport(settings, clock=lambda: now, sleep=sleep)
        await send(transport)
        for _ in range(3):
            error = await refused(transport, within=59)
            assert (error.connection_wide, error.lost) == (True, False)
        await send(transport, within=60)
        assert slept == [60]
        assert len(server.taken) == 2
        await transport.aclose()


async def test_a_mail_is_not_begun_when_its_time_is_over_before_a_connection_is_free() -> None:
    async with mailserver() as server, transport_to(server, connections=1) as transport:
        server.at["DOT"] = SILENCE
        stuck = asyncio.create_task(send(transport))
        async with asyncio.timeout(60):
            await server.reached["DATA"].wait()
        error = await refused(transport, "ben@example.com", within=0.1)
        assert (error.connection_wide, error.lost, error.permanent) == (True, False, False)
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        server.at.clear()
        await send(transport, within=5)
        assert server.recipients == ["ana@example.com"]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_mail_is_encrypted_and_the_login_is_used(tls: Tls, tmp_path: Path) -> None:
    theirs, ours = a_certificate(tmp_path)
    starttls, implicit = (theirs, None) if tls is Tls.STARTTLS else (None, theirs)
    settings = {"tls": tls, "context": ours, "username": "shop", "password": "secret"}
    async with (
        mailserver(starttls=starttls, implicit=implicit, login=True) as server,
        transport_to(server, **settings) as transport,
    ):
        await send(transport)
        assert server.recipients == ["ana@example.com"]
        assert server.logins == 1
        assert server.encrypted or tls is Tls.IMPLICIT


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_a_certificate_that_nobody_vouches_for_is_refused(tls: Tls, tmp_path: Path) -> None:
    theirs, _ = a_certificate(tmp_path)
    starttls, implicit = (theirs, None) if tls is Tls.STARTTLS else (None, theirs)
    async with (
        mailserver(starttls=starttls, implicit=implicit) as server,
        transport_to(server, tls=tls, context=ssl.create_default_context()) as transport,
    ):
        error = await refused(transport)
        assert error.connection_wide
        assert "its certificate is not trusted" in str(error)
        assert server.taken == []


async def test_mail_is_not_sent_in_clear_text_where_starttls_is_wanted() -> None:
    async with mailserver() as server, transport_to(server, tls=Tls.STARTTLS) as transport:
        error = await refused(transport)
        assert error.connection_wide
        assert "STARTTLS" in str(error)
        assert server.taken == []


async def test_a_refused_login_is_of_the_channel_and_says_what_to_check() -> None:
    settings = {"username": "shop", "password": "wrong"}
    async with mailserver(login=True) as server, transport_to(server, **settings) as transport:
        error = await refused(transport)
        assert error.connection_wide
        assert error.permanent
        assert "mail.password" in str(error)
        assert "wrong" not in str(error)


async def test_a_server_that_is_not_there_is_of_the_channel() -> None:
    async with mailserver() as server:
        pass
    async with transport_to(server) as transport:
        error = await refused(transport)
        assert error.connection_wide
        assert f"127.0.0.1:{server.port}" in str(error)


@pytest.mark.parametrize("host", ["smtp..example.org", f"{'a' * 64}.example.org"])
async def test_a_name_that_is_none_is_of_the_channel(host: str) -> None:
    async with mailserver() as server, transport_to(server, host=host) as transport:
        error = await refused(transport)
        assert (error.connection_wide, error.lost) == (True, False)
        assert "is no name of a host" in str(error)


async def test_one_refused_recipient_disturbs_no_other() -> None:
    async with mailserver() as server, transport_to(server, connections=1) as transport:
        server.at["gone@example.com"] = "550 5.1.1 no such user"
        server.at["full@example.com"] = "452 4.2.2 full"
        outcomes = await asyncio.gather(
            *(send(transport, f"{name}@example.com") for name in ("ana", "gone", "ben", "full", "cleo")),
            return_exceptions=True,
        )
        assert [isinstance(outcome, MailError) for outcome in outcomes] == [False, True, False, True, False]
        assert sorted(server.recipients) == ["ana@example.com", "ben@example.com", "cleo@example.com"]
        assert server.connections == 1


async def test_when_every_recipient_is_refused_each_is_told_for_itself() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        server.at["RCPT"] = "554 5.7.1 policy"
        errors = [await refused(transport, f"customer-{number}@example.com") for number in range(3)]
        assert all(error.permanent and not error.connection_wide for error in errors)


async def test_a_server_that_refuses_even_the_reset_is_left() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        server.at = {"RCPT": "550 5.1.1 no", "RSET": "500 5.5.1 what?"}
        await refused(transport)
        server.at.clear()
        await send(transport)
        assert server.connections == 2


async def test_a_cancelled_hand_over_leaves_no_connection_behind() -> None:
    async with mailserver() as server, transport_to(server, connections=1) as transport:
        server.at["DOT"] = SILENCE
        sending = asyncio.create_task(send(transport))
        async with asyncio.timeout(60):
            await server.reached["DATA"].wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.at.clear()
        await send(transport)
        assert server.connections == 2


async def test_a_mail_that_is_cut_short_before_its_turn_has_not_left() -> None:
    async with mailserver() as server, transport_to(server, per_minute=1) as transport:
        await send(transport)
        waiting = asyncio.create_task(send(transport, "ben@example.com"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert server.recipients == ["ana@example.com"]


async def test_smtp_cannot_tell_what_became_of_a_mail() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        assert await transport.was_carried("<1@example.com>") is Carried.UNTOLD


async def test_a_check_logs_in_and_sends_nothing() -> None:
    settings = {"username": "shop", "password": "secret"}
    async with mailserver(login=True) as server, transport_to(server, **settings) as transport:
        await transport.check()
        assert server.logins == 1
        assert server.taken == []


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(SmtpSettings("mail.test", 587, username="shop", password="secret"))


@pytest.mark.parametrize(
    "name", ["büro-pc", "localhost", "a\r\nb", "x" * 300, "", "shop.example.com", OSError()]
)
async def test_mail_leaves_whatever_the_machine_is_called(
    name: str | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getfqdn() -> str:
        if isinstance(name, OSError):
            raise name
        return name

    monkeypatch.setattr(socket, "getfqdn", getfqdn)
    async with mailserver() as server, transport_to(server, hello=None) as transport:
        await send(transport)
        assert server.greeted_as == ("shop.example.com" if name == "shop.example.com" else NAMELESS)


async def test_252_to_a_recipient_is_a_yes() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        server.accepts = "252 2.1.5 cannot verify, will try"
        await send(transport)
        assert server.recipients == ["ana@example.com"]
