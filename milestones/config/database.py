"""The address of a database, read once: what the check accepts is what the daemon connects with.

No sentence here quotes a part of the address: where a ``@`` or a ``/`` was not escaped, any part may be the password's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

SQLITE = "sqlite:///"

_SCHEME = re.compile(r"postgres(?:ql)?(?:\+[a-z0-9_]+)?://", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+")
_NUMERIC_HOST = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SWITCH = re.compile(r"[01]")
_TEXT = re.compile(r".+")

HIGHEST_PORT = 65_535

OPTIONS: Mapping[str, re.Pattern[str]] = {
    "application_name": _TEXT,
    "channel_binding": re.compile(r"disable|prefer|require"),
    "connect_timeout": _NUMBER,
    "gssencmode": re.compile(r"disable|prefer|require"),
    "hostaddr": re.compile(r"[0-9A-Fa-f:.,]+"),
    "keepalives": _SWITCH,
    "keepalives_count": _NUMBER,
    "keepalives_idle": _NUMBER,
    "keepalives_interval": _NUMBER,
    "krbsrvname": _TEXT,
    "options": _TEXT,
    "passfile": _TEXT,
    "prepare_threshold": _NUMBER,
    "ssl_max_protocol_version": re.compile(r"TLSv1(\.[123])?"),
    "ssl_min_protocol_version": re.compile(r"TLSv1(\.[123])?"),
    "sslcert": _TEXT,
    "sslcrl": _TEXT,
    "sslkey": _TEXT,
    "sslmode": re.compile(r"disable|allow|prefer|require|verify-ca|verify-full"),
    "sslrootcert": _TEXT,
    "sslsni": _SWITCH,
    "target_session_attrs": re.compile(r"any|read-write|primary"),
    "tcp_user_timeout": _NUMBER,
}
"""What may stand behind the ``?``, and how it looks: parameters of libpq (its documentation, "Parameter Key Words"),
and ``prepare_threshold``, which is psycopg's. Left out is what cannot work here, such as a server that only reads.
"""

_PARTS = ("user", "password", "host", "port", "dbname")


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where a PostgreSQL database is. host and port: several, with commas, where there are several servers; a host that
    begins with a slash is the folder of a socket.
    """

    name: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """What may be shown: no password, no options."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"postgresql://{user}{self.host or ''}{port}/{self.name}"


_OPTION = re.compile(r"\?[^/]*=")
"""What the drivers of other programs take for an option. A ? alone may stand in the name of a file."""

Address = Path | PostgresAddress
"""A file of SQLite, or a database of a server."""


def read_address(text: str) -> Address:
    """The address that a text means. Raises ValueError with the rest of a sentence that begins with the key."""
    text = text.strip()
    if text.startswith(SQLITE):
        path = text.removeprefix(SQLITE)
        if not path or path.endswith("/") or not path.isprintable():
            raise ValueError("must name a file behind sqlite:///")
        if _OPTION.search(path) or ":memory:" in path:
            # Taken as written, it would be a file of that name, and not what its author meant.
            raise ValueError("must name a file behind sqlite:///, without options, and not :memory:")
        return Path(path)
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise ValueError('must be "sqlite:///path" or "postgresql://user@host/name"')
    if not text.isprintable() or " " in text:
        raise ValueError("holds a space or a line break; inside a name or a password, a space is written %20")
    if _NO_ESCAPE.search(text):
        raise ValueError("holds a % that begins no escape such as %20; a % itself is written %25")
    return _server(text[scheme.end() :])


def _server(text: str) -> PostgresAddress:
    place, _, query = text.partition("?")
    authority, _, name = place.partition("/")
    if "@" in name or "@" in query or "#" in text or "/" in name:
        raise ValueError(
            "holds a character that separates its parts; inside a name or a password, @ is written %40, / %2F, "
            "? %3F and # %23"
        )
    account, at, servers = authority.rpartition("@")
    user, colon, password = account.partition(":")
    host, port = _hosts(servers)
    given = {
        "user": _decode(user) if user else None,
        "password": _decode(password) if at and colon else None,
        "host": host,
        "port": port,
        "dbname": _decode(name) if name else None,
    }
    options = _options(query)
    for part in _PARTS:
        if (value := options.pop(part, None)) is not None:
            if given[part] is not None:
                raise ValueError(f"names its {part} twice, before the ? and behind it")
            given[part] = value
    given["port"] = _ports(given["host"], given["port"])
    database = given.pop("dbname")
    if not database:
        raise ValueError('must name a database of the server, as in "postgresql://user@host/name"')
    return PostgresAddress(database, **given, options=options)


def _hosts(text: str) -> tuple[str | None, str | None]:
    """The hosts and their ports, each with commas between them; None where there are none."""
    hosts, ports = [], []
    for one in text.split(",") if text else ():
        host, port = one, ""
        if not one.endswith("]") and ":" in one:
            host, _, port = one.rpartition(":")
            if not _is_port(port):
                raise ValueError("holds a port that is no number from 1 to 65535")
        hosts.append(_host(host))
        ports.append(port)
    if len(hosts) > 1 and not all(hosts):
        raise ValueError("holds a comma beside which there is no host")
    return ",".join(hosts) or None, ",".join(ports) if any(ports) else None


def _ports(host: str | None, port: str | None) -> str | None:
    """A port for each host; one that stands alone is that of all."""
    if port is None:
        return None
    ports, hosts = port.split(","), (host or "").split(",")
    if not all(map(_is_port, ports)):
        raise ValueError("holds a port that is no number from 1 to 65535")
    if len(ports) not in (1, len(hosts)):
        raise ValueError("does not name as many ports as hosts")
    return ",".join(ports * len(hosts) if len(ports) == 1 else ports)


def _host(text: str) -> str:
    host = _decode(text)
    if (numeric := _NUMERIC_HOST.fullmatch(host)) is not None:
        return numeric[1]
    if host and not host.startswith("/") and _HOST.fullmatch(host) is None:
        raise ValueError("holds a host that is none; one with colons stands in brackets, as [::1]")
    return host


def _is_port(text: str) -> bool:
    return text == "" or (_NUMBER.fullmatch(text) is not None and 0 < int(text) <= HIGHEST_PORT)


def _options(query: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, written = pair.partition("=")
        value = _decode(written)
        pattern = _TEXT if name in _PARTS else OPTIONS.get(name)
        if pattern is None:
            raise ValueError(
                f"holds an option that is not known; behind the ? may stand {', '.join(OPTIONS)}"
            )
        if pattern.fullmatch(value) is None:
            raise ValueError(f"holds a value for {name} that it cannot have")
        if name in result:
            raise ValueError(f"names {name} twice")
        result[name] = value
    return result


def _decode(text: str) -> str:
    try:
        result = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("holds an escape that is no text in UTF-8") from None
    if any(character < " " for character in result):
        raise ValueError("holds an escape for a character that cannot be typed")
    return result
