import pytest

from milestones.domain.milestone import Consent
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.email.consent import Reader
from tests.kinds.builders import FakeConsent, Known

ANA = "ana@example.com"


async def verdict_of(
    consent: FakeConsent, address: str | None = ANA, kind: Consent = Consent.MARKETING, *only_to: str
) -> Verdict | None:
    refused = await consent.gatekeeper(*only_to).refusals({1: Reader(address, kind)})
    return refused.get(1)


@pytest.mark.parametrize(
    ("known", "marketing", "service"),
    [
        (Known("SUBSCRIBED", "VALID"), None, None),
        (Known("SUBSCRIBED", "NOT_SET"), None, None),
        (Known("UNSUBSCRIBED", "VALID"), Verdict.NOT_SUBSCRIBED, None),
        (Known("PENDING", "VALID"), Verdict.NOT_SUBSCRIBED, None),
        (Known("NOT_SET", "VALID"), Verdict.NOT_SUBSCRIBED, None),
        (Known("UNKNOWN", "VALID"), Verdict.NOT_SUBSCRIBED, None),
        (Known("SOMETHING_NEW", "VALID"), Verdict.NOT_SUBSCRIBED, None),
        (Known("SUBSCRIBED", "BOUNCED"), Verdict.UNDELIVERABLE, Verdict.UNDELIVERABLE),
        (Known("SUBSCRIBED", "SPAM_COMPLAINT"), Verdict.UNDELIVERABLE, Verdict.UNDELIVERABLE),
        (Known("SUBSCRIBED", "INACTIVE"), Verdict.UNDELIVERABLE, Verdict.UNDELIVERABLE),
        (Known("SUBSCRIBED", "SOMETHING_NEW"), Verdict.UNDELIVERABLE, Verdict.UNDELIVERABLE),
        (None, Verdict.NOT_SUBSCRIBED, None),
    ],
)
async def test_only_a_subscribed_and_deliverable_address_is_mailed(
    known: Known | None, marketing: Verdict | None, service: Verdict | None
) -> None:
    consent = FakeConsent({ANA: known} if known else {})
    assert await verdict_of(consent) is marketing
    assert await verdict_of(consent, ANA, Consent.SERVICE) is service


@pytest.mark.parametrize(
    ("address", "verdict"),
    [(None, Verdict.NO_ADDRESS), ("  ", Verdict.NO_ADDRESS), ("ana@@example.com", Verdict.UNUSABLE_ADDRESS)],
)
async def test_what_is_no_address_is_not_asked_about(
    consent: FakeConsent, address: str | None, verdict: Verdict
) -> None:
    assert await verdict_of(consent, address) is verdict
    assert consent.asked == []


@pytest.mark.parametrize("kind", list(Consent))
async def test_who_unsubscribed_here_is_never_mailed(consent: FakeConsent, kind: Consent) -> None:
    consent.opted_out = {ANA}
    assert await verdict_of(consent, "Ana@Example.com", kind) is Verdict.SUPPRESSED
    assert consent.asked == []


async def test_addresses_are_compared_without_regard_to_case(consent: FakeConsent) -> None:
    assert await verdict_of(consent, " ANA@Example.com") is None


@pytest.mark.parametrize(
    ("opted_out", "address"),
    [
        ("ana@xn--mller-kva.example", "ana@müller.example"),
        ("ana@müller.example", "Ana@XN--MLLER-KVA.example."),
        ("fred@example.net", "fred@example.net\u200b"),
        ("fred@example.net\ufeff", "fred@example.net"),
        ("gabi@straße.example", "gabi@STRAẞE.example"),
        ("gabi@xn--strae-oqa.example", "gabi@straße.example"),
    ],
)
async def test_who_unsubscribed_under_one_spelling_is_not_mailed_under_another(
    consent: FakeConsent, opted_out: str, address: str
) -> None:
    consent.opted_out = {opted_out}
    assert await verdict_of(consent, address) is Verdict.SUPPRESSED
    consent.opted_out = set()
    consent.known = {opted_out: Known("UNSUBSCRIBED")}
    assert await verdict_of(consent, address) is Verdict.NOT_SUBSCRIBED


@pytest.mark.parametrize(
    ("patterns", "verdict"),
    [
        (("*@example.com",), None),
        (("ANA@EXAMPLE.COM",), None),
        (("ben@example.com", "*@example.com"), None),
        (("*@example.org",), Verdict.ONLY_TO),
        (("*@EXAMPLE.com.",), None),
        (("ana",), Verdict.ONLY_TO),
        ((), None),
    ],
)
async def test_only_to_lets_mail_leave_for_listed_addresses_alone(
    consent: FakeConsent, patterns: tuple[str, ...], verdict: Verdict | None
) -> None:
    assert await verdict_of(consent, ANA, Consent.MARKETING, *patterns) is verdict


async def test_wix_is_asked_in_batches_and_once_for_each_address() -> None:
    addresses = [f"customer-{number % 250}@example.com" for number in range(300)]
    consent = FakeConsent({address: Known() for address in addresses})
    refused = await consent.gatekeeper().refusals(
        {number: Reader(address) for number, address in enumerate(addresses)}
    )
    assert refused == {}
    assert [len(batch) for batch in consent.asked] == [100, 100, 50]


async def test_nothing_is_asked_where_nobody_is_to_be_mailed(consent: FakeConsent) -> None:
    assert await consent.gatekeeper().refusals({}) == {}
    assert consent.asked == []


async def test_when_wix_does_not_tell_nobody_is_mailed(consent: FakeConsent) -> None:
    consent.error = ChannelError("Wix is not available.")
    with pytest.raises(ChannelError):
        await verdict_of(consent)
