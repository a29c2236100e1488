"""A server that refuses, hangs up or falls silent at each step of a hand-over."""

from pathlib import Path

import pytest

from milestones.kinds.email.smtp import Tls
from tests.kinds.smtp_client import refused, send, transport_to
from tests.kinds.smtp_server import HANG_UP, SILENCE, a_certificate, mailserver


@pytest.mark.parametrize(
    ("verb", "reply", "permanent", "of_all"),
    [
        ("CONNECT", "554 5.3.2 no service", True, True),
        ("CONNECT", "421 4.3.2 busy", False, True),
        ("MAIL", "550 5.7.1 not your address", True, True),
        ("MAIL", "451 4.3.0 later", False, True),
        ("RCPT", "550 5.1.1 no such user", True, False),
        ("RCPT", "450 4.2.0 greylisted", False, False),
        ("RCPT", "421 4.7.0 too many", False, True),
        ("DATA", "554 5.5.1 no", True, True),
        ("EHLO", "504 5.5.2 Helo command rejected", True, True),
        ("DATA", "554 5.6.0 no", True, False),
        ("DATA", "451 4.3.0 later", False, False),
        ("DOT", "554 5.7.1 spam", True, False),
        ("DOT", "452 4.2.2 full", False, False),
        ("DOT", "421 4.3.2 shutting down", False, True),
    ],
)
async def test_a_refusal_at_a_verb_is_never_a_lost_answer(
    verb: str, reply: str, permanent: bool, of_all: bool
) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        server.at[verb] = reply
        error = await refused(transport)
        assert (error.permanent, error.connection_wide, error.lost) == (permanent, of_all, False)
        del server.at[verb]
        await send(transport)
        assert server.recipients == ["ana@example.com"]


@pytest.mark.parametrize("how", [HANG_UP, SILENCE])
@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
async def test_only_after_the_final_dot_a_dead_connection_is_a_lost_answer(verb: str, how: str) -> None:
    patience = {"command_seconds": 0.3, "answer_seconds": 0.3}
    async with mailserver() as server, transport_to(server, **patience) as transport:
        server.at[verb] = how
        error = await refused(transport)
        assert error.lost is (verb == "DOT")
        assert not error.permanent
        assert error.connection_wide is (verb in {"CONNECT", "EHLO", "MAIL"})
        server.at.clear()
        await send(transport)
        assert len(server.taken) == 1


@pytest.mark.parametrize("how", [HANG_UP, SILENCE])
@pytest.mark.parametrize("verb", ["STARTTLS", "AUTH"])
async def test_a_connection_that_dies_before_it_is_safe_has_taken_nothing(
    verb: str, how: str, tmp_path: Path
) -> None:
    theirs, ours = a_certificate(tmp_path)
    settings = {"tls": Tls.STARTTLS, "context": ours, "username": "shop", "password": "secret"}
    async with (
        mailserver(starttls=theirs, login=True) as server,
        transport_to(server, **settings, command_seconds=0.3) as transport,
    ):
        server.at[verb] = how
        error = await refused(transport)
        assert server.reached[verb].is_set()
        assert (error.connection_wide, error.lost, error.permanent) == (True, False, False)
        assert server.taken == []


@pytest.mark.parametrize("how", [HANG_UP, SILENCE, "500 5.5.1 what?"])
async def test_a_mail_that_was_taken_stays_taken_however_the_goodbye_goes(how: str) -> None:
    async with mailserver() as server, transport_to(server) as transport:
        server.at["QUIT"] = how
        await send(transport)
        await transport.aclose()
        assert server.reached["QUIT"].is_set()
        assert server.recipients == ["ana@example.com"]


async def test_an_answer_to_the_dot_that_makes_no_sense_is_a_lost_answer() -> None:
    async with mailserver() as server, transport_to(server) as transport:
        for nonsense in ("354 go on", "what?"):
            server.at["DOT"] = nonsense
            error = await refused(transport)
            assert error.lost
