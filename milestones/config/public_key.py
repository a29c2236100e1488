"""The app's public key, by which webhooks are believed: read by the same code by `check` and by whoever uses it."""

import base64

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SMALLEST_KEY = 2048
"""Bits. RFC 7518, section 3.3, forbids less for RS256."""

_WHERE = "copy it from the Webhooks page of the app in the Wix dashboard, whole"
_NOT_A_PUBLIC_KEY = {
    "PRIVATE KEY-----": "is a private key, which must not be here; the public key is wanted: " + _WHERE,
    "BEGIN CERTIFICATE": "is a certificate; the public key is wanted: " + _WHERE,
    "BEGIN OPENSSH": "is an SSH key; the app's public key is wanted: " + _WHERE,
}


def load_public_key(text: str) -> RSAPublicKey:
    """The app's public key: PEM, PEM in base64, or PEM in one line, as some settings hold it.

    Raises ValueError with a predicate that says what the text is instead.
    """
    pem = as_pem(text)
    for mark, sentence in _NOT_A_PUBLIC_KEY.items():
        if mark in pem:
            raise ValueError(sentence)
    if "-----BEGIN" not in pem:
        raise ValueError("is neither PEM (`-----BEGIN PUBLIC KEY-----`) nor PEM in base64; " + _WHERE)
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("looks like PEM but is damaged or cut off; " + _WHERE) from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("is not an RSA key, and Wix signs with RS256; " + _WHERE)  # noqa: TRY004 - a fault of the value
    if key.key_size < SMALLEST_KEY:
        raise ValueError(f"has {key.key_size} bits; at least {SMALLEST_KEY} are safe")
    return key


def as_pem(text: str) -> str:
    """The key as PEM, in lines, whatever its spelling; empty for what is neither PEM nor PEM in base64."""
    text = text.strip().replace("\\n", "\n")
    if text.startswith("-----"):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("ascii").strip()
    except ValueError:
        return ""
