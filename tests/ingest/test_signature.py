import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest

from milestones.errors import IngestError
from milestones.ingest.reading import UnreadableError
from milestones.ingest.signature import verify
from tests.ingest.tokens import NOW, genuine, pem, private_key, token, unsigned

KEY = private_key().public_key()
CLAIMS = {"data": "{}", "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 300_000}


def signed_by_hand(header: dict[str, Any], secret: bytes) -> bytes:
    """HS256 with any secret; PyJWT refuses to sign with a public key."""
    bare = unsigned(header, CLAIMS).rpartition(b".")[0]
    return bare + b"." + base64.urlsafe_b64encode(hmac.digest(secret, bare, sha256)).rstrip(b"=")


def spoilt(part: int) -> bytes:
    """A genuine token with one character of one part changed."""
    parts = token(CLAIMS).split(b".")
    middle = len(parts[part]) // 2
    other = b"A" if parts[part][middle : middle + 1] != b"A" else b"B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    return b".".join(parts)


def test_a_genuine_token_gives_its_claims() -> None:
    assert verify(token(CLAIMS), KEY, NOW) == CLAIMS


@pytest.mark.parametrize("headers", [{"kid": "k1"}, {"typ": None}, {"x": {"nested": ["junk"] * 50}}])
def test_other_header_fields_do_not_matter(headers: dict[str, Any]) -> None:
    assert verify(token(CLAIMS, headers=headers), KEY, NOW) == CLAIMS


def test_issuer_and_audience_are_not_asked_for_and_white_space_around_the_token_is_ignored() -> None:
    assert verify(b"\r\n" + token({**CLAIMS, "iss": "x", "aud": "y"}) + b"\n", KEY, NOW)["aud"] == "y"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 1000, id="zeros"),
        pytest.param(b"a.b", id="two parts"),
        pytest.param(b"..", id="three empty parts"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(b"\xff\xfe.\xff.\xff", id="no ASCII"),
        pytest.param(b"A" * 5000 + b".e30.e30", id="a header without end"),
        pytest.param(unsigned([], CLAIMS), id="a header that is a list"),
        pytest.param(b"[" * 2000 + b".e30.e30", id="a header that is no base64"),
        pytest.param(base64.b64encode(b"[" * 1500) + b".e30.e30", id="a header nested without end"),
        pytest.param(unsigned({"alg": "none"}, CLAIMS), id="alg none"),
        pytest.param(unsigned({"alg": "None"}, CLAIMS), id="alg None"),
        pytest.param(unsigned({"alg": ["RS256"]}, CLAIMS), id="alg as a list"),
        pytest.param(unsigned({}, CLAIMS), id="no alg"),
        pytest.param(unsigned({"alg": "RS256"}, CLAIMS), id="no signature"),
        pytest.param(unsigned({"alg": "RS256"}, CLAIMS, b"\0" * 256), id="a signature of zeros"),
        pytest.param(
            signed_by_hand({"alg": "HS256"}, pem(private_key()).encode()), id="HS256 with the public key"
        ),
        pytest.param(
            signed_by_hand({"alg": "RS256"}, pem(private_key()).encode()), id="HS256 that says RS256"
        ),
        pytest.param(jwt.encode(CLAIMS, "s" * 32, algorithm="HS256").encode(), id="HS256 with any secret"),
        pytest.param(
            jwt.encode(CLAIMS, private_key(), algorithm="RS512").encode(), id="RS512 with the right key"
        ),
        pytest.param(
            jwt.encode(CLAIMS, private_key(), algorithm="PS256").encode(), id="PS256 with the right key"
        ),
        pytest.param(token(CLAIMS, private_key("another")), id="another key"),
        pytest.param(token(CLAIMS, headers={"crit": ["exp"]}), id="a critical extension"),
        pytest.param(spoilt(0), id="a changed header"),
        pytest.param(spoilt(1), id="a changed payload"),
        pytest.param(spoilt(2), id="a changed signature"),
        pytest.param(token(CLAIMS) + b".e30", id="four parts"),
        pytest.param(token(CLAIMS)[:-8], id="cut off"),
    ],
)
def test_what_wix_did_not_sign_is_refused(body: bytes) -> None:
    with pytest.raises(IngestError) as refusal:
        verify(body, KEY, NOW)
    assert refusal.value.status == 401
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("claim", "seconds", "words"),
    [
        ("exp", -301, "expired 5 minutes ago"),
        ("exp", -3 * 3600, "expired 3 hours ago"),
        ("iat", 301, "clock looks wrong"),
        ("iat", 3600, "issued 60 minutes from now"),
        ("iat", 10 * 86400, "issued 10 days from now"),
        ("nbf", 301, "begins to hold"),
    ],
)
def test_a_token_of_another_time_is_refused_and_says_so(claim: str, seconds: int, words: str) -> None:
    with pytest.raises(IngestError, match=words) as refusal:
        verify(token({**CLAIMS, claim: int(NOW.timestamp()) + seconds}), KEY, NOW)
    assert refusal.value.status == 401


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -299), ("iat", 299), ("nbf", 299), ("iat", -400_000)])
def test_a_few_minutes_between_the_clocks_do_not_matter(claim: str, seconds: int) -> None:
    assert verify(token({**CLAIMS, claim: int(NOW.timestamp()) + seconds}), KEY, NOW)


def test_a_machine_an_hour_slow_hears_that_its_clock_is_wrong() -> None:
    with pytest.raises(IngestError, match="timedatectl"):
        verify(token(CLAIMS), KEY, NOW - timedelta(hours=1))


def test_time_claims_may_be_missing() -> None:
    assert verify(token({"data": "{}"}), KEY, datetime(2040, 1, 1, tzinfo=UTC)) == {"data": "{}"}


@pytest.mark.parametrize("value", ["soon", True, [], {}, 1e300, -1e300, 10**100])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_a_time_claim_that_is_no_time_is_refused(claim: str, value: object) -> None:
    body = genuine(json.dumps({**CLAIMS, claim: value}).encode())
    with pytest.raises(IngestError, match="not a time"):
        verify(body, KEY, NOW)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no JSON",
        b"\xff",
        b"[]",
        b"1",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
    ],
)
def test_a_genuine_token_without_claims_is_unreadable_rather_than_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableError, match="payload"):
        verify(genuine(payload), KEY, NOW)
