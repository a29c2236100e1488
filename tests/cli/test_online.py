"""What ``milestones check --online`` tries."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from milestones.cli import dns_records
from milestones.cli.online import trials
from milestones.cli.outcome import Outcome, Trial
from milestones.config import Settings, parse

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEYS = '[[sites]]\nname = "Shop"\nsite_id = "s"\napi_key = { env = "KEY" }\n'
FOLDER = '[mail]\nsender = "Shop <shop@mail.example.com>"\n'
SMTP = FOLDER + 'transport = "smtp"\nhost = "127.0.0.1"\ntls = "none"\n'


def settings(text: str) -> Settings:
    return parse(text, Path("config.toml"), {"KEY": "secret-key"})


def records_of(zone: Mapping[str, list[str]]) -> dns_records.Lookup:
    async def lookup(name: str) -> list[str]:
        return zone.get(name, [])

    return lookup


async def nobody(name: str) -> list[str]:
    raise dns_records.NoResolverError(f"No DNS resolver answered for {name}.")


async def tried(
    text: str, answer: httpx.Response | None = None, lookup: dns_records.Lookup = nobody
) -> dict[str, Trial]:
    def wix(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "secret-key"
        return answer or httpx.Response(500)

    async with httpx.AsyncClient(transport=httpx.MockTransport(wix)) as http:
        return {trial.what: trial async for trial in trials(settings(text), http, lambda: NOW, lookup)}


@pytest.mark.parametrize(
    ("answer", "outcome", "part"),
    [
        (
            httpx.Response(200, json={"loyaltyProgram": {"name": "Stars", "status": "ACTIVE"}}),
            Outcome.OK,
            "the loyalty program is Stars, and active",
        ),
        (
            httpx.Response(200, json={"loyaltyProgram": {"status": "DRAFT"}}),
            Outcome.FAILED,
            "is DRAFT: nobody earns points; activate it in Wix",
        ),
        (httpx.Response(403, json={"message": "no"}), Outcome.FAILED, "403"),
    ],
)
async def test_wix_is_asked_for_the_program(answer: httpx.Response, outcome: Outcome, part: str) -> None:
    trial = (await tried(FOLDER + KEYS, answer))["Wix, Shop"]
    assert trial.outcome is outcome
    assert part in trial.sentence
    assert "secret-key" not in trial.sentence


async def test_what_cannot_be_tried_is_said() -> None:
    found = await tried(FOLDER + "[wix]\nsandbox = true\n")
    assert {trial.outcome for trial in found.values()} == {Outcome.UNTRIED}
    assert set(found) == {"Wix", "Mail"}


async def test_a_mail_server_that_does_not_answer_is_a_failure() -> None:
    found = await tried(SMTP + "port = 9\n[wix]\nsandbox = true\n")
    assert found["SMTP, 127.0.0.1:9"].outcome is Outcome.FAILED
    assert found["SPF"] == Trial("SPF", Outcome.UNTRIED, "No DNS resolver answered for mail.example.com.")


GOOD = {
    "mail.example.com": ["some other text", "v=spf1 include:_spf.example.net ~all"],
    "k1._domainkey.mail.example.com": ["v=DKIM1; k=rsa; p=MIIB"],
    "_dmarc.example.com": ["v=DMARC1; p=quarantine"],
}


async def test_records_of_the_sender_are_read() -> None:
    found = [trial async for trial in dns_records.trials("mail.example.com", "k1", records_of(GOOD))]
    assert found == [
        Trial("SPF", Outcome.OK, "mail.example.com: v=spf1 include:_spf.example.net ~all"),
        Trial("DKIM", Outcome.OK, "k1._domainkey.mail.example.com has a key"),
        Trial("DMARC", Outcome.OK, "_dmarc.example.com: policy quarantine"),
    ]


@pytest.mark.parametrize(
    ("zone", "outcomes"),
    [
        ({}, "SPF failed, DKIM failed, DMARC failed"),
        ({"mail.example.com": ["v=spf1 -all", "v=spf1 ~all"]}, "SPF failed, DKIM failed, DMARC failed"),
        ({"mail.example.com": ["v=spf1 +all"]}, "SPF failed, DKIM failed, DMARC failed"),
        ({"mail.example.com": ["v=spf10 -all"]}, "SPF failed, DKIM failed, DMARC failed"),
        ({**GOOD, "k1._domainkey.mail.example.com": ["v=DKIM1; p="]}, "SPF ok, DKIM failed, DMARC ok"),
        ({**GOOD, "_dmarc.example.com": ["v=DMARC2"]}, "SPF ok, DKIM ok, DMARC failed"),
    ],
)
async def test_records_that_are_missing_or_wrong_are_failures(
    zone: dict[str, list[str]], outcomes: str
) -> None:
    found = [trial async for trial in dns_records.trials("mail.example.com", "k1", records_of(zone))]
    assert ", ".join(f"{trial.what} {trial.outcome}" for trial in found) == outcomes


async def test_without_a_selector_dkim_is_not_tried() -> None:
    found = [trial async for trial in dns_records.trials("mail.example.com", None, records_of(GOOD))]
    assert found[1].outcome is Outcome.UNTRIED


async def test_without_a_resolver_nothing_is_known() -> None:
    found = [trial async for trial in dns_records.trials("example.com", "k1", nobody)]
    assert {trial.outcome for trial in found} == {Outcome.UNTRIED}
