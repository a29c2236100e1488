"""Addresses of every kind: of mail, of the web, of a listening socket and of a database."""

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

from milestones.config.database import SQLITE, PostgresAddress, read_address
from milestones.config.references import REFERENCE_SCHEMA, Secret, reference_of, secret_or_text, surroundings
from milestones.domain.characters import remove_unseen
from milestones.formats.mail_addresses import domain_in_ascii, named_address

_URL_MARKS = "%/:?#[]@!$&'()*+,;=~"
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
"""Underscores are in no rule for hosts and in some of their names."""


def host_and_port(value: Any) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080``. Raises ValueError."""
    host, separator, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not separator
        or not host
        or (":" in host and not bracketed)
        or not port.isdecimal()
        or int(port) > 65_535
    ):
        raise ValueError('must be a host and a port such as "127.0.0.1:8080"')
    return host.strip("[]"), int(port)


def _listen(value: str) -> str:
    host_and_port(value)
    return value


def _database(value: Any, info: ValidationInfo) -> SecretStr:
    text, reference = secret_or_text(value, info)
    address = read_address(text)
    if isinstance(address, PostgresAddress):
        if address.password and reference is None:
            raise ValueError(
                'holds a password, which is never written here; write { env = "NAME" } for the whole address'
            )
        return Secret(text.strip(), reference or text)
    around = surroundings(info)
    return Secret(f"{SQLITE}{around.folder / address if around else address}", reference or text)


def _mailbox(value: str) -> str:
    name, _ = named_address(value)
    if name and not value.isprintable():
        raise ValueError("holds characters that no mail program can show")
    return value


def _web_address(value: str) -> str:
    # What nobody sees comes along when an address is copied, and would be a part of every link.
    value = remove_unseen(value)
    try:
        parts = urlsplit(value)
        valid = (
            parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid or "\\" in value or any(character.isspace() for character in value):
        raise ValueError('must be a web address such as "https://milestones.example.com"')
    if "@" in urlsplit(value).netloc:
        raise ValueError("must not hold a user name or password")
    return _in_ascii(value).rstrip("/")


def _in_ascii(url: str) -> str:
    """As mail programs and browsers are given it: the host as DNS knows it, the rest in percent-encoding."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    ascii_host = domain_in_ascii(host)
    if ascii_host is None or not (_is_numeric(host) or _HOST.fullmatch(ascii_host)):
        raise ValueError("has a host that is no domain")
    netloc = parts.netloc if host.isascii() else ascii_host + (f":{parts.port}" if parts.port else "")
    return quote(urlunsplit(parts._replace(netloc=netloc)), safe=_URL_MARKS)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def web_host(url: str) -> str | None:
    """The host of a web address."""
    return urlsplit(url).hostname


def is_loopback(host: str | None) -> bool:
    """Whether a host, by name or number, can only be this machine."""
    name = (host or "").casefold().strip("[]").removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _base(value: str) -> str:
    if "?" in value or "#" in value:
        raise ValueError("must end with its path, since more is written behind it: no ? and no #")
    return value


Mailbox = Annotated[str, AfterValidator(_mailbox)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
BaseAddress = Annotated[WebAddress, AfterValidator(_base)]
"""Of a whole service, to which paths are added."""

HostAndPort = Annotated[str, AfterValidator(_listen)]
DatabaseUrl = Annotated[
    SecretStr,
    PlainValidator(_database),
    PlainSerializer(reference_of),
    WithJsonSchema({"anyOf": [{"type": "string"}, REFERENCE_SCHEMA]}),
]
