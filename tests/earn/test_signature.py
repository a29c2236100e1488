"""What the presets have no need of: other algorithms, several secrets, times in milliseconds, the address in the text."""

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from milestones.domain.earn import Scheme, SignatureRule
from milestones.earn.signature import sign, verify
from milestones.errors import IngestError
from tests.builders import NOW
from tests.earn.samples import URL, received

Algorithm = Literal["sha1", "sha256", "sha512"]
RULE = SignatureRule(Scheme.HMAC, (b"new", b"old"), header="x-sign")
BEARER = SignatureRule(Scheme.HEADER, (b"new",), header="authorization", prefix="Bearer ")
BASIC = SignatureRule(Scheme.BASIC, (b"new",), username="shop")
BODY = b'{"a": 1}\r\n'


def digest(text: bytes, key: bytes = b"new", algorithm: str = "sha256") -> str:
    return hmac.new(key, text, algorithm).hexdigest()


@pytest.mark.parametrize("key", [b"new", b"old"])
def test_while_a_secret_is_replaced_both_are_taken(key: bytes) -> None:
    verify(RULE, received(BODY, {"X-Sign": digest(BODY, key)}))
    with pytest.raises(IngestError):
        verify(replace(RULE, secrets=(b"new",)), received(BODY, {"X-Sign": digest(BODY, b"old")}))


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_each_algorithm_is_its_own(algorithm: Algorithm) -> None:
    rule = replace(RULE, algorithm=algorithm)
    verify(rule, received(BODY, {"X-Sign": digest(BODY, algorithm=algorithm)}))
    other = "sha1" if algorithm != "sha1" else "sha256"
    with pytest.raises(IngestError):
        verify(rule, received(BODY, {"X-Sign": digest(BODY, algorithm=other)}))


def test_the_address_of_the_notification_may_be_signed() -> None:
    rule = replace(RULE, signed="{url}{body}")
    verify(rule, received(BODY, {"X-Sign": digest(URL.encode() + BODY)}))


@pytest.mark.parametrize(
    ("stamp", "taken"),
    [
        (str(int(NOW.timestamp())), True),
        (str(int(NOW.timestamp() * 1000)), True),
        (str(int((NOW - timedelta(hours=1)).timestamp() * 1000)), False),
        ("0", False),
        ("9" * 15, False),
        ("9" * 40, False),
        ("-5", False),
        ("now", False),
        ("1_0", False),
        ("٣", False),
    ],
)
def test_a_time_is_seconds_or_milliseconds_and_near(stamp: str, taken: bool) -> None:
    rule = replace(RULE, signed="{timestamp}.{body}", timestamp_header="x-time")
    text = stamp.encode("latin-1", "replace")
    request = received(BODY, {"X-Sign": digest(text + b"." + BODY), "X-Time": text.decode("latin-1")})
    if taken:
        verify(rule, request)
    else:
        with pytest.raises(IngestError, match="x-time"):
            verify(rule, request)


def test_a_header_that_came_twice_is_no_signature() -> None:
    pairs = [(b"x-sign", digest(BODY).encode())] * 2
    with pytest.raises(IngestError):
        verify(RULE, type(received(BODY, {})).of(BODY, pairs, URL, NOW))


def test_a_sample_is_signed_with_the_newest_secret() -> None:
    assert sign(RULE, BODY, URL, NOW) == {"x-sign": hmac.new(b"new", BODY, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize(
    ("rule", "value", "taken"),
    [
        (BEARER, "Bearer new", True),
        (BEARER, "bearer  new", True),
        (BEARER, "new", False),
        (BEARER, "Bearer NEW", False),
        (BEARER, "Bearer", False),
        (BASIC, "Basic c2hvcDpuZXc=", True),
        (BASIC, "basic c2hvcDpuZXc=", True),
        (BASIC, "Basic c2hvcDpvbGQ=", False),
        (BASIC, "c2hvcDpuZXc=", False),
        (BASIC, "Bearer c2hvcDpuZXc=", False),
    ],
)
def test_a_scheme_is_written_in_any_case_and_a_secret_in_its_own(
    rule: SignatureRule, value: str, taken: bool
) -> None:
    request = received(BODY, {"Authorization": value})
    if taken:
        verify(rule, request)
    else:
        with pytest.raises(IngestError):
            verify(rule, request)
