"""Whose fault a refusal for good is: seen by the mails that follow."""

from dataclasses import replace
from datetime import timedelta

import pytest

from milestones.errors import MailError
from milestones.kinds.email.refusals import RUN, SECOND_LOOKS, Refusals
from milestones.kinds.email.smtp_replies import Stage, refusal
from tests.kinds.builders import ANA, NOW, Clock, FakeConsent, Known, a_grant_mail
from tests.kinds.smtp_client import transport_to
from tests.kinds.smtp_server import mailserver
from tests.kinds.test_email import Setting

NO_SUCH = "550 5.1.1 no such user"
POLICY = "554 5.7.1 policy"


def judge(refusals: Refusals, recipient: str, words: str = POLICY) -> MailError:
    code, _, rest = words.partition(" ")
    return refusals.judge(refusal(int(code), rest, Stage.RECIPIENT), recipient, NOW)


def fate(error: MailError) -> str:
    if error.connection_wide:
        return "rests" if error.permanent else "rests a little"
    return "discarded" if error.permanent else "later"


def test_the_same_answer_to_several_in_a_row_is_of_the_channel() -> None:
    refusals = Refusals()
    fates = [fate(judge(refusals, f"customer-{number}@example.com")) for number in range(8)]
    assert fates == ["later"] * (RUN - 1) + ["rests"] * (8 - RUN + 1)


def test_a_success_in_between_says_that_the_recipient_was_meant() -> None:
    refusals = Refusals()
    for number in range(8):
        assert fate(judge(refusals, f"gone-{number}@example.com", NO_SUCH)) == "later"
        refusals.success()
    for number in range(8):
        assert fate(judge(refusals, f"gone-{number}@example.com", NO_SUCH)) == "discarded"


def test_those_of_a_run_are_tried_again_after_it_and_only_who_is_refused_again_is_given_up() -> None:
    refusals = Refusals()
    for number in range(5):
        judge(refusals, f"customer-{number}@example.com")
    refusals.success()
    assert fate(judge(refusals, "customer-0@example.com")) == "discarded"
    # What is said now is another answer, of which nothing is known yet.
    assert fate(judge(refusals, "customer-1@example.com", NO_SUCH)) == "later"


def test_different_answers_are_no_run() -> None:
    refusals = Refusals()
    for number, words in enumerate([POLICY, NO_SUCH, "552 5.2.2 full", "550 blocked", POLICY, NO_SUCH]):
        assert fate(judge(refusals, f"customer-{number}@example.com", words)) == "later"


def test_one_recipient_alone_is_no_run_and_is_given_up_after_a_day() -> None:
    refusals = Refusals()
    waits = []
    for _ in SECOND_LOOKS:
        error = judge(refusals, "gone@example.com", NO_SUCH)
        assert error.retry_at is not None
        waits.append(error.retry_at - NOW)
    assert tuple(waits) == SECOND_LOOKS
    assert sum(waits, timedelta()) > timedelta(days=1)
    assert fate(judge(refusals, "gone@example.com", NO_SUCH)) == "discarded"


def test_what_is_said_of_us_needs_no_count() -> None:
    relay = "554 5.7.1 <ana@example.com>: Relay access denied"
    refusals = Refusals()
    assert fate(judge(refusals, "ana@example.com", relay)) == "rests"
    # Unless others are taken all the while: then some server behind it means this one.
    refusals.success()
    assert fate(judge(refusals, "ana@example.com", relay)) == "discarded"


LATER = "450 4.7.1 Client host rejected: cannot find your reverse hostname"


def put_off(refusals: Refusals, minute: int, recipient: str, words: str = LATER) -> str:
    code, _, rest = words.partition(" ")
    refused = refusal(int(code), rest, Stage.RECIPIENT)
    return fate(refusals.judge(refused, recipient, NOW + timedelta(minutes=minute)))


def test_a_server_that_puts_everybody_off_uses_up_no_attempts() -> None:
    refusals = Refusals()
    fates = [
        put_off(refusals, minute, f"customer-{minute // 4 % 4}@example.com") for minute in range(0, 60, 4)
    ]
    assert fates == ["later"] * 5 + ["rests a little"] * 10
    refusals.success()
    assert put_off(refusals, 60, "customer-1@example.com") == "later"


def test_greylisting_is_each_mails_own_matter() -> None:
    refusals = Refusals()
    for minute in range(0, 60, 5):
        for number in range(8):
            assert put_off(refusals, minute, f"customer-{minute}-{number}@example.com") == "later"
        refusals.success()


def test_one_or_two_recipients_that_are_put_off_for_ever_are_no_fault_of_the_channel() -> None:
    refusals = Refusals()
    for minute in range(0, 300, 10):
        assert put_off(refusals, minute, f"customer-{minute % 20}@example.com") == "later"


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    "reply",
    [
        "504 5.5.2 <shop>: Helo command rejected: need fully-qualified hostname",
        "554 5.7.1 <{}>: Relay access denied",
        "550 5.4.5 Daily user sending quota exceeded",
        "554 5.2.252 SendAsDenied; shop@example.com not allowed to send as hello@example.com",
        "554 5.7.1 Service unavailable; Client host blocked using a list",
        "550 no, thank you",
    ],
)
async def test_no_mail_is_discarded_that_the_channel_was_refused_for(
    verb: str, reply: str, consent: FakeConsent, clock: Clock
) -> None:
    names = [f"customer-{number}@example.com" for number in range(8)]
    consent.known = {name: Known() for name in names}
    async with mailserver() as server, transport_to(server) as transport:
        channel = Setting(consent, clock).channel(transport)
        server.at = {verb: reply} if "{}" not in reply else {verb: reply.format("someone@example.com")}
        for outcome in range(8):
            task = a_grant_mail(id=outcome, customer=replace(ANA, email=names[outcome]))
            await channel.gate([task])
            with pytest.raises(MailError) as caught:
                await channel.perform(task)
            assert caught.value.connection_wide or not caught.value.permanent
            assert caught.value.connection_wide or outcome < RUN - 1
            assert "customer" not in str(caught.value)
        server.at.clear()
        for outcome in range(8):
            task = a_grant_mail(id=outcome, customer=replace(ANA, email=names[outcome]))
            await channel.gate([task])
            await channel.perform(task)
        assert server.recipients == names
