"""The operator's password: kept as a scrypt hash in a file of its owner's, next to the database by default.

The file holds one line, ``scrypt$N$r$p$salt$hash``, so that a stronger setting can follow without a new format. It is
read at every request: a new password is in force at once, also for whoever knew the former one.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from milestones.errors import ConfigurationError, UsageError

SHORTEST = 12
"""Characters. The page may be tried from anywhere, one guess after the other."""

LONGEST = 1000

_N, _R, _P = 2**15, 8, 3
"""32 MiB and about a fifth of a second for each guess (RFC 7914; strength as OWASP recommends)."""

_MOST_MEMORY = 64 * 1024 * 1024
_LONGEST_FILE = 4096
_FOR_OTHERS = stat.S_IRWXO | stat.S_IWGRP
"""Bits that the file must not have. A group may read it, since containers are handed secrets that way."""


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """A password by which one can be recognised, and which cannot be read back."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def verify(self, password: str) -> bool:
        """Whether it is this one. Slow by design; compared in constant time."""
        return hmac.compare_digest(self.digest, _digest(password, self.salt, self.n, self.r, self.p))

    def __str__(self) -> str:
        return f"scrypt${self.n}${self.r}${self.p}${_text(self.salt)}${_text(self.digest)}"


def made(password: str) -> Password:
    """A new one with a salt of its own. Raises UsageError for what is too easily guessed."""
    if len(password) < SHORTEST:
        raise UsageError(f"The password needs at least {SHORTEST} characters; three or four words are good.")
    if len(password) > LONGEST:
        raise UsageError(f"The password has more than {LONGEST} characters.")
    salt = secrets.token_bytes(16)
    return Password(_N, _R, _P, salt, _digest(password, salt, _N, _R, _P))


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
    try:
        kind, n, r, p, salt, digest = text.strip().split("$")
        if kind != "scrypt":
            raise ValueError  # noqa: TRY301 (one sentence for all that is no hash)
        return Password(int(n), int(r), int(p), _bytes(salt), _bytes(digest))
    except ValueError:
        raise _fault(path, "holds no password hash; `milestones password` writes it anew") from None


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


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    secret = password.encode(errors="surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError from error
