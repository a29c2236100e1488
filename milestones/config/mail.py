"""``[mail]``: how mail leaves, and for whom."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.references import ConfiguredPath, SecretValue
from milestones.config.sections import Table, Whole
from milestones.config.web_addresses import Mailbox, is_loopback
from milestones.domain.greeting import wire_name
from milestones.formats.mail_addresses import domain_in_ascii, pattern_form

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9a-fA-F:]+")
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

_ENGLISH = "en"
_CURRENCY = re.compile("[A-Z]{3}")


def _pattern(value: str) -> str:
    if (
        pattern_form(value) is None
        or value.count("@") != 1
        or any(character.isspace() for character in value)
    ):
        raise ValueError('must be an address or a pattern such as "*@example.com"')
    return value


def _host(value: str) -> str:
    host = value if ":" in value else domain_in_ascii(value)
    if host is None or not _HOST.fullmatch(host):
        raise ValueError(
            'must be the name of a host such as "smtp.example.com"; the port has a key of its own'
        )
    return host


def _hello(value: str) -> str:
    result = wire_name(value)
    if result is None:
        raise ValueError(
            'must be the full name of this machine such as "shop.example.com", or its address in brackets'
        )
    return result


def _selector(value: str) -> str:
    if not _SELECTOR.fullmatch(value):
        raise ValueError("must be the name of a DKIM selector, the first part of its DNS record")
    return value


def _language(value: str) -> str:
    if value == _ENGLISH:
        return value
    # Imported here because it takes a tenth of a second, and the default needs no looking up.
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415

    try:
        Locale.parse(value, sep="-")
    except (ValueError, UnknownLocaleError):
        raise ValueError('must be a language such as "en", "de" or "en-GB"') from None
    return value


def _currency(value: str) -> str:
    if not _CURRENCY.fullmatch(value):
        raise ValueError('must be the code of a currency such as "EUR"')
    return value


class MailSettings(Table):
    """``[mail]``.

    port: that of ``tls`` where none is given.
    hello: the name by which the mail server is greeted; by default this machine's, if it has one that may stand there.
    connections, per_minute: to one host; a limit over all of them.
    on_lost_answer: what becomes of a mail of which nobody knows whether the server took it.
    only_to: patterns such as ``*@example.com``; where there are any, nothing leaves for other addresses.
    unsubscribe: our own link, or that of Wix.
    language, currency: how dates, numbers and amounts are written, as ``de`` or ``en-GB``, and ISO 4217.
    dkim_selector: for ``check --online``, which cannot guess it.
    """

    transport: Literal["folder", "smtp"] = "folder"
    folder: ConfiguredPath = Path("var/mail")
    sender: Mailbox
    host: Annotated[str, AfterValidator(_host)] | None = None
    port: Whole = Field(default=587, ge=1, le=65_535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = Field(default=None, min_length=1)
    password: SecretValue | None = None
    hello: Annotated[str, AfterValidator(_hello)] | None = None
    connections: Whole = Field(default=4, ge=1, le=100)
    per_minute: Whole = Field(default=600, ge=1)
    on_lost_answer: Literal["hold", "resend"] = "hold"
    only_to: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
    unsubscribe: Literal["own", "wix"] = "own"
    language: Annotated[str, AfterValidator(_language)] = _ENGLISH
    currency: Annotated[str, AfterValidator(_currency)] | None = None
    dkim_selector: Annotated[str, AfterValidator(_selector)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, values: Any) -> Any:
        if isinstance(values, dict) and "port" not in values:
            return {**values, "port": _PORTS.get(str(values.get("tls", "starttls")), 587)}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_faults(self))
        return self

    @property
    def leaves_the_machine(self) -> bool:
        """Whether mail goes to a server that is not on this machine."""
        return self.transport == "smtp" and not is_loopback(self.host)


def _faults(mail: MailSettings) -> Iterator[Fault]:
    if mail.transport == "smtp" and mail.host is None:
        yield Fault(("host",), "is missing; smtp needs the name of a mail server")
    if mail.username is not None and mail.password is None:
        yield Fault(("password",), "is missing; there is a username")
    if mail.password is not None and mail.username is None:
        yield Fault(("username",), "is missing; there is a password")
    if mail.username is not None and mail.tls == "none" and mail.leaves_the_machine:
        yield Fault(("tls",), "would send the password in the clear; use starttls or implicit")
