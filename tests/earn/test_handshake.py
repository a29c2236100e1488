"""What a service is answered that asks whether its events are wanted, by the words of its documentation."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.earn import EventRule
from milestones.earn.door import understand
from milestones.earn.handshake import Answer, answer_query
from milestones.errors import IngestError
from tests.earn.samples import received, rule_of


def event_rule(preset: str) -> EventRule:
    found = rule_of(preset).event
    assert found is not None
    return found


META = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "our word"}


def test_meta_hears_its_challenge_if_it_knows_our_word() -> None:
    assert answer_query(event_rule("meta"), META) == Answer("1158201444")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        (META | {"hub.verify_token": "another"}, 403),
        (META | {"hub.verify_token": "our word\0"}, 403),
        (META | {"hub.verify_token": "\ud800"}, 403),
        (META | {"hub.challenge": ""}, 400),
        (META | {"hub.challenge": "x" * 501}, 400),
    ],
)
def test_who_does_not_is_refused_with_a_sentence(query: Mapping[str, str], status: int) -> None:
    with pytest.raises(IngestError) as refused:
        answer_query(event_rule("meta"), query)
    assert refused.value.status == status
    assert "our word" not in str(refused.value)


def test_x_hears_that_we_know_its_secret() -> None:
    answer = answer_query(event_rule("x"), {"crc_token": "token"})
    proof = base64.b64encode(hmac.new(b"s3cret", b"token", hashlib.sha256).digest()).decode()
    assert (json.loads(answer.text), answer.kind) == (
        {"response_token": f"sha256={proof}"},
        "application/json",
    )


@pytest.mark.parametrize("token", ['{"follow_events": []}', "[1]", '"a"', "v0:1:{}", "é", "a\n", "x" * 501])
def test_nobody_has_an_event_signed_by_calling_it_a_token(token: str) -> None:
    with pytest.raises(IngestError, match="is no token") as refused:
        answer_query(event_rule("x"), {"crc_token": token})
    assert refused.value.status == 400


@given(st.text(max_size=60))
def test_no_token_whose_signature_is_told_is_a_body_with_an_event(token: str) -> None:
    try:
        answer_query(event_rule("x"), {"crc_token": token})
    except IngestError:
        return
    with suppress(ValueError):
        assert not isinstance(json.loads(token), dict | list | str)


def test_zoom_hears_its_token_encrypted() -> None:
    asked = json.dumps({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8"}}).encode()
    answer = understand(rule_of("zoom"), received(asked, {}))
    assert isinstance(answer, Answer)
    proof = hmac.new(b"s3cret", b"qgg8", hashlib.sha256).hexdigest()
    assert json.loads(answer.text) == {"plainToken": "qgg8", "encryptedToken": proof}


def test_a_handshake_without_a_token_is_kept_like_any_other_body() -> None:
    asked = json.dumps({"event": "endpoint.url_validation", "payload": {}}).encode()
    with pytest.raises(ValueError, match=r"has no text in payload\.plainToken"):
        understand(rule_of("zoom"), received(asked, {}))


@pytest.mark.parametrize("preset", ["zoom", "typeform", "bearer"])
def test_who_has_no_handshake_by_get_is_told_to_post(preset: str) -> None:
    with pytest.raises(IngestError, match="with POST") as refused:
        answer_query(event_rule(preset), META)
    assert refused.value.status == 405
