from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from milestones.domain.actions import State
from milestones.domain.observation import Customer
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, MailError
from milestones.kinds.channel import Fate, Found, Stop
from milestones.kinds.email.channel import EmailChannel, MailSettings, OnLostAnswer
from milestones.kinds.email.folder import FolderTransport
from milestones.kinds.email.message import Mailbox, Unsubscribe
from milestones.kinds.email.rendering import Catalogue
from milestones.kinds.email.transport import Carried, Transport
from milestones.kinds.email.variables import Program, Site
from tests.kinds.builders import (
    ANA,
    NOW,
    TEMPLATES,
    Clock,
    FakeConsent,
    Known,
    a_grant_mail,
    a_reminder,
    write_templates,
)

ACTIVE = Program("Rewards", "Stars")
PAUSED = Program("Rewards", "Stars", active=False)


@dataclass
class Postbox:
    """A transport that keeps what it is given, or fails as told."""

    connections: int = 4
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    error: Exception | None = None
    knows: Carried = Carried.UNTOLD
    within: float | None = None

    async def send(
        self, message: bytes, *, message_id: str, sender: str, recipient: str, within: float | None = None
    ) -> None:
        self.within = within
        if self.error:
            raise self.error
        self.sent.append((recipient, message))

    async def was_carried(self, message_id: str) -> Carried:
        return self.knows

    async def aclose(self) -> None:
        pass


@dataclass
class Setting:
    """A channel for mails with everything around it."""

    consent: FakeConsent
    clock: Clock
    postbox: Postbox = field(default_factory=Postbox)
    program: Program = ACTIVE
    link_error: ChannelError | None = None
    templates: Path = TEMPLATES
    on_lost_answer: OnLostAnswer = OnLostAnswer.HOLD

    def channel(self, transport: Transport | None = None) -> EmailChannel:
        return EmailChannel(
            MailSettings(
                Mailbox("hello@shop.example", "The Corner Shop"),
                Site("The Corner Shop"),
                b"secret",
                self.on_lost_answer,
            ),
            catalogue=Catalogue(self.templates),
            transport=transport or self.postbox,
            gatekeeper=self.consent.gatekeeper(),
            links=self._link,
            program=self._program,
            clock=self.clock,
        )

    async def _link(self, address: str, /) -> Unsubscribe:
        if self.link_error:
            raise self.link_error
        return Unsubscribe("https://shop.example/u/token", one_click=True)

    async def _program(self) -> Program:
        return self.program


@pytest.fixture
def setting(consent: FakeConsent, clock: Clock) -> Setting:
    return Setting(consent, clock)


async def test_a_mail_goes_to_the_customer_of_today_with_what_was_given(setting: Setting) -> None:
    channel = setting.channel()
    assert await channel.gate([a_grant_mail()]) == {}
    result = await channel.perform(a_grant_mail())
    ((recipient, raw),) = setting.postbox.sent
    message = message_from_bytes(raw, policy=default)
    assert recipient == "ana@example.com"
    assert message["To"] == "Ana Lima <ana@example.com>"
    assert message["From"] == "The Corner Shop <hello@shop.example>"
    assert message["List-Unsubscribe"] == "<https://shop.example/u/token>"
    assert message["Message-ID"] == result["message_id"]
    assert result["message_id"].endswith("@shop.example>")
    assert "AB12CD34EF56G" in raw.decode()
    assert result["template"] == "milestone-reached"
    assert result["subject"] == message["Subject"]
    assert result["rendered_at"] == NOW.isoformat()


async def test_the_result_holds_no_address(setting: Setting) -> None:
    channel = setting.channel()
    await channel.gate([a_grant_mail()])
    assert "ana@" not in str(await channel.perform(a_grant_mail())).lower()


async def test_a_repeated_mail_has_the_same_message_id(setting: Setting) -> None:
    channel = setting.channel()
    ids = set()
    for _ in range(2):
        await channel.gate([a_grant_mail()])
        ids.add((await channel.perform(a_grant_mail()))["message_id"])
        setting.clock.advance(3600)
    assert len(ids) == 1


async def test_each_customer_gets_a_verdict_of_their_own(setting: Setting) -> None:
    setting.consent.known["ben@example.com"] = Known("UNSUBSCRIBED")
    setting.consent.opted_out = {"cleo@example.com"}
    tasks = [
        a_reminder(1),
        a_reminder(2, customer=Customer(email="ben@example.com")),
        a_reminder(3, customer=Customer(email="cleo@example.com")),
        a_reminder(4, customer=Customer()),
        a_grant_mail(5, customer=Customer(email="ben@example.com"), consent="service"),
    ]
    assert await setting.channel().gate(tasks) == {
        2: Stop(State.CANCELLED, Verdict.NOT_SUBSCRIBED),
        3: Stop(State.CANCELLED, Verdict.SUPPRESSED),
        4: Stop(State.CANCELLED, Verdict.NO_ADDRESS),
    }


async def test_mails_wait_while_the_program_is_not_active(setting: Setting) -> None:
    setting.program = PAUSED
    tasks = [a_reminder(1), a_reminder(2, customer=Customer())]
    assert await setting.channel().gate(tasks) == {
        1: Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + timedelta(minutes=15)),
        2: Stop(State.CANCELLED, Verdict.NO_ADDRESS),
    }


async def test_nobody_is_mailed_when_consent_cannot_be_learned(setting: Setting) -> None:
    setting.consent.error = ChannelError("Wix is not available.")
    with pytest.raises(ChannelError):
        await setting.channel().gate([a_reminder()])


async def test_a_mail_is_handed_over_while_its_consent_is_fresh_or_not_at_all(setting: Setting) -> None:
    channel = setting.channel()
    await channel.gate([a_reminder()])
    setting.clock.advance(20)
    await channel.perform(a_reminder())
    assert setting.postbox.within == 40


@pytest.mark.parametrize("seconds", [61, -1])
async def test_consent_that_grew_old_or_whose_age_nobody_knows_is_asked_again(
    setting: Setting, seconds: int
) -> None:
    channel = setting.channel()
    await channel.gate([a_reminder()])
    setting.clock.advance(seconds)
    with pytest.raises(ChannelError, match="asked again") as caught:
        await channel.perform(a_reminder())
    assert (caught.value.untried, caught.value.lost) == (True, False)
    assert setting.postbox.sent == []


async def test_a_program_that_was_paused_after_the_gate_was_asked_keeps_the_mail_back(
    setting: Setting,
) -> None:
    channel = setting.channel()
    await channel.gate([a_reminder()])
    setting.program = PAUSED
    with pytest.raises(ChannelError, match="not active") as caught:
        await channel.perform(a_reminder())
    assert (caught.value.untried, caught.value.lost) == (True, False)
    assert setting.postbox.sent == []


async def test_a_name_that_is_a_link_is_shown_nowhere_in_the_mail(setting: Setting) -> None:
    channel = setting.channel()
    abused = Customer(email="ana@example.com", name="Win now https://evil.example")
    await channel.gate([a_reminder(customer=abused)])
    await channel.perform(a_reminder(customer=abused))
    ((_, raw),) = setting.postbox.sent
    assert b"evil" not in raw


async def test_a_mail_that_passed_no_gate_is_not_sent(setting: Setting) -> None:
    with pytest.raises(ChannelError, match="asked again"):
        await setting.channel().perform(a_reminder())
    assert setting.postbox.sent == []


async def test_a_lost_answer_of_another_call_is_none_of_the_mail(setting: Setting) -> None:
    setting.link_error = ChannelError("No whole answer came from Wix.", lost=True, retry_at=NOW)
    channel = setting.channel()
    await channel.gate([a_reminder()])
    with pytest.raises(ChannelError, match="could not be prepared") as caught:
        await channel.perform(a_reminder())
    assert not caught.value.lost
    assert caught.value.retry_at == NOW


async def test_a_refusal_of_the_mail_server_is_passed_on(setting: Setting) -> None:
    setting.postbox.error = MailError("The mail server refused the recipient.", permanent=True)
    channel = setting.channel()
    await channel.gate([a_reminder()])
    with pytest.raises(MailError) as caught:
        await channel.perform(a_reminder())
    assert caught.value.permanent


async def test_a_template_that_fails_may_be_mended_and_tried_again(setting: Setting, tmp_path: Path) -> None:
    setting.templates = write_templates(tmp_path / "templates", almost_there__body_txt="{{ coupon.code }}")
    channel = setting.channel()
    await channel.gate([a_reminder()])
    with pytest.raises(
        ChannelError, match=r"templates/almost-there/body\.txt:1: .*milestones check"
    ) as caught:
        await channel.perform(a_reminder())
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("knows", "on_lost_answer", "fate"),
    [
        (Carried.NO, OnLostAnswer.HOLD, Fate.REPEAT),
        (Carried.UNTOLD, OnLostAnswer.HOLD, Fate.UNTOLD),
        (Carried.UNTOLD, OnLostAnswer.RESEND, Fate.REPEAT),
    ],
)
async def test_a_lost_mail_is_repeated_only_where_that_is_known_or_wished(
    setting: Setting, knows: Carried, on_lost_answer: OnLostAnswer, fate: Fate
) -> None:
    setting.postbox.knows = knows
    setting.on_lost_answer = on_lost_answer
    assert await setting.channel().recover(a_grant_mail()) == Found(fate)


async def test_a_mail_in_the_folder_is_recovered(setting: Setting, tmp_path: Path) -> None:
    channel = setting.channel(FolderTransport(tmp_path))
    assert (await channel.recover(a_grant_mail())).fate is Fate.REPEAT
    await channel.gate([a_grant_mail()])
    result = await channel.perform(a_grant_mail())
    found = await channel.recover(a_grant_mail())
    assert found.fate is Fate.HAPPENED
    assert found.result["message_id"] == result["message_id"]


async def test_a_mail_can_be_looked_at_without_being_sent(setting: Setting) -> None:
    mail = await setting.channel().render(a_reminder(customer=ANA))
    assert mail.subject.startswith("Almost there")
    assert setting.postbox.sent == []


def test_as_many_mails_are_under_way_as_there_are_connections(setting: Setting) -> None:
    setting.postbox.connections = 7
    assert setting.channel().concurrency == 7
