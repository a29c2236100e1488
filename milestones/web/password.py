"""The operator's password: kept as an Argon2 hash (RFC 9106) in a file of its owner's, next to the database by default.

The file holds one line, ``$argon2id$v=19$m=...,t=...,p=...$salt$hash``, so that a stronger setting can follow without a
new format. It is read at every request: a new password is in force at once, also for whoever knew the former one.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from milestones.errors import ConfigurationError, UsageError

SHORTEST = 12
"""Characters. The page may be tried from anywhere, one guess after the other."""

LONGEST = 1000

_HASHER = PasswordHasher()
"""The second profile of RFC 9106: 64 MiB and three passes for each guess."""

_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[0-9]{1,6},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{16,88}"
)
"""With bounds, so that no file makes a request take all memory."""

_LONGEST_FILE = 4096
_FOR_OTHERS = stat.S_IRWXO | stat.S_IWGRP
"""Bits that the file must not have. A group may read it, since containers are handed secrets that way."""


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """A password by which one can be recognised, and which cannot be read back."""

    encoded: str

    def verify(self, password: str) -> bool:
        """Whether it is this one. Slow by design; compared in constant time."""
        try:
            return _HASHER.verify(self.encoded, _secret(password))
        except (VerificationError, InvalidHashError):
            return False

    def __str__(self) -> str:
        return self.encoded


def create(password: str) -> Password:
    """A new one with a salt of its own. Raises UsageError for what is too easily guessed."""
    if len(password) < SHORTEST:
        raise UsageError(f"The password needs at least {SHORTEST} characters; three or four words are good.")
    if len(password) > LONGEST:
        raise UsageError(f"The password has more than {LONGEST} characters.")
    return Password(_HASHER.hash(_secret(password)))


def read(path: Path) -> Password | None:
    """The one in the file, or None where there is no file.

    Raises ConfigurationError where the file is not what ``write`` wrote, or others than its owner could have.
    """
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST_FILE)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds no text"
        raise _fault(path, f"cannot be read ({reason})") from None
    if mode & _FOR_OTHERS:
        raise _fault(path, "is open to other users of this machine; chmod 600 closes it")
    if not _HASH.fullmatch(text.strip()):
        raise _fault(path, "holds no password hash; `milestones password` writes it anew")
    return Password(text.strip())


def write(path: Path, password: Password) -> None:
    """Put it into the file, whole or not at all, readable by its owner only. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{password}\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _fault(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError([f"daemon.password_file: {path} {what}."])


def _secret(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
