"""Tokens of the API: what one may do, how it is written, and what is kept to recognise it by.

A token is shown once. It begins with a name by which it is found, and what is kept is a hash of the whole: it holds 256
random bits, so nothing slower than SHA-256 is needed to make guessing hopeless.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

RANDOM_BYTES = 37
"""What a token is made of: five bytes of it are its public name."""

_NAME_BYTES = 5
_WRITTEN = re.compile(r"mst_([0-9a-f]{10})_[0-9a-f]{64}")


class Scope(StrEnum):
    """What a token is good for."""

    READ = "read"
    """Look at customers, orders, actions and how things stand."""
    POINTS = "points"
    """Make accounts, adjust and earn points."""
    REDEEM = "redeem"
    """Redeem rewards, and apply them at a checkout."""
    ADMIN = "admin"
    """Set the program up, pause, resume, and move what is owed; and everything that the others may."""


def may(held: Collection[Scope], wanted: Collection[Scope]) -> bool:
    """Whether somebody with the scopes ``held`` may do what any one of ``wanted`` allows."""
    return Scope.ADMIN in held or not set(held).isdisjoint(wanted)


class Presented(NamedTuple):
    """What of a token may be kept: its public name, and its hash."""

    name: str
    digest: str

    def is_of(self, digest: str) -> bool:
        """Whether it is the token of this hash; compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


def write_token(randomness: bytes) -> str:
    """A token made of ``RANDOM_BYTES`` bytes that nobody can guess."""
    assert len(randomness) == RANDOM_BYTES, "fewer could be guessed"
    return f"mst_{randomness[:_NAME_BYTES].hex()}_{randomness[_NAME_BYTES:].hex()}"


def read_token(text: str) -> Presented | None:
    """What a token shows, or None for what is none."""
    match = _WRITTEN.fullmatch(text)
    return None if match is None else Presented(match[1], hashlib.sha256(text.encode()).hexdigest())
