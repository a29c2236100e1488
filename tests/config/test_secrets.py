"""Secrets and keys in a configuration: where they come from, and that they are shown nowhere."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from milestones.errors import UsageError
from tests.config.conftest import BASE, MILESTONE, Faults, Reader


def test_secrets_are_shown_nowhere(read: Reader, folder: Path) -> None:
    (folder / "db.url").write_text("postgresql://me:hunter2@db/name\n")
    text = BASE + 'username = "me"\npassword = { env = "P" }\n[daemon]\ndatabase = { file = "db.url" }\n'
    settings = read(text, {"P": "hunter2"})
    assert settings.daemon.database.get_secret_value() == "postgresql://me:hunter2@db/name"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "hunter2" not in shown


@pytest.mark.parametrize(
    "text",
    [
        BASE + 'username = "me"\npassword = "hunter2"\n',
        BASE + 'pasword = "hunter2"\n',
        BASE + '[[sites]]\nname = "a"\napi_key = ["hunter2"]\n',
        BASE + '[daemon]\ndatabase = "postgresql://me:hunter2@db"\n',
        BASE + '[daemon]\npublic_url = "https://me:hunter2@example.com"\n',
        '[mail]\nsender = "s@example.com"\n[wix]\napp_secret = "hunter2"\npublic_key = "hunter2"\n',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(faults: Faults, text: str) -> None:
    found = faults(text)
    assert found
    assert "hunter2" not in str(found)


def test_a_command_without_need_for_secrets_can_do_without(read: Reader) -> None:
    settings = read(
        BASE
        + 'username = "me"\npassword = { env = "P" }\n'
        + MILESTONE
        + '[[milestones.rewards]]\nwebhook = { url = "https://example.com", secret = { env = "Q" } }\n',
        secrets=False,
    )
    assert settings.mail.password is not None
    with pytest.raises(UsageError, match="environment variable P, which is not set"):
        settings.mail.password.get_secret_value()


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
OTHER_PEM = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
ELLIPTIC = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
).decode()
APP = '[mail]\nsender = "s@example.com"\n[wix]\napp_id = "a"\napp_secret = { env = "S" }\n'


@pytest.mark.parametrize("written", [PEM, base64.b64encode(PEM.encode()).decode(), "\n" + PEM + "\n"])
def test_the_public_key_is_pem_or_pem_in_base64(read: Reader, folder: Path, written: str) -> None:
    (folder / "key.pem").write_text(written)
    settings = read(APP + 'public_key = { file = "key.pem" }\n', {"S": "s"})
    assert settings.wix.public_key is not None
    assert settings.wix.public_key.get_secret_value() == PEM.strip()


def test_a_command_that_needs_no_secrets_needs_no_public_key(read: Reader) -> None:
    written = APP + 'public_key = { env = "K" }\n'
    settings = read(written, {}, secrets=False)
    assert settings.hash == read(written, {"S": "s", "K": PEM}).hash
    assert settings.wix.public_key is not None
    with pytest.raises(UsageError, match="environment variable K, which is not set"):
        settings.wix.public_key.get_secret_value()


def test_a_public_key_that_is_written_down_is_part_of_the_configuration(read: Reader) -> None:
    one, other = (read(APP + f"public_key = '''{pem}'''\n", {"S": "s"}) for pem in (PEM, OTHER_PEM))
    assert one.hash != other.hash


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("garbage", "is neither PEM"),
        (PEM[:200], "looks like PEM but is damaged"),
        (base64.b64encode(b"garbage").decode(), "is neither PEM"),
        (KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), "is a private key"),
        (ELLIPTIC, "is not an RSA key"),
    ],
)
def test_a_wrong_public_key_is_refused(faults: Faults, folder: Path, written: str, sentence: str) -> None:
    (folder / "key.pem").write_text(written)
    (fault,) = faults(APP + 'public_key = { file = "key.pem" }\n', {"S": "s"})
    assert fault.startswith("config.toml:6:1: wix.public_key: " + sentence)


def test_a_number_is_no_public_key(faults: Faults) -> None:
    (fault,) = faults(APP + "public_key = 5\n", {"S": "s"})
    assert fault.startswith("config.toml:6:1: wix.public_key: is no public key")
