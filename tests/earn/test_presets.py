"""Each preset, with what its service sends: genuine, forged, replayed, and what its rule finds in it."""

from datetime import timedelta

import pytest

from milestones.config.earn_presets import PRESETS
from milestones.domain.earn import Scheme, SignatureRule
from milestones.earn.door import understand
from milestones.earn.reading import Unneeded, Wanted
from milestones.earn.signature import sign, verify
from milestones.errors import IngestError
from tests.builders import NOW
from tests.earn.samples import SAMPLES, URL, received, rule_of

SIGNED = [name for name, sample in SAMPLES.items() if sample.signed]
TIMED = ["standard-webhooks", "zoom"]


def signature_of(preset: str) -> SignatureRule:
    rule = rule_of(preset)
    assert rule.event is not None
    return rule.event.signature


def test_there_is_a_sample_of_each_preset() -> None:
    assert list(SAMPLES) == list(PRESETS)


@pytest.mark.parametrize("preset", SAMPLES)
def test_a_genuine_event_is_worth_points_to_whom_it_names(preset: str) -> None:
    sample, rule = SAMPLES[preset], rule_of(preset)
    verify(signature_of(preset), sample.received())
    readings = understand(rule, sample.received())
    assert isinstance(readings, list)
    first = readings[0]
    assert isinstance(first, Wanted)
    assert (first.id, first.person.email, first.points) == (sample.id, sample.email, 20)
    assert all(isinstance(one, Unneeded) for one in readings[1:])


@pytest.mark.parametrize("preset", SIGNED)
def test_a_body_that_was_altered_by_one_byte_is_refused(preset: str) -> None:
    sample = SAMPLES[preset]
    altered = sample.received(body=sample.raw.replace(b"ada@", b"adb@"))
    with pytest.raises(IngestError, match="does not fit the body and the secret") as refused:
        verify(signature_of(preset), altered)
    assert refused.value.status == 401
    with pytest.raises(IngestError):
        verify(signature_of(preset), sample.received(body=sample.raw + b"\r\n"))


@pytest.mark.parametrize("preset", SAMPLES)
@pytest.mark.parametrize(
    "forged", ["", "x", "sha256=", "v1,", "v0=\xff", "Bearer ", "Basic Og==", "é" * 5000]
)
def test_no_signature_and_any_other_is_refused_with_a_sentence(preset: str, forged: str) -> None:
    sample, rule = SAMPLES[preset], signature_of(preset)
    header = "authorization" if rule.type is Scheme.BASIC else rule.header
    genuine = sample.received()
    for headers in (
        {**genuine.headers, header: forged},
        {k: v for k, v in genuine.headers.items() if k != header},
    ):
        with pytest.raises(IngestError) as refused:
            verify(rule, received(sample.raw, headers))
        assert refused.value.status == 401
        assert str(refused.value).endswith(".")


@pytest.mark.parametrize("preset", TIMED)
def test_an_old_event_that_is_sent_again_is_refused_also_with_a_new_time(preset: str) -> None:
    sample, rule = SAMPLES[preset], signature_of(preset)
    verify(rule, received(sample.raw, sample.sign(sample.raw, NOW - timedelta(minutes=5))))
    for off in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(IngestError, match="too far from now"):
            verify(rule, received(sample.raw, sample.sign(sample.raw, NOW - off)))
    old = dict(sample.sign(sample.raw, NOW - timedelta(days=1)))
    old[next(name for name in old if "timestamp" in name)] = str(int(NOW.timestamp()))
    with pytest.raises(IngestError, match="does not fit"):
        verify(rule, received(sample.raw, old))


def test_a_new_id_on_an_old_body_is_refused() -> None:
    sample = SAMPLES["standard-webhooks"]
    with pytest.raises(IngestError, match="does not fit"):
        verify(signature_of("standard-webhooks"), sample.received(webhook_id="msg_2"))


@pytest.mark.parametrize("preset", SAMPLES)
def test_what_we_sign_ourselves_is_genuine(preset: str) -> None:
    sample, rule = SAMPLES[preset], signature_of(preset)
    verify(rule, received(sample.raw, sign(rule, sample.raw, URL, NOW)))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_says_where_its_facts_are_from(preset: str) -> None:
    assert PRESETS[preset].source
    assert all(sentence.endswith(".") for sentence in PRESETS[preset].unverified)
