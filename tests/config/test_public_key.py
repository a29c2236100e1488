"""The app's public key in every spelling, and what is none; `check` and the loader read it by the same code."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from milestones.config.public_key import load_public_key
from milestones.errors import ConfigurationError
from tests.config.conftest import Reader
from tests.ingest.tokens import pem, private_key

KEY = private_key().public_key()


def pkcs1(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(pem(private_key()), id="PEM"),
        pytest.param("\n\n  " + pem(private_key()) + "\n", id="PEM with white space around"),
        pytest.param(pem(private_key()).replace("\n", "\\n"), id="PEM in one line"),
        pytest.param(pem(private_key()).replace("\n", "\r\n"), id="PEM from Windows"),
        pytest.param(base64.b64encode(pem(private_key()).encode()).decode(), id="PEM in base64"),
        pytest.param(base64.encodebytes(pem(private_key()).encode()).decode(), id="PEM in wrapped base64"),
        pytest.param(pkcs1(private_key()), id="the older PEM of RSA"),
    ],
)
def test_the_public_key_is_read_in_every_spelling(text: str) -> None:
    assert load_public_key(text).public_numbers() == KEY.public_numbers()


def private_pem() -> str:
    encoded = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode()


def elliptic_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither PEM"),
        ("wix-public-key.pem", "neither PEM"),
        ("é", "neither PEM"),
        (base64.b64encode(b"\xff\xfe").decode(), "neither PEM"),
        (private_pem(), "private key, which must not be here"),
        (base64.b64encode(private_pem().encode()).decode(), "private key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "certificate"),
        (pem(private_key())[:200], "damaged or cut off"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "damaged or cut off"),
        (elliptic_pem(), "not an RSA key"),
        (pem(rsa.generate_private_key(public_exponent=65_537, key_size=1024)), "1024 bits"),
    ],
)
def test_what_is_no_public_key_is_told_apart(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as faulty:
        load_public_key(text)
    assert "MII" not in str(faulty.value)


@pytest.mark.parametrize("spelled", [pem(private_key()), pem(private_key()).replace("\n", "\\n")])
def test_what_check_takes_for_a_key_the_loader_takes_too(read: Reader, spelled: str) -> None:
    settings = read(_app(), {"KEY": spelled, "SECRET": "s"})
    assert settings.wix.public_key is not None
    assert (
        load_public_key(settings.wix.public_key.get_secret_value()).public_numbers() == KEY.public_numbers()
    )


def test_check_refuses_a_key_that_the_loader_refuses(read: Reader) -> None:
    short = pem(rsa.generate_private_key(public_exponent=65_537, key_size=1024))
    with pytest.raises(ConfigurationError, match=r"wix\.public_key: has 1024 bits"):
        read(_app(), {"KEY": short, "SECRET": "s"})


def _app() -> str:
    return """\
[wix]
app_id = "a"
app_secret = { env = "SECRET" }
public_key = { env = "KEY" }

[mail]
sender = "Shop <shop@example.com>"
"""
